import CaseRouting
import Operations
import Postgres

/// Aliases one by one. Every change raises the configuration's version, so that workers take it over.
public struct PostgresAliasStore: AliasStore {
    private let failures: PostgresFailureStore

    public init(_ database: PostgresDatabase) {
        failures = PostgresFailureStore(database)
    }

    public func aliases() async throws(RoutingFailure) -> [AliasSetup] {
        try await failures.asked { database throws(PostgresError) in
            try await PostgresConfigurationStore.aliases(database)
        }
    }

    public func servers() async throws(RoutingFailure) -> [String] { try await failures.known().servers }

    public func hasSkill(
        _ name: String, cic: String
    ) async throws(RoutingFailure) -> (isThere: Bool, at: CaseRouting.Timestamp)? {
        try await failures.asked { database throws(PostgresError) in
            let row = try await database.query(
                """
                SELECT coalesce(bool_or(name = $2), false), max(seen_at) FROM caserouter.directory
                WHERE cic = $1 AND kind = 'skill'
                """, [.text(cic), .text(name)])[0]
            guard let at = try row.optionalTimestamp(1) else { return nil }
            return (try row.bool(0), at)
        }
    }

    public func add(_ alias: AliasSetup, by author: Author) async throws(RoutingFailure) -> Bool {
        let rows = try await change("aliases add", alias.target, after: alias.means, author) {
            transaction throws(PostgresError) in
            try await transaction.query(
                """
                INSERT INTO caserouter.aliases (cic, kind, name, means) VALUES ($1, $2, $3, $4)
                ON CONFLICT (cic, kind, name) DO NOTHING RETURNING means
                """, [.text(alias.cic), .text(alias.kind.rawValue), .text(alias.name), .text(alias.means)])
        }
        return rows != nil
    }

    public func remove(
        _ kind: AliasSetup.Kind, _ name: String, cic: String, by author: Author
    ) async throws(RoutingFailure) -> String? {
        let target = AliasSetup(cic: cic, kind: kind, name: name, means: "").target
        return try await change("aliases remove", target, after: nil, author) { transaction throws(PostgresError) in
            try await transaction.query(
                "DELETE FROM caserouter.aliases WHERE cic = $1 AND kind = $2 AND name = $3 RETURNING means",
                [.text(cic), .text(kind.rawValue), .text(name)])
        }
    }

    /// What the statement returned, or nil when it changed nothing.
    private func change(
        _ action: String, _ target: String, after: String?, _ author: Author,
        _ body: @Sendable (PostgresTransaction) async throws(PostgresError) -> PostgresRows
    ) async throws(RoutingFailure) -> String? {
        try await failures.asked { database throws(PostgresError) in
            try await database.transaction(name: action) { transaction throws(PostgresError) in
                guard let means = try await body(transaction).first?.text(0) else { return nil }
                _ = try await transaction.query(
                    """
                    INSERT INTO caserouter.audit (actor, host, action, target, before, after)
                    VALUES ($1, $2, $3, $4, CASE WHEN $6::text IS NULL THEN jsonb_build_object('means', $5::text) END,
                        CASE WHEN $6::text IS NOT NULL THEN jsonb_build_object('means', $6::text) END)
                    """,
                    [
                        .text(author.name), .text(author.host), .text(action), .text(target), .text(means),
                        after.map { .text($0) } ?? .null,
                    ])
                _ = try await transaction.query("UPDATE caserouter.configuration_version SET version = version + 1")
                return means
            }
        }
    }
}

extension AliasSetup {
    var target: String { ConfigurationChange.alias(self).target }
}
