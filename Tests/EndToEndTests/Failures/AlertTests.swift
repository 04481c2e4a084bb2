import Foundation
import TestSupport
import Testing

/// An accounting that does not add up is told within a minute, wherever people look.
@Suite(.serialized) struct AlertTests {
    /// Merged, without an outcome, and of a case for which nothing is left to be done: nobody will ever close it.
    private static let lost = """
        INSERT INTO caserouter.orgs (name, organization_id, login_url, flow, mode)
        VALUES ('acme', '00D000000000001EAA', 'https://x', 'client-credentials', 'live');
        INSERT INTO caserouter.cases (org, case_id, case_number, revision, applied_revision, version_epoch)
        VALUES ('acme', '\(FailingSite.id(7))', '00004711', 3, 3, 1);
        INSERT INTO caserouter.requests (
            day, org, event_key, case_id, version, version_epoch, change, body, found, occurred_at, seen_at)
        VALUES ((now() AT TIME ZONE 'UTC')::date, 'acme', 'o:1', '\(FailingSite.id(7))', 1, 1, 'created', '', 'stream',
            now(), now());
        """

    private struct Status: Decodable {
        struct Finding: Decodable { let sentence, command: String }
        struct Org: Decodable { let accounting_difference: Int }

        let orgs: [Org]
        let needs_a_person: [Finding]
    }

    private static func status(_ installation: Installation) async throws -> Status {
        let outcome = try await installation.run(["status", "--json"])
        #expect(outcome.status == 1, "there is no ingest worker: \(outcome.errors)")
        return try JSONDecoder().decode(Status.self, from: Data(outcome.output.utf8))
    }

    @Test func `a request that nobody will close is an alert within a minute, and no longer when it is healed`()
        async throws
    {
        try await Installation.with { installation in
            let worker = try await installation.start("route")
            try await eventually("it does the housekeeping") {
                try await installation.query("SELECT owner FROM caserouter.leases WHERE kind = 'housekeeping'").count
                    == 1
            }
            try await installation.execute(Self.lost)
            try await eventually("the log says so") {
                try worker.log.contains("error accounting differs")
            }
            #expect(try worker.log.contains("case=00004711"))

            let status = try await Self.status(installation)
            #expect(status.orgs.map(\.accounting_difference) == [1])
            let finding = try #require(status.needs_a_person.first { $0.sentence.contains("does not add up") })
            #expect(finding.sentence.contains("00004711"))
            #expect(finding.command.contains("caserouter case 00004711 --org acme --why"))
            let serve = try await installation.start("serve")
            // What Prometheus compares with 0: within its five seconds.
            func metric() async throws -> Double? {
                MetricsTests.value(
                    #"caserouter_accounting_difference{org="acme"}"#,
                    in: try await MetricsTests.get(serve, "metrics").body)
            }
            try await eventually("it listens") { try serve.log.contains("http served") }
            #expect(try await metric() == 1)
            let report = try await installation.run(["report", "accounting"])
            #expect(report.status == 1)
            #expect(report.output.contains("difference"))

            _ = try await installation.query(
                "UPDATE caserouter.requests SET outcome = 'routed', finished_at = now() RETURNING outcome")
            try await eventually("the log says that it is over") {
                try worker.log.contains("info accounting holds")
            }
            #expect(try await Self.status(installation).orgs.map(\.accounting_difference) == [0])
            try await eventually("the metric is 0 again") { try await metric() == 0 }
            #expect(try await installation.run(["report", "accounting"]).status == 0)
            #expect(worker.process.exitStatus == nil)
        }
    }
}
