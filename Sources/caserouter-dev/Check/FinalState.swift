import Checker
import Foundation

/// Writes what is left of a run, beside the ledgers of its simulators: what PostgreSQL holds and what lies in the queues.
struct FinalState: Sendable {
    let run: RunDirectory
    let stack: PrivateStack

    /// Everything must be at rest: the checker takes it for the end.
    ///
    /// - Parameter poison: beginnings of unreadable messages that were sent to the queue of requests.
    func write(poison: [String] = []) async throws {
        try await writeQueues(poison)
        try await writeDatabase()
    }

    private func writeDatabase() async throws {
        try run.write(DatabaseQuery.text, to: "database.sql")
        let output = run.file(Evidence.File.database)
        let errors = run.file("database.log")
        unlink(output)
        let child = try ChildProcess(
            command: [
                try Executables.postgres("psql"), "--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set",
                "ON_ERROR_STOP=1", "--file", run.file("database.sql"), stack.postgres.url,
            ],
            environment: Executables.environment(home: run.path).merging([RunDirectory.marker: run.path]) { _, marker in
                marker
            }, output: output, errors: errors)
        let code = try await child.waitForExit(limit: .seconds(300))
        guard code == 0 else {
            throw RunFailure("the database could not be read (psql ended with \(code)): see \(errors)")
        }
    }

    private func writeQueues(_ poison: [String]) async throws {
        var lines: [[String: Any]] = try await BrokerQueues(stack.broker).depths().map {
            ["queue": $0.name, "messages": $0.messages]
        }
        lines += poison.map { ["poison": $0] }
        let text = try lines.map {
            String(decoding: try JSONSerialization.data(withJSONObject: $0, options: [.sortedKeys]), as: UTF8.self)
                + "\n"
        }
        try run.write(text.joined(), to: Evidence.File.queues)
    }
}
