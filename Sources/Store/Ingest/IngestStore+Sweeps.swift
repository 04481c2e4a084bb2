import CaseRouting
import Postgres

extension PostgresIngestStore {
    // MARK: What we hold

    public func held(
        org: String, _ ids: [RecordID], settledOnly: Bool
    ) async throws(RoutingFailure) -> [HeldCase] {
        try await rows(
            """
            SELECT k.case_id, coalesce(c.revision, 0), c.case_number, c.owner, c.closed, c.skills, c.priority,
                \(Self.isUnoffered), coalesce(c.state_fence, 0)
            FROM unnest($2::text[]) AS k (case_id)
            LEFT JOIN caserouter.cases c ON c.org = $1 AND c.case_id = k.case_id
            WHERE NOT $3 OR NOT EXISTS (
                SELECT FROM caserouter.requests r
                WHERE r.org = $1 AND r.case_id = k.case_id AND r.outcome IS NULL AND r.seen_at IS NULL)
            """, [.text(org), .textArray(ids.map(\.description)), .bool(settledOnly)], name: "held", Self.heldCase)
    }

    public func heldAsActive(
        org: String, queues: [RecordID], after: RecordID?, limit: Int
    ) async throws(RoutingFailure) -> [HeldCase] {
        try await rows(
            Self.heldAsActive,
            [
                .text(org), .text(after?.description ?? ""), .textArray(queues.map(\.description)),
                .int8(Int64(limit)),
            ], name: "held as active", Self.heldCase)
    }

    /// By the indexes of cases that are not closed and of open episodes: most cases that were ever heard of are over, and
    /// a sweep has to work after years of them. A case that is wanted and closed here says no more in Salesforce.
    static let heldAsActive = """
        SELECT c.case_id, c.revision, c.case_number, c.owner, c.closed, c.skills, c.priority, false, c.state_fence
        FROM (
            (SELECT a.case_id FROM caserouter.cases a
            WHERE a.org = $1 AND a.case_id > $2 AND NOT a.closed AND (a.owner = ANY ($3) OR a.want_cic IS NOT NULL)
            ORDER BY a.case_id LIMIT $4)
            UNION
            (SELECT e.case_id FROM caserouter.episodes e
            WHERE e.org = $1 AND e.case_id > $2 AND e.ended_at IS NULL
            ORDER BY e.case_id LIMIT $4)
            ORDER BY case_id LIMIT $4) k
        JOIN caserouter.cases c ON c.org = $1 AND c.case_id = k.case_id
        ORDER BY c.case_id
        """

    /// Those that wait longest first: that is the order of the index, so that a second's look costs nothing where none
    /// waits. In the order of ids every case of the org would be looked at.
    public func takeToVerify(org: String, limit: Int) async throws(RoutingFailure) -> [CaseToVerify] {
        try await rows(
            """
            UPDATE caserouter.cases c SET verify_at = now() + make_interval(secs => $3)
            FROM (
                SELECT org, case_id FROM caserouter.cases WHERE org = $1 AND verify_at <= now()
                ORDER BY verify_at LIMIT $2 FOR UPDATE SKIP LOCKED) d
            WHERE c.org = d.org AND c.case_id = d.case_id
            RETURNING c.case_id, c.revision, c.verify_at, c.state_fence
            """,
            [.text(org), .int8(Int64(limit)), .float8(Double(CaseToVerify.pause.components.seconds))],
            name: "take to verify"
        ) { row throws(PostgresError) in
            CaseToVerify(
                caseID: try row.recordID(0), revision: try row.int64(1), version: try row.int64(3),
                until: try row.timestamp(2))
        }
    }

    public func verified(org: String, _ cases: [CaseToVerify]) async throws(RoutingFailure) {
        _ = try await database.ask(
            """
            UPDATE caserouter.cases c SET verify_at = NULL
            FROM (
                SELECT c.case_id
                FROM caserouter.cases c JOIN unnest($2::text[], $3::timestamptz[]) AS v (case_id, until) USING (case_id)
                WHERE c.org = $1 AND c.verify_at = v.until
                ORDER BY c.case_id FOR NO KEY UPDATE OF c) v
            WHERE c.org = $1 AND c.case_id = v.case_id
            """,
            [
                .text(org), .textArray(cases.map(\.caseID.description)),
                .timestamptzArray(cases.map(\.until.microseconds)),
            ], name: "verified")
    }

    private static func heldCase(_ row: PostgresRow) throws(PostgresError) -> HeldCase {
        let facts: CaseFacts? =
            row.isNull(3)
            ? nil
            : CaseFacts(
                caseNumber: try row.text(2), owner: try row.recordID(3), isClosed: try row.bool(4),
                skills: try row.text(5), priority: try row.text(6))
        return HeldCase(
            caseID: try row.recordID(0), revision: try row.int64(1), version: try row.int64(8), facts: facts,
            isUnoffered: try row.bool(7))
    }

