import CaseRouting
import Postgres

/// Brings a database to this version: every migration that it has not had yet, in order, each in a transaction of its
/// own, under a lock that lets one migrator work at a time.
public struct Migrator: Sendable {
    private let migrations: [Migration]

    public init(_ migrations: [Migration] = Migration.all) { self.migrations = migrations }

    /// Whoever migrates this database; any number that nothing else uses there.
    private static let lockNumber = 7_246_031

    private static let ledger = """
        CREATE SCHEMA IF NOT EXISTS caserouter;
        CREATE TABLE IF NOT EXISTS caserouter.schema_migrations (
            number      integer PRIMARY KEY,
            name        text NOT NULL,
            applied_at  timestamptz NOT NULL DEFAULT now(),
            sha256      text NOT NULL
        );
        """

    /// - Parameter connection: opened with `PostgresSettings.migration`; it takes no other work meanwhile.
    /// - Returns: the names of what was applied, in order; empty when the database had them all.
    /// - Throws: kind `configuration` when an applied file has changed since, or the database is newer than this
    ///   version and has other files; kind `own` when a statement failed: that file is undone, those before it stay.
    public func migrate(_ connection: PostgresConnection) async throws(RoutingFailure) -> [String] {
        do {
            return try await apply(connection)
        } catch {
            if let error = error as? RoutingFailure { throw error }
            guard let error = error as? PostgresError else { preconditionFailure("an unexpected error: \(error)") }
            throw RoutingFailure(error)
        }
    }

    private func apply(_ connection: PostgresConnection) async throws -> [String] {
        _ = try await connection.query("SELECT pg_advisory_lock(\(Self.lockNumber))", name: "lock migrations")
        do {
            try await connection.execute(script: Self.ledger, name: "schema_migrations")
            let rows = try await connection.query(
                "SELECT number, name, sha256 FROM caserouter.schema_migrations", name: "applied migrations")
            var applied: [Int: (name: String, digest: String)] = [:]
            for row in rows { applied[Int(try row.int32(0))] = (try row.text(1), try row.text(2)) }
            var done: [String] = []
            for migration in migrations {
                if let known = applied[migration.number] {
                    try check(migration, known.name, known.digest)
                    continue
                }
                try await connection.execute(script: Self.script(migration), name: migration.name)
                done.append(migration.name)
            }
            _ = try await connection.query("SELECT pg_advisory_unlock(\(Self.lockNumber))", name: "unlock migrations")
            return done
        } catch {
            // The lock belongs to the session, which the caller closes; an error of the unlocking would hide this one.
            _ = try? await connection.query("SELECT pg_advisory_unlock(\(Self.lockNumber))", name: "unlock migrations")
            throw error
        }
    }

    private func check(_ migration: Migration, _ name: String, _ digest: String) throws(RoutingFailure) {
        guard name == migration.name, digest == migration.digest else {
            throw RoutingFailure(
                .configuration, at: .store, cause: .configuration,
                """
                The database was migrated with another text of '\(name)' than the '\(migration.name)' of this version. \
                Migrations never change: use the version that the database belongs to, or a newer one.
                """)
        }
    }

    /// The file and its entry in the ledger are one transaction: a script without BEGIN is one.
    private static func script(_ migration: Migration) -> String {
        migration.text + "\n;"
            + """
            INSERT INTO caserouter.schema_migrations (number, name, sha256)
            VALUES (\(migration.number), '\(migration.name)', '\(migration.digest)');
            """
    }
}
