import CaseRouting
import Operations
import Postgres

/// Sweeps as a person asks for them: a row that the ingest worker which holds the org takes up.
struct SweepRequests: Sendable {
    private let database: PostgresDatabase

    init(_ database: PostgresDatabase) { self.database = database }

    /// - Returns: the sweep's number. A worker takes it up once it has the settings of this moment.
    func ask(
        _ org: String, queue: RecordID?, isDryRun: Bool, by author: Author
    ) async throws(PostgresError) -> Int64 {
        try await database.query(
            """
            INSERT INTO caserouter.sweeps (org, asked_by, asked_at, queue, dry_run, configuration)
            SELECT $1, $2, now(), $3, $4, version FROM caserouter.configuration_version RETURNING id
            """,
            [
                .text(org), .text(author.name), queue.map { .text($0.description) } ?? .null, .bool(isDryRun),
            ])[0].int64(0)
    }

    /// Whether an ingest worker holds the org.
    func isHeld(_ org: String) async throws(PostgresError) -> Bool {
        try await database.query(
            "SELECT EXISTS (SELECT FROM caserouter.leases WHERE kind = 'org' AND name = $1 AND until > now())",
            [.text(org)])[0].bool(0)
    }

    /// Waits for a dry run to be finished; nil: not in time.
    func wait(for id: Int64) async throws -> DryRun? {
        let deadline = ContinuousClock.now + Self.patience
        while ContinuousClock.now < deadline {
            if let found = try await finished(id) { return found }
            try await Task.sleep(for: .milliseconds(300))
        }
        return nil
    }

    private func finished(_ id: Int64) async throws(PostgresError) -> DryRun? {
        let rows = try await database.query(
            """
            SELECT compared, row_count, observed, offered, occurrences FROM caserouter.sweeps
            WHERE id = $1 AND finished_at IS NOT NULL
            """, [.int8(id)])
        guard let row = rows.first else { return nil }
        let findings = try await database.query(
            """
            SELECT change, why, case_id, case_number, owner FROM caserouter.sweep_findings WHERE sweep = $1 ORDER BY number
            """, [.int8(id)]
        ).map { row throws(PostgresError) in
            DryRun.Finding(
                change: try row.text(0), why: try row.text(1), case_id: try row.text(2), case_number: try row.text(3),
                owner: try row.text(4))
        }
        return DryRun(
            compared: try row.int32(0), rows: try row.int32(1), observed: try row.int32(2), waiting: try row.int32(3),
            occurrences: try row.int32(4), findings: findings)
    }

    private static let patience: Duration = .seconds(600)
}