    /// Of a case `c` that may be unknown. An agent who has ended the newest episode has answered everything that was
    /// merged until then; what was put aside after it still waits.
    private static let isUnoffered = """
        c.case_id IS NOT NULL AND c.want_cic IS NULL AND NOT EXISTS (
            SELECT FROM caserouter.episodes e
            WHERE e.org = c.org AND e.case_id = c.case_id AND e.number = c.episode AND (
                e.ended_at IS NULL
                OR e.end_reason IN ('\(EpisodeEnd.Reason.ended.rawValue)', '\(EpisodeEnd.Reason.lostWithAgent.rawValue)')
                    AND NOT EXISTS (
                        SELECT FROM caserouter.requests r
                        WHERE r.case_id = c.case_id AND r.org = c.org AND r.seen_at > e.ended_at AND r.rule IN (
                            \(Decision.Rule.putAside.map { "'\($0.rawValue)'" }.joined(separator: ", "))))))
        """

    // MARK: Gaps and asked sweeps

    public func openGap(
        org: String, channel: String, from: CaseRouting.Timestamp?, reason: String
    ) async throws(RoutingFailure) {
        _ = try await database.ask(
            "INSERT INTO caserouter.gaps (org, channel, from_time, reason) VALUES ($1, $2, $3, $4)",
            [.text(org), .text(channel), from.map { .timestamptz($0.microseconds) } ?? .null, .text(reason)],
            name: "open gap")
    }

    public func openGap(org: String) async throws(RoutingFailure) -> OpenGap? {
        try await rows(
            """
            SELECT from_time FROM caserouter.gaps WHERE org = $1 AND closed_at IS NULL AND opened_at <= now()
            ORDER BY from_time LIMIT 1
            """, [.text(org)], name: "open gaps"
        ) { row throws(PostgresError) in OpenGap(from: try row.optionalTimestamp(0)) }.first
    }

    public func closeGaps(org: String, openedBefore: CaseRouting.Timestamp) async throws(RoutingFailure) {
        _ = try await database.ask(
            "UPDATE caserouter.gaps SET closed_at = now() WHERE org = $1 AND closed_at IS NULL AND opened_at <= $2",
            [.text(org), .timestamptz(openedBefore.microseconds)], name: "close gaps")
    }

    public func takeAskedSweep(org: String, configuration: Int64) async throws(RoutingFailure) -> AskedSweep? {
        try await rows(
            """
            UPDATE caserouter.sweeps SET started_at = now()
            WHERE id = (
                SELECT id FROM caserouter.sweeps
                WHERE org = $1 AND finished_at IS NULL AND configuration <= $2 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
            RETURNING id, queue, dry_run
            """, [.text(org), .int8(configuration)], name: "take asked sweep"
        ) { row throws(PostgresError) in
            AskedSweep(
                id: try row.int64(0), queue: row.isNull(1) ? nil : try row.recordID(1), isDryRun: try row.bool(2))
        }.first
    }

    public func lastSweep(org: String) async throws(RoutingFailure) -> CaseRouting.Timestamp? {
        try await rows(
            """
            SELECT max(started_at) FROM caserouter.sweeps
            WHERE org = $1 AND finished_at IS NOT NULL AND NOT dry_run
            """, [.text(org)], name: "last sweep"
        ) { row throws(PostgresError) in try row.optionalTimestamp(0) }[0]
    }

    public func finishSweep(org: String, _ result: SweepResult) async throws(RoutingFailure) {
        let figures: [PostgresValue] = [
            .text(org), .timestamptz(result.startedAt.microseconds), .bool(result.isWhole),
            .int4(Int32(clamping: result.rows)),
            .int4(Int32(clamping: result.casesCompared)), .int4(Int32(clamping: result.observed)),
            .int4(Int32(clamping: result.occurrences)), .int4(Int32(clamping: result.offered)),
        ]
        if let asked = result.asked {
            if let findings = result.findings { try await keep(findings, of: asked) }
            _ = try await database.ask(
                """
                UPDATE caserouter.sweeps SET started_at = $2, finished_at = now(), whole = $3, row_count = $4, compared = $5,
                    observed = $6, occurrences = $7, offered = $8
                WHERE org = $1 AND id = $9
                """, figures + [.int8(asked)], name: "finish sweep")
        } else {
            _ = try await database.ask(
                """
                INSERT INTO caserouter.sweeps (
                    org, started_at, finished_at, whole, row_count, compared, observed, occurrences, offered)
                VALUES ($1, $2, now(), $3, $4, $5, $6, $7, $8)
                """, figures, name: "finish sweep")
        }
    }

