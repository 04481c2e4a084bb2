import CaseRouting
import Operations
import Postgres

/// The names of Salesforce and CIC as workers have read them.
public struct PostgresNameMirrors: NameMirrors {
    private let database: PostgresDatabase

    public init(_ database: PostgresDatabase) { self.database = database }

    public func queues(org: String) async throws(RoutingFailure) -> QueueMirror? {
        let rows = try await database.ask(
            """
            SELECT q.queue_id, q.name, q.developer_name,
                extract(epoch FROM now() - max(q.seen_at) OVER ())::float8
            FROM caserouter.salesforce_queues q WHERE q.org = $1 ORDER BY q.name
            """, [.text(org)], name: "mirror of queues", needing: .admin)
        do throws(PostgresError) {
            guard let first = rows.first else { return nil }
            return QueueMirror(
                queues: try rows.map { row throws(PostgresError) in
                    SalesforceQueue(
                        id: try row.recordID(0), name: try row.text(1), developerName: try row.text(2))
                }, age: .seconds(max(0, try first.double(3))))
        } catch {
            throw RoutingFailure(error)
        }
    }

    public func legacyMappings(org: String) async throws(RoutingFailure) -> LegacyMappingMirror? {
        let rows = try await database.ask(
            """
            SELECT l.row_id, l.queue, l.workgroup, l.skills, extract(epoch FROM now() - max(l.seen_at) OVER ())::float8
            FROM caserouter.legacy_mappings l WHERE l.org = $1 ORDER BY l.row_id
            """, [.text(org)], name: "mirror of legacy mappings")
        do throws(PostgresError) {
            guard let first = rows.first else { return nil }
            return LegacyMappingMirror(
                rows: try rows.map { row throws(PostgresError) in
                    LegacyMapping(
                        row: try row.recordID(0), queue: try row.text(1), workgroup: try row.text(2),
                        skills: try row.text(3))
                }, age: .seconds(max(0, try first.double(4))))
        } catch {
            throw RoutingFailure(error)
        }
    }

    public func directory(cic: String) async throws(RoutingFailure) -> DirectoryMirror? {
        try await PostgresDirectory(database).mirror(cic: cic).map {
            DirectoryMirror(directory: $0.directory, age: $0.age)
        }
    }
}
