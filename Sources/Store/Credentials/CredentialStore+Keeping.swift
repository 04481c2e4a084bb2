import CaseRouting
import Operations
import Postgres

/// A stored secret, without it.
public struct StoredCredential: Equatable, Sendable {
    public let target: String
    public let version: Int32
    public let keyID: String
    /// Whether it is the version in force.
    public let isNewest: Bool
    public let changedBy: String
    public let changedAt: CaseRouting.Timestamp
}

extension CredentialStore {
    /// All versions of all secrets.
    public func list() async throws -> [StoredCredential] {
        try await database.query(
            """
            SELECT target, version, key_id, newest, changed_by, changed_at FROM caserouter.credentials
            ORDER BY target, version DESC
            """
        ).map { row throws(PostgresError) in
            StoredCredential(
                target: try row.text(0), version: try row.int32(1), keyID: try row.text(2), isNewest: try row.bool(3),
                changedBy: try row.text(4), changedAt: try row.timestamp(5))
        }
    }

    /// Removes a secret for good: all versions, or the one in force, after which the one before it counts again.
    ///
    /// - Returns: the versions that were removed, and the one that counts now.
    public func remove(
        _ target: String, onlyNewest: Bool, by author: Author
    ) async throws -> (removed: [Int32], inForce: Int32?) {
        try await database.transaction(name: "remove credential") { transaction throws(PostgresError) in
            let removed = try await transaction.query(
                "DELETE FROM caserouter.credentials WHERE target = $1 AND (newest OR NOT $2) RETURNING version",
                [.text(target), .bool(onlyNewest)]
            ).map { row throws(PostgresError) in try row.int32(0) }
            guard !removed.isEmpty else { return ([], nil) }
            let inForce = try await transaction.query(
                """
                UPDATE caserouter.credentials SET newest = true
                WHERE target = $1 AND version = (SELECT max(version) FROM caserouter.credentials WHERE target = $1)
                RETURNING version
                """, [.text(target)]
            ).first.map { row throws(PostgresError) in try row.int32(0) }
            _ = try await transaction.query(
                """
                INSERT INTO caserouter.audit (actor, host, action, target, before, after)
                VALUES ($1, $2, 'credentials remove', $3, jsonb_build_object('versions', $4::int[]),
                    jsonb_build_object('version', $5::int))
                """,
                [
                    .text(author.name), .text(author.host), .text(target), .int4Array(removed),
                    inForce.map { .int4($0) } ?? .null,
                ])
            _ = try await transaction.query("UPDATE caserouter.configuration_version SET version = version + 1")
            return (removed.sorted(), inForce)
        }
    }

    /// Secrets re-wrapped in one transaction.
    private static let portion: Int64 = 20

    /// Wraps the data keys of all secrets under the first key of the file. Workers go on reading meanwhile; killed at any
    /// moment it is as far as it came, and goes on when it is run again.
    ///
    /// - Returns: how many were re-wrapped now.
    public func rewrap(by author: Author) async throws -> Int {
        var count = 0
        while true {
            let keys = keys
            let done = try await database.transaction(name: "rotate keys") { transaction throws(PostgresError) in
                let rows = try await transaction.query(
                    """
                    SELECT target, version, key_id, wrapped_key, sealed FROM caserouter.credentials
                    WHERE key_id <> $1 ORDER BY target, version LIMIT $2 FOR UPDATE
                    """, [.text(keys.primary), .int8(Self.portion)])
                for row in rows {
                    let (target, version) = (try row.text(0), try row.int32(1))
                    let sealed = SealedSecret(
                        keyID: try row.text(2), wrappedKey: try row.bytes(3), sealed: try row.bytes(4))
                    let new: SealedSecret
                    do throws(MasterKeys.Problem) {
                        new = try sealed.rewrapped(for: target, version: version, with: keys)
                    } catch {
                        throw PostgresError(.other, "rotate keys", error.description)
                    }
                    _ = try await transaction.query(
                        "UPDATE caserouter.credentials SET key_id = $3, wrapped_key = $4 WHERE target = $1 AND version = $2",
                        [.text(target), .int4(version), .text(new.keyID), .bytea(new.wrappedKey)])
                    _ = try await transaction.query(
                        """
                        INSERT INTO caserouter.audit (actor, host, action, target, before, after)
                        VALUES ($1, $2, 'keys rotate', $3, jsonb_build_object('version', $4::int, 'key', $5::text),
                            jsonb_build_object('version', $4::int, 'key', $6::text))
                        """,
                        [
                            .text(author.name), .text(author.host), .text(target), .int4(version),
                            .text(sealed.keyID), .text(new.keyID),
                        ])
                }
                return rows.count
            }
            if done == 0 { return count }
            count += done
        }
    }
}