    /// Replaces what an earlier try of the same dry run found, and forgets dry runs that nobody waits for any more.
    private func keep(_ findings: [SweepFinding], of sweep: Int64) async throws(RoutingFailure) {
        _ = try await database.ask(
            """
            DELETE FROM caserouter.sweep_findings
            WHERE sweep = $1 OR sweep IN (
                SELECT id FROM caserouter.sweeps WHERE dry_run AND finished_at < now() - interval '1 day')
            """, [.int8(sweep)], name: "forget findings")
        let changes = findings.map(\.change)
        _ = try await database.ask(
            """
            INSERT INTO caserouter.sweep_findings (sweep, number, change, why, org, case_id, case_number, owner)
            SELECT $1, number, change, why, org, case_id, case_number, owner
            FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
                WITH ORDINALITY AS f (change, why, org, case_id, case_number, owner, number)
            """,
            [
                .int8(sweep), .textArray(changes.map(\.kind.rawValue)), .textArray(findings.map(\.why.rawValue)),
                .textArray(changes.map(\.org)), .textArray(changes.map(\.caseID.description)),
                .textArray(changes.map(\.caseNumber)), .textArray(changes.map(\.owner.description)),
            ], name: "keep findings")
    }

    // MARK: Mirrors

    public func replaceQueues(org: String, _ queues: [SalesforceQueue]) async throws(RoutingFailure) {
        _ = try await database.ask(
            """
            WITH m AS (
                SELECT * FROM unnest($2::text[], $3::text[], $4::text[]) AS m (queue_id, name, developer_name)
            ), gone AS (
                DELETE FROM caserouter.salesforce_queues q
                WHERE q.org = $1 AND NOT EXISTS (SELECT FROM m WHERE m.queue_id = q.queue_id)
            ), mirrored AS (
                INSERT INTO caserouter.salesforce_queues (org, queue_id, name, developer_name)
                SELECT $1, queue_id, name, developer_name FROM m
                ON CONFLICT (org, queue_id) DO UPDATE
                SET name = excluded.name, developer_name = excluded.developer_name, seen_at = now()
            ), found AS (
                -- Mappings that were set by the name of a queue that nobody had seen yet.
                UPDATE caserouter.mappings p SET queue_id = m.queue_id
                FROM m WHERE p.org = $1 AND p.queue_id IS NULL AND p.queue_name IN (m.name, m.developer_name)
                RETURNING 1
            )
            UPDATE caserouter.configuration_version SET version = version + 1 WHERE EXISTS (SELECT FROM found)
            """,
            [
                .text(org), .textArray(queues.map(\.id.description)), .textArray(queues.map(\.name)),
                .textArray(queues.map(\.developerName)),
            ], name: "replace queues")
    }

    public func replaceLegacyMappings(org: String, _ rows: [LegacyMapping]) async throws(RoutingFailure) {
        _ = try await database.ask(
            """
            WITH m AS (
                SELECT * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS m (row_id, queue, workgroup, skills)
            ), gone AS (
                DELETE FROM caserouter.legacy_mappings l
                WHERE l.org = $1 AND NOT EXISTS (SELECT FROM m WHERE m.row_id = l.row_id)
            )
            INSERT INTO caserouter.legacy_mappings (org, row_id, queue, workgroup, skills)
            SELECT $1, row_id, queue, workgroup, skills FROM m
            ON CONFLICT (org, row_id) DO UPDATE
            SET queue = excluded.queue, workgroup = excluded.workgroup, skills = excluded.skills, seen_at = now()
            """,
            [
                .text(org), .textArray(rows.map(\.row.description)), .textArray(rows.map(\.queue)),
                .textArray(rows.map(\.workgroup)), .textArray(rows.map(\.skills)),
            ], name: "replace legacy mappings")
    }

    public func saveAPIUsage(
        org: String, _ usage: APIUsage, calls: [String: Int]
    ) async throws(RoutingFailure) {
        _ = try await database.ask(
            """
            WITH counted AS (
                SELECT kind, count FROM unnest($4::text[], $5::bigint[]) AS c (kind, count)
            ), before AS (
                -- Counts are since the start of a process; one that is lower than before began anew.
                SELECT u.calls FROM caserouter.api_usage u
                WHERE u.org = $1 AND u.counted_by = $6 AND NOT EXISTS (
                    SELECT FROM counted c WHERE c.count < coalesce((u.calls ->> c.kind)::bigint, 0))
            ), by_hour AS (
                INSERT INTO caserouter.api_calls AS a (org, hour, kind, calls, used, call_limit)
                SELECT $1, date_trunc('hour', now(), 'UTC'), c.kind,
                    c.count - coalesce(((SELECT calls FROM before) ->> c.kind)::bigint, 0), $2, $3
                FROM counted c
                ON CONFLICT (org, hour, kind) DO UPDATE
                SET calls = a.calls + excluded.calls, used = excluded.used, call_limit = excluded.call_limit
            )
            INSERT INTO caserouter.api_usage (org, used, call_limit, calls, counted_by)
            SELECT $1, $2, $3, coalesce(jsonb_object_agg(kind, count), '{}'), $6 FROM counted
            ON CONFLICT (org) DO UPDATE
            SET used = excluded.used, call_limit = excluded.call_limit, calls = excluded.calls,
                counted_by = excluded.counted_by, seen_at = now()
            """,
            [
                .text(org), .int4(Int32(clamping: usage.used)), .int4(Int32(clamping: usage.limit)),
                .textArray(calls.keys.sorted()), .int8Array(calls.keys.sorted().map { Int64(calls[$0] ?? 0) }),
                .text(owner),
            ], name: "save API usage")
    }
}
