import CaseRouting
import Postgres

/// Takes a change into its case, and claims the case and opens its next episode if asked to: one statement.
///
/// Its guard is everything that the decision had read. The case is locked by the flush's lock statement, so that what
/// `s` reads is what is written to. A case that was unknown is guarded by its primary key: who comes second inserts
/// nothing.
enum MergeStatement {
    struct Input: Sendable {
        let merge: Merge
        let body: [UInt8]
    }

    /// What differs from the decision's own idea of the case.
    struct Output: Sendable {
        let isClaimed: Bool
        let now: CaseRouting.Timestamp
        let revision: Int64
        let appliedRevision: Int64
        let epoch: Int64
        let attempts: Int32
        let failureNumber: Int32
        let lastEpisode: Int32
        let episode: Episode?
    }

    static func operation(worker: String) -> BatchOperation<Input, Output> {
        BatchOperation(
            name: "merge", order: 20, writes: true, columns: columns.map(\.1), shared: [.text(worker)], sql: sql,
            encode: { input, row in input.append(to: &row) },
            decode: { row throws(PostgresError) in
                Output(
                    isClaimed: try row.bool(1), now: try row.timestamp(2), revision: try row.int64(3),
                    appliedRevision: try row.int64(4), epoch: try row.int64(5), attempts: try row.int32(6),
                    failureNumber: try row.int32(7), lastEpisode: try row.int32(8),
                    episode: try EpisodeColumns.decode(row, at: 9))
            })
    }

    /// The array parameters in order.
    private static let columns: [(String, PostgresType)] = [
        ("org", .text), ("case_id", .text),
        // As the decision read them. No revision: the case was unknown.
        ("was_revision", .int8), ("was_epoch", .int4), ("was_state", .int8), ("was_arrival", .int8),
        ("was_contact", .int8), ("was_reply", .int8), ("was_owner", .text), ("was_closed", .bool),
        ("was_skills", .text),
        // As they become.
        ("version_epoch", .int4), ("state_fence", .int8), ("arrival_fence", .int8), ("contact_fence", .int8),
        ("reply_fence", .int8), ("owner", .text), ("case_number", .text), ("closed", .bool), ("skills", .text),
        ("priority", .text), ("observed_at", .timestamptz),
        ("want_cic", .text), ("want_workgroup", .text), ("want_skills", .text), ("want_mapping", .int4),
        ("want_assign", .int8), ("spares_agent", .bool), ("last_cic", .text), ("last_workgroup", .text),
        ("last_mapping", .int4),
        // What is to be done.
        ("raises", .bool), ("changes", .bool), ("claims", .bool), ("verifies", .bool), ("supersedes", .bool),
        ("attempt_id", .uuid),
        // The request.
        ("day", .int4), ("event_key", .text), ("version", .int8), ("change_epoch", .int4), ("change", .text),
        ("body", .bytea), ("outbox_row", .text), ("found", .text), ("occurred_at", .timestamptz), ("outcome", .text),
        ("rule", .text), ("inputs", .jsonb), ("mapping", .int4), ("mapping_version", .int4),
    ]

    private static let names = columns.map(\.0).joined(separator: ", ")
    private static let places = (1...columns.count).map { "$\($0)" }.joined(separator: ", ")
    private static let worker = "$\(columns.count + 1)"

    private static let mayLiveElsewhere = LostRowsGuard.mayLiveElsewhere(
        org: "s.org", caseID: "s.case_id", acts: "s.acts_on",
        episodeIsLive: "coalesce(s.e_state IN ('placed', 'ending'), false)",
        creation: "CASE WHEN s.change = 'created' THEN s.occurred_at END")

