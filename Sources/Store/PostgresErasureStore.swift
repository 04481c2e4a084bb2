import CaseRouting
import Operations
import Postgres

/// Erases a case's traces; the statements are functions of the database, which run with its owner's rights.
public struct PostgresErasureStore: ErasureStore {
    private let database: PostgresDatabase

    public init(_ database: PostgresDatabase) { self.database = database }

    public func cases(named name: String, org: String?) async throws(RoutingFailure) -> [CaseKey] {
        let id: String?
        do throws(InvalidRecordID) {
            id = try RecordID(name).description
        } catch {
            id = nil
        }
        return try await stored { () throws(PostgresError) in
            try await database.query(
                """
                SELECT org, case_id FROM caserouter.cases
                WHERE (case_id = $1 OR case_number = $2 AND $2 <> '') AND ($3::text IS NULL OR org = $3) ORDER BY org, case_id
                """, [id.map { .text($0) } ?? .null, .text(name), org.map { .text($0) } ?? .null], name: "find case"
            ).map { row throws(PostgresError) in CaseKey(org: try row.text(0), caseID: try row.recordID(1)) }
        }
    }

    public func checkErasable(_ key: CaseKey) async throws(RoutingFailure) {
        try await stored { () throws(PostgresError) in
            _ = try await database.query(
                "SELECT 1 FROM caserouter.check_erasable($1, $2)", [.text(key.org), .text(key.caseID.description)],
                name: "check erasable")
        }
    }

    public func erase(
        _ key: CaseKey, as token: RecordID, reason: String, by author: Author
    ) async throws(RoutingFailure) -> [(table: String, count: Int64)] {
        try await stored { () throws(PostgresError) in
            try await database.query(
                "SELECT name, changed FROM caserouter.erase_case($1, $2, $3, $4, $5, $6)",
                [
                    .text(key.org), .text(key.caseID.description), .text(token.description), .text(author.name),
                    .text(author.host), .text(reason),
                ], name: "erase case"
            ).map { row throws(PostgresError) in (table: try row.text(0), count: try row.int64(1)) }
        }
    }

    /// What our functions raise is a sentence for the person who asked.
    private func stored<Value>(
        _ body: () async throws(PostgresError) -> Value
    ) async throws(RoutingFailure) -> Value {
        do throws(PostgresError) {
            return try await body()
        } catch {
            if error.sqlState == "P0001" {
                throw RoutingFailure(.permanent, at: .store, cause: .database, error.text)
            }
            throw RoutingFailure(error, needing: .admin)
        }
    }
}
