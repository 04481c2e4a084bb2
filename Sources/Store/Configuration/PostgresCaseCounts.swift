import CaseRouting
import Operations
import Postgres

/// How many cases a change of what is set concerns.
public struct PostgresCaseCounts: CaseCounts {
    private let database: PostgresDatabase

    public init(_ database: PostgresDatabase) { self.database = database }

    public func unoffered(org: String, queue: RecordID) async throws(RoutingFailure) -> Int {
        try await count(
            """
            SELECT count(*) FROM caserouter.cases c
            WHERE c.org = $1 AND c.owner = $2 AND NOT c.closed AND c.want_cic IS NULL AND NOT EXISTS (
                SELECT FROM caserouter.episodes e WHERE e.org = c.org AND e.case_id = c.case_id AND e.ended_at IS NULL)
            """, [.text(org), .text(queue.description)])
    }

    public func wanted(by mapping: Int32) async throws(RoutingFailure) -> Int {
        try await count(
            "SELECT count(*) FROM caserouter.cases WHERE NOT closed AND want_mapping = $1", [.int4(mapping)])
    }

    public func waiting(org: String) async throws(RoutingFailure) -> Int {
        try await count(
            """
            SELECT count(*) FROM caserouter.cases c
            WHERE c.org = $1 AND NOT c.closed AND c.want_cic IS NULL AND EXISTS (
                SELECT FROM caserouter.mappings m
                WHERE m.newest AND m.enabled AND m.org = c.org AND m.queue_id = c.owner AND starts_with(m.queue_id, '00G'))
            """, [.text(org)])
    }

    public func active(org: String) async throws(RoutingFailure) -> Int {
        // Closed cases are wanted nowhere; said in the words of the indexes, because cases that were closed are millions.
        try await count(
            """
            SELECT count(*) FROM caserouter.cases c
            WHERE c.org = $1 AND (NOT c.closed AND c.want_cic IS NOT NULL
                OR c.applied_revision < c.revision AND c.attempts < 8
                OR c.applied_revision < c.revision AND c.attempts >= 8)
            """, [.text(org)])
    }

    public func queue(ofMappingFor queue: String, org: String) async throws(RoutingFailure) -> RecordID? {
        let rows = try await database.ask(
            "SELECT queue_id FROM caserouter.mappings WHERE newest AND org = $1 AND queue_name = $2 AND queue_id IS NOT NULL",
            [.text(org), .text(queue)], name: "queue of mapping", needing: .admin)
        do throws(PostgresError) {
            return try rows.first?.recordID(0)
        } catch {
            throw RoutingFailure(error)
        }
    }

    private func count(_ sql: String, _ parameters: [PostgresValue]) async throws(RoutingFailure) -> Int {
        let rows = try await database.ask(sql, parameters, name: "count cases", needing: .admin)
        do throws(PostgresError) {
            return Int(try rows[0].int64(0))
        } catch {
            throw RoutingFailure(error)
        }
    }
}
