import CaseRouting
import Operations
import Postgres

/// What `status` shows of the database. Every statement reads one small table, or finds its rows by an index over what is
/// open, so that a screen costs the same whatever lies in the ledger; only today's requests are counted.
public struct PostgresStatusStore: StatusStore {
    private let database: PostgresDatabase

    public init(_ database: PostgresDatabase) { self.database = database }

    public func status(version: String) async throws(RoutingFailure) -> SiteStatus {
        do throws(PostgresError) {
            var status = try await beginning(version)
            status.orgs = try await orgs()
            status.servers = try await servers()
            status.workers = try await workers()
            status.holds = try await holds()
            status.failures = try await failures()
            try await readSetup(&status)
            return status
        } catch {
            if error.sqlState == "42P01" {
                throw RoutingFailure(
                    .configuration, at: .store, cause: .database,
                    "The database has no tables of Case Router, or older ones than this program needs. Run: caserouter migrate"
                )
            }
            throw RoutingFailure(error, needing: .admin)
        }
    }

    private func beginning(_ version: String) async throws(PostgresError) -> SiteStatus {
        let row = try await database.query(
            """
            SELECT now(), (SELECT name FROM caserouter.schema_migrations ORDER BY number DESC LIMIT 1),
                (SELECT count(*) FROM caserouter.undecodable WHERE last_at > now() - interval '1 day'),
                (SELECT reason FROM caserouter.undecodable ORDER BY last_at DESC LIMIT 1)
            """, name: "status")[0]
        var status = SiteStatus(
            asOf: try row.timestamp(0), version: version,
            schema: SiteStatus.Schema(
                stored: try row.optionalText(1) ?? "none", known: Migration.all.last?.name ?? "none"))
        status.undecodable = Int(try row.int64(2))
        status.undecodableReason = try row.optionalText(3)
        return status
    }

    private func orgs() async throws(PostgresError) -> [SiteStatus.Org] {
        let rows = try await database.query(
            """
            SELECT o.name, o.mode, l.owner, c.last_event_at, g.gaps, g.oldest, s.finished_at, w.failing, w.error, u.used,
                u.call_limit, t.received, t.routed, t.ignored, t.superseded, t.failed, t.discarded, t.pending, t.observed,
                x.requests, x.example
            FROM caserouter.orgs o
            LEFT JOIN caserouter.leases l ON l.kind = 'org' AND l.name = o.name AND l.until > now()
            LEFT JOIN caserouter.api_usage u ON u.org = o.name
            LEFT JOIN LATERAL (
                SELECT max(c.last_event_at) AS last_event_at FROM caserouter.cursors c WHERE c.org = o.name) c ON true
            LEFT JOIN LATERAL (
                SELECT count(*) AS gaps, min(g.opened_at) AS oldest FROM caserouter.gaps g
                WHERE g.org = o.name AND g.closed_at IS NULL) g ON true
            LEFT JOIN LATERAL (
                SELECT s.finished_at FROM caserouter.sweeps s
                WHERE s.org = o.name AND s.finished_at IS NOT NULL ORDER BY s.id DESC LIMIT 1) s ON true
            LEFT JOIN LATERAL (
                SELECT count(*) AS failing, max(r.write_back_error) AS error FROM caserouter.requests r
                WHERE r.org = o.name AND r.write_back = 'due' AND r.write_back_failures >= 3) w ON true
            LEFT JOIN LATERAL (
                SELECT count(*) AS received,
                    count(*) FILTER (WHERE r.outcome = 'routed') AS routed,
                    count(*) FILTER (WHERE r.outcome = 'ignored' AND r.rule IS DISTINCT FROM 'observing') AS ignored,
                    count(*) FILTER (WHERE r.outcome = 'superseded') AS superseded,
                    count(*) FILTER (WHERE r.outcome IS NULL AND k.attempts >= 8) AS failed,
                    count(*) FILTER (WHERE r.outcome = 'discarded') AS discarded,
                    count(*) FILTER (WHERE r.outcome IS NULL AND coalesce(k.attempts, 0) < 8) AS pending,
                    count(*) FILTER (WHERE r.outcome = 'ignored' AND r.rule = 'observing') AS observed
                FROM caserouter.requests r
                LEFT JOIN caserouter.cases k ON r.outcome IS NULL AND k.org = r.org AND k.case_id = r.case_id
                WHERE r.org = o.name AND r.day = (now() AT TIME ZONE 'UTC')::date) t ON true
            LEFT JOIN LATERAL (
                SELECT count(*) AS requests, min(coalesce(nullif(x.case_number, ''), x.case_id)) AS example
                FROM caserouter.unaccounted_requests x WHERE x.org = o.name) x ON true
            WHERE o.removed_at IS NULL ORDER BY o.name
            """, name: "status of orgs")
        return try rows.map { row throws(PostgresError) in
            guard let mode = OrgSettings.Mode(rawValue: try row.text(1)) else {
                throw row.unreadable("an unknown mode")
            }
            var org = SiteStatus.Org(
                name: try row.text(0), mode: mode, heldBy: try row.optionalText(2),
                lastEventAt: try row.optionalTimestamp(3), openGaps: Int(try row.int64(4)),
                oldestGapAt: try row.optionalTimestamp(5), lastSweepAt: try row.optionalTimestamp(6),
                writeBackFailing: Int(try row.int64(7)), writeBackError: try row.optionalText(8))
            if let used = try row.optionalInt32(9) { org.calls = (used, try row.int32(10)) }
            org.today.received = Int(try row.int64(11))
            org.today.routed = Int(try row.int64(12))
            org.today.ignored = Int(try row.int64(13))
            org.today.superseded = Int(try row.int64(14))
            org.today.failed = Int(try row.int64(15))
            org.today.discarded = Int(try row.int64(16))
            org.today.pending = Int(try row.int64(17))
            org.today.observed = Int(try row.int64(18))
            org.unaccounted = Int(try row.int64(19))
            org.unaccountedExample = try row.optionalText(20)
            return org
        }
    }

