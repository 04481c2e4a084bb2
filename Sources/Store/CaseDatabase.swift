import CaseRouting
import Polling
import Postgres

extension PostgresDatabase {
    /// The sessions of a process that works on cases: flushes lock their cases in the order of keys, and every new
    /// session compares the database's timeline with the stored one before anything is sent through it (design.md 7,
    /// lost rows). What has to be dropped then, `timelineChanges` says.
    public static func forCases(
        _ address: PostgresAddress, _ settings: PostgresSettings, on executor: PollExecutor, sessions: Int = 2
    ) -> PostgresDatabase {
        PostgresDatabase(
            address, settings, on: executor, sessions: sessions, lock: ReadStatement.lock,
            admission: { connection throws(PostgresError) in try await Timeline.compare(connection) })
    }

    /// A single statement outside the flushes, with the error of the ports.
    func ask(
        _ sql: String, _ parameters: [PostgresValue] = [], name: String
    ) async throws(RoutingFailure) -> PostgresRows {
        do throws(PostgresError) {
            return try await query(sql, parameters, name: name)
        } catch {
            throw RoutingFailure(error)
        }
    }
}
