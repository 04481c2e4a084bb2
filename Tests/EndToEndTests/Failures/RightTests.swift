import Foundation
import TestSupport
import Testing

/// Who lacks a right is told which, whatever the command.
@Suite(.serialized) struct RightTests {
    private static let admin = "caserouter_admin"

    private static let commands: [(words: String, role: String)] = [
        ("status", admin), ("case 1001", admin), ("case 1001 --why", admin), ("audit list", admin),
        ("failed list", admin), ("failed list --by cause", admin), ("failed show 1001", admin),
        ("failed retry 1001", admin), ("failed retry --all", admin), ("failed retry --all --start", admin),
        ("failed discard 1001 --reason spam", admin), ("failed restore 1001", admin), ("retries list", admin),
        ("retries show 1", admin), ("retries start 1", admin), ("retries cancel 1", admin), ("aliases list", admin),
        ("aliases add east Germn German", admin), ("aliases remove east Germn", admin),
        ("case erase 1001 --reason asked", admin), ("sweep acme", admin), ("pause org:acme --why x", admin),
        ("resume org:acme", admin), ("report accounting", "caserouter_report"), ("report waiting", "caserouter_report"),
    ]

    private static func error(_ outcome: Installation.Outcome) throws -> String {
        try JSONDecoder().decode([String: String].self, from: Data(outcome.errors.utf8))["error"] ?? ""
    }

    @Test func `a log-in without the role of a command is told which role that is`() async throws {
        try await Installation.with { installation in
            try await installation.failCases(1...1)
            let name = "nobody_\(installation.database.name)"
            try await FailureJourneyTests.psql(installation, "CREATE ROLE \(name) LOGIN PASSWORD 'x';")
            var address = try #require(URLComponents(string: installation.databaseURL))
            (address.user, address.password) = (name, "x")
            let surroundings: [String: String?] = ["CASEROUTER_DATABASE_URL": address.string]
            for (words, role) in Self.commands {
                let outcome = try await installation.run(
                    words.split(separator: " ").map(String.init) + ["--json"], surroundings)
                #expect(outcome.status == 78, "\(words): \(outcome.output)\(outcome.errors)")
                #expect(outcome.output.isEmpty, "\(words)")
                let error = try Self.error(outcome)
                #expect(error.contains("permission denied") && error.contains(role), "\(words): \(error)")
            }
            #expect(try await installation.query("SELECT actor FROM caserouter.audit") == [])

            // With the role it is done. A password that is wrong is no missing role.
            try await FailureJourneyTests.psql(installation, "GRANT caserouter_admin TO \(name);")
            let list = try await installation.run(["failed", "list"], surroundings)
            #expect(list.output.contains("1001"), "\(list.errors)")
            let retried = try await installation.run(["failed", "retry", "1001"], surroundings)
            #expect(retried.output.contains("sent again"), "\(retried.errors)")
            try await FailureJourneyTests.psql(installation, "DROP OWNED BY \(name); DROP ROLE \(name);")
        }
    }

    @Test func `a user of the broker without a right is told which`() async throws {
        try await Installation.with { installation in
            let user = "u_\(installation.database.name)"
            try await Installation.management("PUT", "users/\(user)", Data(#"{"password": "x", "tags": ""}"#.utf8))
            var address = try #require(
                URLComponents(string: try Installation.variable("CASEROUTER_TEST_BROKER_URL")))
            (address.user, address.password) = (user, "x")
            let broker = (address.string ?? "") + "/" + installation.virtualHost
            func refusal(_ words: String) async throws -> String {
                let outcome = try await installation.run(
                    words.split(separator: " ").map(String.init) + ["--json"], ["CASEROUTER_BROKER_URL": broker])
                #expect(outcome.status == 78, "\(words)")
                return try Self.error(outcome)
            }
            for words in ["queues list", "queues move --from failed"] {
                let error = try await refusal(words)
                #expect(error.contains("refused for user '\(user)'"), "\(words): \(error)")
            }
            try await Installation.management(
                "PUT", "permissions/\(installation.virtualHost)/\(user)",
                Data(#"{"configure": "", "write": "", "read": "caserouter.requests"}"#.utf8))
            try await installation.publish(Array("x".utf8), to: "caserouter.failed")
            let error = try await refusal("queues move --from failed")
            #expect(error.contains("caserouter.failed") && error.contains("rights to read and write"), "\(error)")
            try await Installation.management("DELETE", "users/\(user)")
        }
    }
}
