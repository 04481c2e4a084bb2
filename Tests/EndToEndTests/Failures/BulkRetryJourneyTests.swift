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
            try await Self.killPlanning(installation)
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
            try await eventually("some are sent") { try await installation.retries() >= 5 }
            let second = try await installation.run(["retries", "start", id, "--rate", "200"])
            #expect(second.status == 0)
            #expect(second.output.contains("nothing was changed"))

            // The one that does the housekeeping dies; another takes over when its lease is over.
            first.process.signal(SIGKILL)
            let heir = try await installation.start("route", name: "two")
            try await eventually("all are sent") { try await installation.retries() == 45 }
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
            #expect(shown.output.contains("as of") && shown.output.contains("at 2/s"), "\(shown.output)")
            let cancelled = try await installation.run(["retries", "cancel", id])
            #expect(cancelled.output.contains("cancelled"))
            #expect(try await installation.run(["retries", "list"]).output.contains("cancelled"))
            #expect(heir.process.exitStatus == nil)
        }
    }

    /// Who is killed while planning leaves a whole plan or none, and nothing that was sent.
    private static func killPlanning(_ installation: Installation) async throws {
        for milliseconds in [30, 80, 130, 200, 300] {
            let process = try ChildProcess(
                try Installation.program(), ["failed", "retry", "--all"], environment: installation.surroundings([:]),
                directory: installation.directory.path, output: installation.directory.appending(path: "killed").path)
            // No condition to wait for: it shall be met at any moment.
            try await Task.sleep(for: .milliseconds(milliseconds))
            process.signal(SIGKILL)
            _ = try await process.wait(atMost: .seconds(240))
        }
        let parts = try await installation.query(
            """
            SELECT b.id::text FROM caserouter.bulk_retries b
            WHERE b.state <> 'planned' OR 45 <> (SELECT count(*) FROM caserouter.bulk_retry_items i WHERE i.retry = b.id)
            """)
        #expect(parts == [])
        #expect(try await installation.retries() == 0)
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
                (["retries", "show", "x"], "id", 64), (["retries", "start", "7", "--rate", "x"], "5/s", 64),
                (["retries", "start", "7"], "there are none", 1), (["retries", "cancel", "7"], "there are none", 1),
                (["retries", "list", "--limit", "0"], "1 or more", 64), (["failed", "discard", "1"], "--reason", 64),
                (["failed", "discard", "1", "--reason", " "], "why", 64),
                (["failed", "discard", "4711", "--reason", "x"], "failed list", 1),
                (["failed", "restore", "4711"], "failed list", 1), (["failed", "list", "--limit", "0"], "--limit", 64),
                (["failed", "list", "--workgroup", "Suport"], "there are none", 64),
                (["failed", "list", "--cic", "main"], "there are none", 64),
                (["failed", "retry", "1", "--cause", "cic-error"], "not both", 64),
                (["failed", "retry", "--all", "--rate", "5"], "--start", 64), (["failed", "lst"], "“failed list”", 64),
                (["queues", "move", "--from", "dead"], "there is: failed", 64),
                (["queues", "move", "--from", "failed", "--limit", "0"], "1 or more", 64),
                (["case", "4711"], "4711", 1), (["report", "daily"], "accounting, volume", 64),
                (["case", "erase", "4711", "--reason", "x"], "there is no case", 64),
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
