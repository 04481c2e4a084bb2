/// How the product's tables become evidence: one statement, so that all of it is of one instant, whose every row is a JSON
/// object. `psql -At -f -` prints them as the checker reads them.
///
/// It names tables and columns of `migrations/`, because what it judges by is what stands there; the product's own views
/// are read only to be compared with them.
public enum DatabaseQuery {
    public static let text = """
        SET search_path = caserouter; SET TimeZone = 'UTC';
        WITH
        at AS (SELECT clock_timestamp() AS now),
        lines AS (
            SELECT 1 AS place, to_jsonb(r) AS line FROM (
                SELECT 'request' AS kind, org, event_key AS key, day, case_id AS case, change, outbox_row AS row, outcome,
                    rule, found, \(micros("received_at")) AS received, \(micros("seen_at")) AS seen,
                    \(micros("finished_at")) AS finished
                FROM requests) r
            UNION ALL SELECT 2, to_jsonb(c) FROM (
                SELECT 'case' AS kind, org, case_id AS case, revision, applied_revision AS applied, owner, closed, skills,
                    want_cic AS server, episode, epoch, attempts, worker, failure_kind, failure_cause, failure_summary,
                    \(micros("failed_at")) AS failed, failure_number, \(micros("changed_at")) AS changed
                FROM cases) c
            UNION ALL SELECT 3, to_jsonb(e) FROM (
                SELECT 'episode' AS kind, org, case_id AS case, number, cic AS server, state, interaction_id AS interaction,
                    attempt_id AS attempt, \(micros("opened_at")) AS opened
                FROM episodes) e
            UNION ALL SELECT 4, to_jsonb(a) FROM (
                SELECT 'attempt' AS kind, attempt_id AS attempt, org, case_id AS case, episode, revision, epoch, worker, stage,
                    \(micros("started_at")) AS started, outcome, kind AS failure_kind, cause AS failure_cause,
                    summary AS failure_summary
                FROM attempts) a
            UNION ALL SELECT 5, to_jsonb(p) FROM (
                SELECT 'cursor' AS kind, org, channel, replay_id AS replay, \(micros("updated_at")) AS updated FROM cursors) p
            UNION ALL SELECT 6, to_jsonb(g) FROM (
                SELECT 'gap' AS kind, org, channel, reason, \(micros("opened_at")) AS opened
                FROM gaps WHERE closed_at IS NULL) g
            UNION ALL SELECT 7, to_jsonb(h) FROM (
                SELECT 'hold' AS kind, kind AS of, name, reason, detail, \(micros("since")) AS since FROM holds) h
            UNION ALL SELECT 8, to_jsonb(s) FROM (
                SELECT 'sweep' AS kind, org, asked_by, \(micros("asked_at")) AS asked
                FROM sweeps WHERE finished_at IS NULL AND asked_at IS NOT NULL) s
            UNION ALL SELECT 9, to_jsonb(b) FROM (
                SELECT 'bulk-retry' AS kind, id, asked, \(micros("started_at")) AS started
                FROM bulk_retries WHERE state = 'running') b
            UNION ALL SELECT 10, to_jsonb(d) FROM (
                SELECT 'discard' AS kind, org, case_id AS case, \(micros("discarded_at")) AS discarded,
                    \(micros("restored_at")) AS restored
                FROM discards) d
            UNION ALL SELECT 11, to_jsonb(u) FROM (
                SELECT 'undecodable' AS kind, digest, reason, encode(beginning, 'hex') AS beginning, seen FROM undecodable) u
            UNION ALL SELECT 12, to_jsonb(v) FROM (SELECT 'accounting' AS kind, * FROM report.accounting) v
            UNION ALL SELECT 13, to_jsonb(f) FROM (SELECT 'failed' AS kind, org, case_id AS case FROM failed_requests) f)
        SELECT line::text FROM (
            SELECT 0 AS place, jsonb_build_object('kind', 'begin', 'at', \(micros("now"))) AS line FROM at
            UNION ALL SELECT place, line FROM lines
            UNION ALL SELECT 99, jsonb_build_object('kind', 'end', 'lines', (SELECT count(*) FROM lines))
        ) all_lines ORDER BY place;

        """

    /// A time as microseconds since 1970, as in the ledgers.
    private static func micros(_ column: String) -> String { "(extract(epoch FROM \(column)) * 1000000)::bigint" }
}
