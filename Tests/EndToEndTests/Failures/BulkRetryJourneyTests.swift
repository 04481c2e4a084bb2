import Foundation
import TestSupport
import Testing

/// A bulk retry through the real program, whose workers are killed meanwhile.
@Suite(.serialized) struct BulkRetryJourneyTests {
    @Test func `a bulk retry is planned, started, survives a kill, and sends every case once, at its rate`()
        async throws
    {
        try await Installation.with { installation in
            try await installation.failCases(1...45)
            _ = try await installation.query(
                """
                INSERT INTO caserouter.orgs (name, organization_id, login_url, flow, mode)
                VALUES ('acme', '00D000000000001EAA', 'https://x', 'client-credentials', 'live')
                """)
            _ = try await installation.query(
                """
                INSERT INTO caserouter.mappings (id, version, org, queue_id, queue_name, cic, workgroup, changed_by)
                VALUES (1, 1, 'acme', '\(FailingSite.queue)', 'q', 'east', 'Support', 'ann')
                """)
            let first = try await installation.start("route", name: "one")
            let plan = try await installation.run(["failed", "retry", "--cause", "skill-unknown", "--json"])
            #expect(plan.status == 0, "\(plan.errors)")
            struct Plan: Decodable {
                let id, eligible: Int
                let state: String
            }
            let made = try JSONDecoder().decode(Plan.self, from: Data(plan.output.utf8))
            #expect((made.eligible, made.state) == (45, "planned"))
            #expect(try await installation.retries() == 0)

            let id = "\(made.id)"
            let started = try await installation.run(["retries", "start", id, "--rate", "2/s"])
            #expect(started.status == 0, "\(started.errors)")
            #expect(started.output.contains("45 cases at 2/s"))
            try await eventually("some are sent", within: .seconds(60)) { try await installation.retries() >= 5 }
            let second = try await installation.run(["retries", "start", id, "--rate", "200"])
            #expect(second.status == 0)
            #expect(second.output.contains("nothing was changed"))

            // The one that does the housekeeping dies; another takes over when its lease is over.
            first.process.signal(SIGKILL)
            let heir = try await installation.start("route", name: "two")
            try await eventually("all are sent", within: .seconds(150)) { try await installation.retries() == 45 }
            let distinct = try await installation.query(
                "SELECT DISTINCT target FROM caserouter.audit WHERE action = 'failed retry'")
            #expect(distinct.count == 45)
            let most = try await installation.query(
                """
                SELECT max((
                    SELECT count(*) FROM caserouter.audit b
                    WHERE b.action = 'failed retry' AND b.at BETWEEN a.at AND a.at + interval '10 s'))::text
                FROM caserouter.audit a WHERE a.action = 'failed retry'
                """)
            #expect(most.compactMap { Int($0) }.allSatisfy { $0 <= 20 }, "\(most)")
            let shown = try await installation.run(["retries", "show", id])
            #expect(shown.output.contains("45 under way"), "their CIC server is nowhere: \(shown.output)")
            let cancelled = try await installation.run(["retries", "cancel", id])
            #expect(cancelled.output.contains("cancelled"))
            #expect(try await installation.run(["retries", "list"]).output.contains("cancelled"))
            #expect(heir.process.exitStatus == nil)
        }
    }

    @Test func `bad words are refused with the right ones, as JSON where JSON was asked for`() async throws {
        try await Installation.with { installation in
            for (words, right, status) in [
                (["failed", "list", "--cause", "skil-unknown"], "skill-unknown", 64),
                (["failed", "list", "--by", "colour"], "workgroup", 64),
                (["failed", "list", "--from", "tomorow"], "yesterday", 64),
                (["failed", "list", "--from", "2026-02-30"], "2026-11-21", 64),
                (["failed", "list", "--from", "2026-11-21", "--to", "2026-11-20"], "--to", 64),
                (["failed", "list", "--tz", "Middle/Earth"], "Europe/Berlin", 64),
                (["failed", "list", "--org", "acme"], "there are none", 64),
                (["failed", "show", "00004711"], "failed list", 1),
                (["failed", "retry"], "--all", 64),
                (["failed", "retry", "--all", "--start", "--rate", "1000"], "0.1 to 200", 64),
                (["retries", "show", "7"], "there are none", 1),
                (["aliases", "add", "east", "a", "b"], "there are none", 64),
                (["aliases", "remove", "east", "a", "--kind", "colour"], "workgroup", 64),
            ] {
                let outcome = try await installation.run(words)
                #expect(outcome.status == Int32(status), "\(words): \(outcome.errors)")
                #expect(outcome.errors.contains(right), "\(words): \(outcome.errors)")
                let json = try await installation.run(words + ["--json"])
                let error = try JSONDecoder().decode([String: String].self, from: Data(json.errors.utf8))
                #expect(error["error"]?.contains(right) == true, "\(words): \(json.errors)")
            }
        }
    }
}
