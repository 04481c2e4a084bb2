import CaseRouting
import Operations
import Postgres

extension PostgresExaminer {
    func schema() async throws(PostgresError) -> [DoctorLine] {
        let rows: PostgresRows
        do throws(PostgresError) {
            rows = try await database.query(
                "SELECT number, name, sha256 FROM caserouter.schema_migrations ORDER BY number", name: "doctor schema")
        } catch {
            guard error.sqlState == "42P01" || error.sqlState == "3F000" else { throw error }
            return [.failure(.databaseSchema, Self.subject, "there are no tables of Case Router")]
        }
        var stored: [Int: (name: String, digest: String)] = [:]
        for row in rows { stored[Int(try row.int32(0))] = (try row.text(1), try row.text(2)) }
        let known = Migration.all
        if let missing = known.first(where: { stored[$0.number] == nil }) {
            return [
                .failure(
                    .databaseSchema, Self.subject, "the schema is older than this program: \(missing.name) is missing")
            ]
        }
        if let other = known.first(where: { stored[$0.number].map { $0.digest } != $0.digest }) {
            return [
                .failure(
                    .databaseSchema, Self.subject,
                    "the database has another \(stored[other.number]?.name ?? "") than this program's \(other.name)",
                    "use the version of caserouter that migrated this database, or a newer one")
            ]
        }
        if let newer = stored.filter({ number, _ in !known.contains { $0.number == number } }).max(by: {
            $0.key < $1.key
        }) {
            return [
                .warning(
                    .databaseSchema, Self.subject, "the schema is newer than this program: \(newer.value.name)",
                    "update this program")
            ]
        }
        return [.ok(.databaseSchema, Self.subject, "the schema is \(known.last?.name ?? "none"), as known here")]
    }

    /// What each role must be able to do, one right for each thing that it does: all others are given by the same
    /// migrations.
    private static let needed: [(role: String, table: String, rights: String)] = [
        ("caserouter_ingest", "caserouter.requests", "SELECT, INSERT, UPDATE"),
        ("caserouter_ingest", "caserouter.cursors", "SELECT, INSERT, UPDATE"),
        ("caserouter_ingest", "caserouter.leases", "SELECT, INSERT, UPDATE"),
        ("caserouter_ingest", "caserouter.gaps", "SELECT, INSERT, UPDATE"),
        ("caserouter_ingest", "caserouter.sweeps", "SELECT, INSERT, UPDATE"),
        ("caserouter_ingest", "caserouter.salesforce_queues", "SELECT, INSERT, UPDATE, DELETE"),
        ("caserouter_route", "caserouter.requests", "SELECT, INSERT, UPDATE"),
        ("caserouter_route", "caserouter.cases", "SELECT, INSERT, UPDATE"),
        ("caserouter_route", "caserouter.episodes", "SELECT, INSERT, UPDATE"),
        ("caserouter_route", "caserouter.attempts", "SELECT, INSERT, UPDATE"),
        ("caserouter_route", "caserouter.leases", "SELECT, INSERT, UPDATE"),
        ("caserouter_route", "caserouter.holds", "SELECT, INSERT, UPDATE, DELETE"),
        ("caserouter_route", "caserouter.directory", "SELECT, INSERT, UPDATE, DELETE"),
        ("caserouter_admin", "caserouter.orgs", "SELECT, INSERT, UPDATE"),
        ("caserouter_admin", "caserouter.mappings", "SELECT, INSERT, UPDATE"),
        ("caserouter_admin", "caserouter.credentials", "SELECT, INSERT, UPDATE, DELETE"),
        ("caserouter_admin", "caserouter.audit", "SELECT, INSERT"),
        ("caserouter_report", "report.accounting", "SELECT"),
    ]

    func rights() async throws(PostgresError) -> [DoctorLine] {
        let rows = try await database.query(
            """
            SELECT n.role, n.tab, r.privilege, to_regrole(n.role) IS NULL, to_regclass(n.tab) IS NULL,
                CASE WHEN to_regrole(n.role) IS NULL OR to_regclass(n.tab) IS NULL THEN false
                    ELSE has_table_privilege(n.role, n.tab, r.privilege) END
            FROM unnest($1::text[], $2::text[], $3::text[]) AS n (role, tab, privileges),
                LATERAL regexp_split_to_table(n.privileges, ', ') AS r (privilege)
            """,
            [
                .textArray(Self.needed.map(\.role)), .textArray(Self.needed.map(\.table)),
                .textArray(Self.needed.map(\.rights)),
            ], name: "doctor rights")
        var missing: [String] = []
        for row in rows {
            let (role, table) = (try row.text(0), try row.text(1))
            if try row.bool(3) {
                missing.append("role \(role) is not there")
            } else if try row.bool(4) {
                missing.append("table \(table) is not there")
            } else if try !row.bool(5) {
                missing.append("\(role) lacks \(try row.text(2)) on \(table)")
            }
        }
        var told: [String] = []
        for one in missing where !told.contains(one) { told.append(one) }
        let login = try await login()
        guard told.isEmpty else {
            let more = told.count > 5 ? " and \(told.count - 5) more" : ""
            return [
                .failure(.databaseRights, Self.subject, told.prefix(5).joined(separator: "; ") + more), login,
            ]
        }
        return [.ok(.databaseRights, Self.subject, "the four roles have the rights that they need"), login]
    }

    private func login() async throws(PostgresError) -> DoctorLine {
        let row = try await database.query(
            """
            SELECT current_user::text, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
                (SELECT coalesce(string_agg(rolname, ', ' ORDER BY rolname), '') FROM pg_roles
                 WHERE rolname LIKE 'caserouter\\_%' AND rolname <> current_user
                    AND pg_has_role(current_user, oid, 'MEMBER'))
            """, name: "doctor login")[0]
        let (role, isSuperuser, member) = (try row.text(0), try row.bool(1), try row.text(2))
        if isSuperuser {
            return .warning(
                .databaseRights, Self.subject, "\(role) is a superuser: no right limits what this program may do",
                "log in as a role that is a member of those it needs: GRANT caserouter_admin TO somebody")
        }
        if member.isEmpty {
            return .warning(.databaseRights, Self.subject, "\(role) is a member of none of the roles of Case Router")
        }
        return .ok(.databaseRights, Self.subject, "\(role) is a member of \(member)")
    }

    /// Rows of a day without a partition go to one for the rest, where they cost more and are not dropped by day.
    func partitions() async throws(PostgresError) -> [DoctorLine] {
        let row = try await database.query(
            """
            SELECT coalesce(string_agg(name, ', ' ORDER BY name), '')
            FROM unnest('{requests,attempts}'::text[]) AS t,
                generate_series(0, 1) AS ahead,
                LATERAL (SELECT t || '_' || to_char((now() AT TIME ZONE 'UTC')::date + ahead, 'YYYYMMDD')) AS p (name)
            WHERE to_regclass('caserouter.requests') IS NOT NULL AND to_regclass('caserouter.' || name) IS NULL
            """, name: "doctor partitions")[0]
        let missing = try row.text(0)
        return [
            missing.isEmpty
                ? .ok(.databasePartitions, Self.subject, "those of today and tomorrow are there")
                : .warning(.databasePartitions, Self.subject, "missing: \(missing)")
        ]
    }
}
