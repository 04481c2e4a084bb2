import CaseRouting
import Operations
import Postgres

/// Credentials of orgs and CIC servers, under envelope encryption. Only its holder of the key file can read them.
public struct CredentialStore: Sendable {
    let database: PostgresDatabase
    let keys: MasterKeys
    private let newerKeys: (@Sendable () throws -> MasterKeys)?

    /// - Parameter newerKeys: reads the key file again, when a secret is under a key that it did not hold before: keys
    ///   are rotated while workers run.
    public init(
        database: PostgresDatabase, keys: MasterKeys, newerKeys: (@Sendable () throws -> MasterKeys)? = nil
    ) {
        self.database = database
        self.keys = keys
        self.newerKeys = newerKeys
    }

    /// Replaces the credential of a target; the older ones stay, sealed, until they are removed.
    ///
    /// - Parameters:
    ///   - target: `org:NAME` or `cic:NAME`.
    ///   - secret: a JSON object of its parts.
    /// - Returns: the version it has.
    @discardableResult
    public func set(_ target: String, secret: [UInt8], by author: Author) async throws -> Int32 {
        try await database.transaction(name: "set credential") { transaction throws(PostgresError) in
            let rows = try await transaction.query(
                """
                SELECT coalesce(max(version), 0) + 1 FROM (
                    SELECT version FROM caserouter.credentials WHERE target = $1 FOR UPDATE) AS versions
                """, [.text(target)])
            let version = try rows[0].int32(0)
            let sealed: SealedSecret
            do throws(MasterKeys.Problem) {
                sealed = try SealedSecret(sealing: secret, for: target, version: version, with: keys)
            } catch {
                throw PostgresError(.other, "set credential", error.description)
            }
            _ = try await transaction.query(
                "UPDATE caserouter.credentials SET newest = false WHERE target = $1 AND newest", [.text(target)])
            _ = try await transaction.query(
                """
                INSERT INTO caserouter.credentials (target, version, key_id, wrapped_key, sealed, changed_by)
                VALUES ($1, $2, $3, $4, $5, $6)
                """,
                [
                    .text(target), .int4(version), .text(sealed.keyID), .bytea(sealed.wrappedKey),
                    .bytea(sealed.sealed),
                    .text(author.name),
                ])
            _ = try await transaction.query(
                """
                INSERT INTO caserouter.audit (actor, host, action, target, after)
                VALUES ($1, $2, 'credentials set', $3, jsonb_build_object('version', $4::int))
                """, [.text(author.name), .text(author.host), .text(target), .int4(version)])
            _ = try await transaction.query("UPDATE caserouter.configuration_version SET version = version + 1")
            return version
        }
    }

    /// The newest credential of a target; nil when none was set.
    public func read(_ target: String) async throws -> [UInt8]? {
        let rows = try await database.query(
            """
            SELECT version, key_id, wrapped_key, sealed FROM caserouter.credentials WHERE target = $1 AND newest
            """, [.text(target)])
        guard let row = rows.first else { return nil }
        let sealed = SealedSecret(
            keyID: try row.text(1), wrappedKey: try row.bytes(2), sealed: try row.bytes(3))
        let isKnown = keys.key(sealed.keyID) != nil
        return try sealed.open(
            for: target, version: try row.int32(0), with: isKnown ? keys : newerKeys?() ?? keys)
    }
}
