import CaseRouting
import JSON
import Operations
import Postgres

/// What people set, in PostgreSQL.
public struct PostgresConfigurationStore: ConfigurationStore {
    private let database: PostgresDatabase

    public init(database: PostgresDatabase) { self.database = database }

    public func version() async throws(RoutingFailure) -> Int64 {
        try await stored { database throws(PostgresError) in
            try await database.query("SELECT version FROM caserouter.configuration_version")[0].int64(0)
        }
    }

    public func load() async throws(RoutingFailure) -> StoredConfiguration {
        try await stored { database throws(PostgresError) in
            // The version first: a change between the statements is read again at the next look.
            let version = try await database.query("SELECT version FROM caserouter.configuration_version")[0].int64(0)
            let installation = try await database.query("SELECT id::text FROM caserouter.installation")[0].text(0)
            return StoredConfiguration(
                version: version, installation: installation, orgs: try await Self.orgs(database),
                servers: try await Self.servers(database), mappings: try await Self.mappings(database),
                aliases: try await Self.aliases(database))
        }
    }

    public func apply(_ changes: [ConfigurationChange], by author: Author) async throws(RoutingFailure) {
        try await stored { database throws(PostgresError) in
            try await database.transaction(name: "apply configuration") { transaction throws(PostgresError) in
                for change in changes {
                    try await Self.save(change, author, transaction)
                    _ = try await transaction.query(
                        """
                        INSERT INTO caserouter.audit (actor, host, action, target, after)
                        VALUES ($1, $2, 'config apply', $3, $4)
                        """,
                        [.text(author.name), .text(author.host), .text(change.target), .jsonb(change.summary)])
                }
                _ = try await transaction.query("UPDATE caserouter.configuration_version SET version = version + 1")
            }
        }
    }

    private func stored<Value: Sendable>(
        _ body: (PostgresDatabase) async throws(PostgresError) -> Value
    ) async throws(RoutingFailure) -> Value {
        do throws(PostgresError) {
            return try await body(database)
        } catch {
            throw RoutingFailure(
                error.kind == .permission ? .configuration : .own, at: .store, cause: .database, error.description)
        }
    }
}

extension ConfigurationChange {
    /// What was set, for the audit.
    fileprivate var summary: String {
        switch self {
        case .org(let org):
            return Self.json([
                ("login_url", org.loginURL), ("flow", org.flow.rawValue), ("mode", org.mode.rawValue),
                ("organization_id", org.organizationID.description),
            ])
        case .server(let server):
            return Self.json([
                ("hosts", server.hosts.joined(separator: " ")), ("creation", server.creation.rawValue),
                ("holding", server.holding),
            ])
        case .mapping(_, let mapping):
            return Self.json([
                ("cic", mapping.cic), ("workgroup", mapping.workgroup),
                ("skills", mapping.skills.joined(separator: ";")), ("enabled", "\(mapping.isEnabled)"),
            ])
        case .alias(let alias): return Self.json([("means", alias.means)])
        }
    }

    private static func json(_ members: [(String, String)]) -> String {
        String(
            decoding: JSONWriter.object { object in for (name, value) in members { object.write(name, value) } },
            as: UTF8.self)
    }
}
