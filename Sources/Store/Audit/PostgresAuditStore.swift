import CaseRouting
import Operations
import Postgres

public struct PostgresAuditStore: AuditStore {
    private let database: PostgresDatabase

    public init(_ database: PostgresDatabase) { self.database = database }

    public func entries(_ filter: AuditFilter) async throws(RoutingFailure) -> [AuditEntry] {
        let rows = try await database.ask(
            """
            SELECT id, at, actor, database_role, host, action, target, before, after FROM caserouter.audit
            WHERE ($1::text IS NULL OR starts_with(target, $1)) AND ($2::text IS NULL OR actor = $2)
                AND ($3::text IS NULL OR starts_with(action, $3))
                AND ($4::timestamptz IS NULL OR at >= $4) AND ($5::timestamptz IS NULL OR at < $5)
            ORDER BY at DESC, id DESC LIMIT $6
            """,
            [
                filter.target.map { .text($0) } ?? .null, filter.actor.map { .text($0) } ?? .null,
                filter.action.map { .text($0) } ?? .null, filter.from.map { .timestamptz($0.microseconds) } ?? .null,
                filter.to.map { .timestamptz($0.microseconds) } ?? .null, .int8(Int64(filter.limit)),
            ], name: "audit entries", needing: .admin)
        do throws(PostgresError) {
            return try rows.map { row throws(PostgresError) in
                AuditEntry(
                    id: try row.int64(0), at: try row.timestamp(1), actor: try row.text(2),
                    databaseRole: try row.text(3), host: try row.text(4), action: try row.text(5),
                    target: try row.text(6), before: try row.optionalJSON(7), after: try row.optionalJSON(8))
            }
        } catch {
            throw RoutingFailure(error)
        }
    }
}
