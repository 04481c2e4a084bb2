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
            var stored = StoredConfiguration(
                version: version, installation: installation, orgs: try await Self.orgs(database),
                servers: try await Self.servers(database), mappings: try await Self.mappings(database),
                aliases: try await Self.aliases(database), settings: try await Self.settings(database))
            stored.formerWorkgroups = try await Self.formerWorkgroups(database)
            return stored
        }
    }

    public func apply(
        _ edits: [ConfigurationEdit], action: String, on version: Int64, by author: Author
    ) async throws(RoutingFailure) -> Bool {
        try await stored { database throws(PostgresError) in
            try await database.transaction(name: action) { transaction throws(PostgresError) in
                let rows = try await transaction.query(
                    "UPDATE caserouter.configuration_version SET version = version + 1 WHERE version = $1 RETURNING 1",
                    [.int8(version)])
                guard !rows.isEmpty else { return false }
                for edit in edits {
                    try await Self.save(edit.change, author, transaction)
                    _ = try await transaction.query(
                        """
                        INSERT INTO caserouter.audit (actor, host, action, target, before, after)
                        VALUES ($1, $2, $3, $4, $5, $6)
                        """,
                        [
                            .text(author.name), .text(author.host), .text(action), .text(edit.change.target),
                            edit.before.map { .jsonb($0.json) } ?? .null,
                            edit.change.after.map { .jsonb($0.json) } ?? .null,
                        ])
                }
                return true
            }
        }
    }

    private func stored<Value: Sendable>(
        _ body: (PostgresDatabase) async throws(PostgresError) -> Value
    ) async throws(RoutingFailure) -> Value {
        do throws(PostgresError) {
            return try await body(database)
        } catch {
            throw RoutingFailure(error, needing: .any)
        }
    }
}

extension SettingNode {
    /// For the audit.
    var json: String { String(decoding: JSONWriter.array { $0.write(value) }.dropFirst().dropLast(), as: UTF8.self) }

    private var value: JSONValue {
        switch self {
        case .text(let text): return .string(text)
        case .list(let list): return .array(list.map(\.value))
        case .section(let members):
            let bytes = JSONWriter.object { json in for (name, node) in members { json.write(name, node.value) } }
            do throws(JSONError) {
                return try JSONValue(parsing: bytes)
            } catch {
                preconditionFailure("what was just written cannot be read: \(error)")
            }
        }
    }
}
