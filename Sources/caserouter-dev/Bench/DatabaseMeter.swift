import Polling
import Postgres

/// What a benchmark asks the database.
struct DatabaseMeter {
    struct Reading: Sendable {
        var walBytes: Int64
        var commits: Int64
    }

    private let connection: PostgresConnection

    /// Opens a session for the time of `body`.
    static func with<Value>(
        _ url: String, _ body: (DatabaseMeter) async throws -> Value
    ) async throws -> Value {
        let loop = PollExecutor(name: "meter")
        defer { loop.stop() }
        let connection = try await PostgresConnection.open(
            PostgresAddress(url), PostgresSettings(applicationName: "bench meter"), on: loop)
        do {
            let value = try await body(DatabaseMeter(connection: connection))
            await connection.close()
            return value
        } catch {
            await connection.close()
            throw error
        }
    }

    func run(script: String) async throws { try await connection.execute(script: script, name: "bench") }

    /// Waits until ingest has found every mapped queue: a case that comes before is of a queue that nobody knows.
    func waitForQueues() async throws {
        let deadline = ContinuousClock.now + .seconds(120)
        while try await connection.query("SELECT 1 FROM caserouter.mappings WHERE queue_id IS NULL LIMIT 1").count > 0 {
            guard ContinuousClock.now < deadline else { throw RunFailure("ingest does not find the mapped queues") }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    /// What was written and committed since the server started. Commits are counted late: a session tells of them
    /// when it has had nothing to do for up to ten seconds.
    func read() async throws -> Reading {
        let rows = try await connection.query(
            """
            SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::int8, xact_commit
            FROM pg_stat_database WHERE datname = current_database()
            """)
        return Reading(walBytes: try rows[0].int64(0), commits: try rows[0].int64(1))
    }
}
