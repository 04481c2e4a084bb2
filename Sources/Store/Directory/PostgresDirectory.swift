import CaseRouting
import JSON
import Postgres

/// The mirror of the names of CIC servers: the watch of a server reads them once a minute and stores them here, for
/// workers and for commands.
public struct PostgresDirectory: Sendable {
    let database: PostgresDatabase

    public init(_ database: PostgresDatabase) { self.database = database }

    // MARK: Reading

    /// What the mirror of one server holds, and how old that is.
    public struct Mirror: Equatable, Sendable {
        public let directory: CICDirectory
        /// Since CIC was read.
        public let age: Duration
    }

    /// Nil: its watch has never read it.
    public func mirror(cic: String) async throws(RoutingFailure) -> Mirror? {
        let rows = try await database.ask(
            """
            SELECT extract(epoch FROM now() - r.read_at)::float8, d.kind, d.name, d.attributes
            FROM caserouter.directory_reads r LEFT JOIN caserouter.directory d ON d.cic = r.cic
            WHERE r.cic = $1 ORDER BY d.kind, d.name
            """, [.text(cic)], name: "mirror")
        guard let first = rows.first else { return nil }
        var directory = CICDirectory(workgroups: [], skills: [], users: [])
        do throws(PostgresError) {
            for row in rows where !row.isNull(1) {
                let name = try row.text(2)
                switch try row.text(1) {
                case "workgroup": directory.workgroups.append(try Self.workgroup(name, try row.json(3)))
                case "skill": directory.skills.append(name)
                default: directory.users.append(name)
                }
            }
            return Mirror(directory: directory, age: .seconds(max(0, try first.double(0))))
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
            throw PostgresError(.decoding, "mirror", "the attributes of workgroup \(name): \(error)")
        }
        return CICDirectory.WorkgroupEntry(
            name: name, isActive: value["active"]?.bool ?? false, hasQueue: value["queue"]?.bool ?? false,
            isACD: value["acd"]?.bool ?? false, takesEmail: value["email"]?.bool ?? false)
    }

    /// What the watches have written down of every server, and when its names changed last; all at one moment.
    public struct Standing: Equatable, Sendable {
        public let server: WatchedServer
        public let namesChangedAt: CaseRouting.Timestamp?
    }

    /// By the server's name.
    public func standings() async throws(RoutingFailure) -> [String: Standing] {
        let rows = try await database.ask(
            """
            SELECT s.name, s.identity,
                ARRAY(SELECT h.reason FROM caserouter.holds h WHERE h.kind = 'cic' AND h.name = s.name), r.changed_at
            FROM caserouter.cic_servers s LEFT JOIN caserouter.directory_reads r ON r.cic = s.name
            """, name: "standings")
        do throws(PostgresError) {
            var standings: [String: Standing] = [:]
            for row in rows {
                standings[try row.text(0)] = Standing(
                    server: WatchedServer(
                        identity: try row.optionalText(1),
                        holds: Set(try row.textArray(2).compactMap { Hold.Reason(rawValue: $0) })),
                    namesChangedAt: try row.optionalTimestamp(3))
            }
            return standings
        } catch {
            throw RoutingFailure(error)
        }
    }

    // MARK: Writing

    /// Stores what CIC told; only what differs is written. What is new or has changed is noted as a repair, and
    /// housekeeping sends the cases again that failed for want of it.
    public func replace(cic: String, _ directory: CICDirectory) async throws(RoutingFailure) {
        var kinds: [String] = []
        var names: [String] = []
        var attributes: [String] = []
        for workgroup in directory.workgroups {
            kinds.append("workgroup")
            names.append(workgroup.name)
            let bytes = JSONWriter.object { object in
                object.write("active", workgroup.isActive)
                object.write("queue", workgroup.hasQueue)
                object.write("acd", workgroup.isACD)
                object.write("email", workgroup.takesEmail)
            }
            attributes.append(String(decoding: bytes, as: UTF8.self))
        }
        for (kind, list) in [("skill", directory.skills), ("user", directory.users)] {
            for name in list {
                kinds.append(kind)
                names.append(name)
                attributes.append("{}")
            }
        }
        _ = try await database.ask(
            Self.replaceSQL, [.text(cic), .textArray(kinds), .textArray(names), .jsonbArray(attributes)],
            name: "replace directory")
    }

    private static let replaceSQL = """
        WITH m AS (
            SELECT DISTINCT ON (kind, name) * FROM unnest($2::text[], $3::text[], $4::jsonb[]) AS m (kind, name, attributes)
        ), gone AS (
            DELETE FROM caserouter.directory d
            WHERE d.cic = $1 AND NOT EXISTS (SELECT FROM m WHERE m.kind = d.kind AND m.name = d.name)
            RETURNING 1
        ), news AS (
            INSERT INTO caserouter.directory AS d (cic, kind, name, attributes) SELECT $1, kind, name, attributes FROM m
            ON CONFLICT (cic, kind, name) DO UPDATE SET attributes = excluded.attributes, seen_at = now()
            WHERE d.attributes IS DISTINCT FROM excluded.attributes
            RETURNING kind, name
        ), noted AS (
            INSERT INTO caserouter.directory_reads AS r (cic, read_at, changed_at) VALUES ($1, now(), now())
            ON CONFLICT (cic) DO UPDATE SET read_at = now(),
                changed_at = CASE
                    WHEN EXISTS (SELECT FROM gone) OR EXISTS (SELECT FROM news) THEN now() ELSE r.changed_at END
        )
        SELECT 1
        """
}
