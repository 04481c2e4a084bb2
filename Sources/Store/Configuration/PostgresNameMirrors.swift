import CaseRouting
import JSON
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
            """, [.text(org)], name: "mirror of queues")
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

    public func directory(cic: String) async throws(RoutingFailure) -> DirectoryMirror? {
        let rows = try await database.ask(
            """
            SELECT d.kind, d.name, d.attributes, extract(epoch FROM now() - max(d.seen_at) OVER ())::float8
            FROM caserouter.directory d WHERE d.cic = $1 ORDER BY d.kind, d.name
            """, [.text(cic)], name: "mirror of directory")
        do throws(PostgresError) {
            guard let first = rows.first else { return nil }
            var directory = CICDirectory(workgroups: [], skills: [], users: [])
            for row in rows {
                let name = try row.text(1)
                switch try row.text(0) {
                case "workgroup": directory.workgroups.append(try Self.workgroup(name, try row.json(2)))
                case "skill": directory.skills.append(name)
                default: directory.users.append(name)
                }
            }
            return DirectoryMirror(directory: directory, age: .seconds(max(0, try first.double(3))))
        } catch {
            throw RoutingFailure(error)
        }
    }

    private static func workgroup(
        _ name: String, _ attributes: String
    ) throws(PostgresError) -> CICDirectory.WorkgroupEntry {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(parsing: Array(attributes.utf8))
        } catch {
            throw PostgresError(.decoding, "mirror of directory", "the attributes of workgroup \(name): \(error)")
        }
        return CICDirectory.WorkgroupEntry(
            name: name, isActive: value["active"]?.bool ?? false, hasQueue: value["queue"]?.bool ?? false,
            isACD: value["acd"]?.bool ?? false, takesEmail: value["email"]?.bool ?? false)
    }
}