    /// - `s`: the callers whose guard holds, with what their case is.
    /// - `t`: the same with what becomes of the case; `takes` claims it, `dies` fails it, because three claims before
    ///   ended without a word.
    /// - `ok`: those whose case was written; `rq` and `su` write the ledger, `ep` and `at` the attempt.
    private static let sql = """
        WITH m AS (
            SELECT m.*, date '1970-01-01' + m.day AS request_day FROM unnest(\(places)) WITH ORDINALITY AS m (\(names), o)
        ), s AS (
            SELECT m.*, c.case_id IS NULL AS is_new, coalesce(o.mode = 'live', false) AS is_live,
                coalesce(c.revision, 0) + m.raises::int AS new_revision, coalesce(c.applied_revision, 0) AS applied_revision,
                greatest(c.epoch, \(ClaimLimits.leastEpoch)) AS epoch, c.lease_until,
                CASE WHEN m.raises THEN 0 ELSE c.attempts END AS new_attempts,
                CASE WHEN m.mapping = m.want_mapping THEN m.mapping_version
                    WHEN c.want_mapping = m.want_mapping THEN c.want_mapping_version END AS new_mapping_version,
                CASE WHEN m.raises THEN 0 ELSE c.claims_without_outcome END AS new_claims,
                CASE WHEN m.raises THEN least(c.next_at, now()) ELSE c.next_at END AS new_next_at,
                coalesce(c.failure_number, 0) AS failure_number, coalesce(c.episode, 0) AS episode, c.first_open_day,
                \(CaseDays.adding("m.request_day", to: "coalesce(c.days, '{}')")) AS request_days,
                m.request_day = ANY (c.days) AS knows_day,
                e.number AS e_number, e.cic AS e_cic, e.state AS e_state, e.interaction_id AS e_interaction_id,
                e.attempt_id AS e_attempt_id, e.attempt_deadline AS e_attempt_deadline, e.workgroup AS e_workgroup,
                e.skills AS e_skills, e.assign_number AS e_assign_number, e.with_agent AS e_with_agent,
                coalesce(e.cic, m.want_cic) AS acts_on
            FROM m
            LEFT JOIN caserouter.cases c ON c.org = m.org AND c.case_id = m.case_id
            LEFT JOIN caserouter.episodes e ON e.org = m.org AND e.case_id = m.case_id
                AND e.number = c.episode AND e.state <> 'ended'
            LEFT JOIN caserouter.requests r ON r.day = m.request_day AND r.org = m.org AND r.event_key = m.event_key
                AND r.case_id = m.case_id
            LEFT JOIN caserouter.orgs o ON o.name = m.org
            WHERE r.seen_at IS NULL AND (
                m.was_revision IS NULL AND c.case_id IS NULL
                OR c.revision = m.was_revision AND c.version_epoch = m.was_epoch AND c.state_fence = m.was_state
                    AND c.arrival_fence = m.was_arrival AND c.contact_fence = m.was_contact
                    AND c.reply_fence = m.was_reply AND c.owner IS NOT DISTINCT FROM m.was_owner
                    AND c.closed = m.was_closed AND c.skills = m.was_skills)
        ), t AS (
            SELECT s.*, \(CaseDays.adding(CaseDays.today, to: "s.request_days")) AS attempt_days,
                d.takes AND s.new_claims < \(ClaimLimits.withoutOutcome) AS takes,
                d.takes AND s.new_claims >= \(ClaimLimits.withoutOutcome) AS dies,
                d.takes AND s.new_claims < \(ClaimLimits.withoutOutcome) AND s.attempt_id IS NOT NULL
                    AND s.e_number IS NULL AND s.want_cic IS NOT NULL AS opens,
                cs.cic_epoch
            FROM s
            CROSS JOIN LATERAL (
                SELECT s.claims AND s.applied_revision < s.new_revision AND coalesce(s.new_attempts, 0) < 8
                    AND coalesce(s.lease_until, '-infinity') <= now() AND coalesce(s.new_next_at, now()) <= now()
                    AND NOT EXISTS (
                        SELECT FROM caserouter.holds h
                        WHERE h.kind = 'cic' AND h.name = s.acts_on OR h.kind = 'org' AND h.name = s.org
                            OR h.kind = 'workgroup' AND h.name = s.want_cic || '/' || s.want_workgroup)
                    AND NOT (s.want_cic IS NOT NULL AND \(mayLiveElsewhere)) AS takes) d
            LEFT JOIN caserouter.cic_servers cs ON cs.name = s.want_cic
        ), n AS (
            INSERT INTO caserouter.cases (
                org, case_id, case_number, revision, applied_revision, version_epoch, state_fence, arrival_fence,
                contact_fence, reply_fence, owner, closed, skills, priority, observed_at, want_cic, want_workgroup,
                want_skills, want_mapping, want_mapping_version, want_assign, spares_agent, last_cic, last_workgroup, last_mapping,
                acts_on_cic, episode, worker, epoch, lease_until, claims_without_outcome, next_at, verify_at,
                first_open_day, days)
            SELECT org, case_id, case_number, new_revision, 0, version_epoch, state_fence, arrival_fence, contact_fence,
                reply_fence, owner, closed, skills, priority, observed_at, want_cic, want_workgroup, want_skills,
                want_mapping, new_mapping_version, want_assign, spares_agent, last_cic,
                last_workgroup, last_mapping, acts_on, opens::int,
                CASE WHEN takes THEN \(worker) END, epoch + takes::int, CASE WHEN takes THEN now() + interval '30 s' END,
                takes::int, CASE WHEN takes THEN now() + interval '30 s' ELSE now() END,
                CASE WHEN verifies THEN now() + interval '2 s' END,
                CASE WHEN outcome IS NULL THEN request_day END, CASE WHEN opens THEN attempt_days ELSE request_days END
            FROM t WHERE is_new AND owner IS NOT NULL
            ORDER BY o
            ON CONFLICT (org, case_id) DO NOTHING
            RETURNING org, case_id
        ), u AS (
            UPDATE caserouter.cases c
            SET case_number = t.case_number, revision = t.new_revision, version_epoch = t.version_epoch,
                state_fence = t.state_fence, arrival_fence = t.arrival_fence, contact_fence = t.contact_fence,
                reply_fence = t.reply_fence, owner = t.owner, closed = t.closed, skills = t.skills,
                priority = t.priority, observed_at = t.observed_at, want_cic = t.want_cic,
                want_workgroup = t.want_workgroup, want_skills = t.want_skills, want_mapping = t.want_mapping,
                want_mapping_version = t.new_mapping_version,
                want_assign = t.want_assign, spares_agent = t.spares_agent, last_cic = t.last_cic,
                last_workgroup = t.last_workgroup, last_mapping = t.last_mapping, acts_on_cic = t.acts_on,
                episode = t.episode + t.opens::int,
                worker = CASE WHEN t.takes THEN \(worker) ELSE c.worker END,
                epoch = t.epoch + t.takes::int,
                lease_until = CASE WHEN t.takes THEN now() + interval '30 s' ELSE c.lease_until END,
                attempts = CASE WHEN t.dies THEN 8 ELSE t.new_attempts END,
                claims_without_outcome = t.new_claims + t.takes::int,
                next_at = CASE WHEN t.takes THEN now() + interval '30 s' ELSE t.new_next_at END,
                verify_at = CASE WHEN t.verifies THEN now() + interval '2 s' ELSE c.verify_at END,
                failure_kind = CASE WHEN t.dies THEN 'permanent' WHEN NOT t.raises THEN c.failure_kind END,
                failure_stage = CASE WHEN t.dies THEN 'receive' WHEN NOT t.raises THEN c.failure_stage END,
                failure_cause = CASE WHEN t.dies THEN 'worker-died' WHEN NOT t.raises THEN c.failure_cause END,
                failure_summary =
                    CASE WHEN t.dies THEN '\(ClaimLimits.diedSummary)' WHEN NOT t.raises THEN c.failure_summary END,
                failed_at = CASE WHEN t.dies THEN now() WHEN NOT t.raises THEN c.failed_at END,
                failure_number = t.failure_number + t.dies::int,
                handle_at = CASE WHEN NOT t.dies THEN c.handle_at END,
                first_open_day = CASE WHEN t.outcome IS NULL THEN least(c.first_open_day, t.request_day)
                    ELSE c.first_open_day END,
                days = CASE WHEN t.opens THEN t.attempt_days ELSE t.request_days END,
                changed_at = CASE WHEN t.changes OR t.takes OR t.dies OR t.outcome IS NULL THEN now() ELSE c.changed_at END
            FROM t
            WHERE c.org = t.org AND c.case_id = t.case_id
                AND (t.changes OR t.takes OR t.dies OR t.outcome IS NULL OR NOT t.knows_day)
        ), ok AS (
            SELECT t.* FROM t
            WHERE NOT is_new OR owner IS NULL OR (org, case_id) IN (SELECT n.org, n.case_id FROM n)
        ), ep AS (
            INSERT INTO caserouter.episodes (
                org, case_id, number, cic, cic_epoch, state, attempt_id, attempt_day, attempt_deadline)
            SELECT org, case_id, episode + 1, want_cic, coalesce(cic_epoch, 1), 'creating', attempt_id,
                (now() AT TIME ZONE 'UTC')::date, now() + interval '10 s'
            FROM ok WHERE opens
        ), at AS (
            INSERT INTO caserouter.attempts (
                day, attempt_id, org, case_id, episode, revision, epoch, stage, worker, deadline_at, mapping,
                mapping_version)
            SELECT (now() AT TIME ZONE 'UTC')::date, attempt_id, org, case_id, episode + 1, new_revision, epoch + 1,
                'create', \(worker), now() + interval '10 s', want_mapping, new_mapping_version
            FROM ok WHERE opens
        ), rq AS (
            INSERT INTO caserouter.requests AS q (
                day, org, event_key, case_id, version, version_epoch, change, body, outbox_row, found, occurred_at,
                seen_at, outcome, rule, inputs, mapping, mapping_version, finished_at, write_back, write_back_at)
            SELECT request_day, org, event_key, case_id, version, change_epoch, change, body, outbox_row, found,
                occurred_at, now(), outcome, rule, inputs, mapping, mapping_version,
                CASE WHEN outcome IS NOT NULL THEN now() END,
                CASE WHEN outcome IS NULL OR outbox_row IS NULL THEN 'none' WHEN is_live THEN 'due' ELSE 'observed' END,
                CASE WHEN outcome IS NOT NULL AND outbox_row IS NOT NULL THEN now() END
            FROM ok
            ORDER BY o
            ON CONFLICT (day, org, event_key) DO UPDATE
            SET outbox_row = coalesce(q.outbox_row, excluded.outbox_row), seen_at = now(), taken = 0, taken_at = NULL,
                outcome = excluded.outcome, rule = excluded.rule, inputs = excluded.inputs, mapping = excluded.mapping,
                mapping_version = excluded.mapping_version, finished_at = excluded.finished_at,
                write_back = CASE WHEN excluded.outcome IS NULL OR coalesce(q.outbox_row, excluded.outbox_row) IS NULL
                    THEN 'none' WHEN (SELECT o.mode = 'live' FROM caserouter.orgs o WHERE o.name = q.org) THEN 'due'
                    ELSE 'observed' END,
                write_back_at = CASE WHEN excluded.outcome IS NOT NULL
                    AND coalesce(q.outbox_row, excluded.outbox_row) IS NOT NULL THEN now() END
            WHERE q.seen_at IS NULL
        ), su AS (
            UPDATE caserouter.requests q
            SET outcome = 'superseded', finished_at = now(),
                write_back = CASE WHEN q.outbox_row IS NULL THEN 'none' WHEN x.is_live THEN 'due' ELSE 'observed' END,
                write_back_at = CASE WHEN q.outbox_row IS NOT NULL THEN now() END
            FROM (
                SELECT ok.is_live, k.* FROM ok CROSS JOIN LATERAL (
                    SELECT k.day, k.org, k.case_id, k.event_key FROM caserouter.requests k
                    WHERE k.org = ok.org AND k.case_id = ok.case_id AND k.day >= ok.first_open_day
                        AND k.outcome IS NULL AND k.seen_at IS NOT NULL AND k.version < ok.version
                        AND k.version_epoch = ok.change_epoch
                        AND k.change NOT IN ('comment', 'email-received', 'agent-replied')
                        AND k.event_key <> ok.event_key
                    LIMIT \(LedgerText.openLimit)) k
                WHERE ok.supersedes AND ok.first_open_day IS NOT NULL) x
            WHERE q.day = x.day AND q.org = x.org AND q.case_id = x.case_id AND q.event_key = x.event_key
        )
        SELECT o::int4, takes, now(), new_revision::int8, applied_revision::int8, (epoch + takes::int)::int8,
            coalesce(new_attempts, 0)::int4, failure_number::int4, (episode + opens::int)::int4,
            CASE WHEN opens THEN episode + 1 ELSE e_number END::int4, CASE WHEN opens THEN want_cic ELSE e_cic END,
            CASE WHEN opens THEN 'creating' ELSE e_state END, e_interaction_id,
            CASE WHEN opens THEN attempt_id ELSE e_attempt_id END,
            CASE WHEN opens THEN now() + interval '10 s' ELSE e_attempt_deadline END, e_workgroup, e_skills,
            CASE WHEN opens THEN 0 ELSE e_assign_number END::int8, CASE WHEN opens THEN false ELSE e_with_agent END
        FROM ok
        """
}

/// Bounds of claims.
enum ClaimLimits {
    /// Claims in a row after which nothing was heard of the worker; the case is failed then.
    static let withoutOutcome = 3
    /// No claim has a smaller number: those of before a loss of rows are never given out again.
    static let leastEpoch = "(SELECT least_epoch FROM caserouter.installation WHERE only_row)"
    /// In SQL text: without an apostrophe.
    static let diedSummary = """
        Three workers in a row stopped working on this case without a word. Look at their logs, then retry the case.
        """
}