    private func servers() async throws(PostgresError) -> [SiteStatus.Server] {
        let rows = try await database.query(
            """
            SELECT s.name, l.owner, f.waiting, f.with_agents, f.in_holding, f.seen_at, e.oldest, d.due, d.oldest
            FROM caserouter.cic_servers s
            LEFT JOIN caserouter.leases l ON l.kind = 'watch' AND l.name = s.name AND l.until > now()
            LEFT JOIN caserouter.queue_figures f ON f.cic = s.name
            LEFT JOIN LATERAL (
                SELECT min(e.placed_at) AS oldest FROM caserouter.episodes e
                WHERE e.cic = s.name AND e.ended_at IS NULL AND e.interaction_id IS NOT NULL AND e.state = 'placed'
                    AND NOT e.with_agent) e ON true
            LEFT JOIN LATERAL (
                SELECT count(*) AS due, min(c.changed_at) AS oldest FROM caserouter.cases c
                WHERE c.acts_on_cic = s.name AND c.applied_revision < c.revision AND c.attempts < 8) d ON true
            WHERE s.removed_at IS NULL ORDER BY s.name
            """, name: "status of servers")
        return try rows.map { row throws(PostgresError) in
            var figures: (figures: QueueFigures, at: CaseRouting.Timestamp)?
            if let at = try row.optionalTimestamp(5) {
                var counted = QueueFigures()
                counted.waiting = Int(try row.int32(2))
                counted.withAgents = Int(try row.int32(3))
                counted.inHolding = Int(try row.int32(4))
                figures = (counted, at)
            }
            return SiteStatus.Server(
                name: try row.text(0), watchedBy: try row.optionalText(1), figures: figures,
                oldestWaitingAt: try row.optionalTimestamp(6), due: Int(try row.int64(7)),
                oldestDueAt: try row.optionalTimestamp(8))
        }
    }

    private func workers() async throws(PostgresError) -> [SiteStatus.WorkerSign] {
        let rows = try await database.query(
            """
            SELECT name, role, host, version, started_at, seen_at FROM caserouter.workers
            WHERE seen_at > now() - make_interval(secs => $1) ORDER BY role, name
            """, [.float8(Double(SiteStatus.forgotten.components.seconds))], name: "status of workers")
        return try rows.map { row throws(PostgresError) in
            SiteStatus.WorkerSign(
                name: try row.text(0), role: try row.text(1), host: try row.text(2), version: try row.text(3),
                startedAt: try row.timestamp(4), seenAt: try row.timestamp(5))
        }
    }

    private func holds() async throws(PostgresError) -> [PlacedHold] {
        let rows = try await database.query(
            "SELECT kind, name, reason, detail, since, placed_by FROM caserouter.holds ORDER BY since, kind, name",
            name: "status of holds")
        return try rows.map { row throws(PostgresError) in try PlacedHold(row) }
    }

    private func failures() async throws(PostgresError) -> [SiteStatus.FailureCount] {
        let rows = try await database.query(
            """
            SELECT coalesce(failure_cause, 'unknown'), count(*), min(coalesce(nullif(case_number, ''), case_id))
            FROM caserouter.cases WHERE attempts >= 8 GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20
            """, name: "status of failures")
        return try rows.map { row throws(PostgresError) in
            SiteStatus.FailureCount(cause: try row.text(0), cases: Int(try row.int64(1)), example: try row.text(2))
        }
    }

    private func readSetup(_ status: inout SiteStatus) async throws(PostgresError) {
        status.mappingsWithoutQueue = try await database.query(
            """
            SELECT m.org, m.queue_name FROM caserouter.mappings m
            WHERE m.newest AND m.enabled AND m.queue_id IS NULL ORDER BY m.org, m.queue_name LIMIT 20
            """, name: "mappings without queue"
        ).map { row throws(PostgresError) in (org: try row.text(0), queue: try row.text(1)) }
        status.targetsWithoutCredential = try await database.query(
            """
            SELECT t.target FROM (
                SELECT 'org:' || name AS target FROM caserouter.orgs WHERE removed_at IS NULL
                UNION ALL SELECT 'cic:' || name FROM caserouter.cic_servers WHERE removed_at IS NULL) t
            WHERE NOT EXISTS (SELECT FROM caserouter.credentials c WHERE c.target = t.target AND c.newest)
            ORDER BY 1
            """, name: "targets without credential"
        ).map { row throws(PostgresError) in try row.text(0) }
    }
}
