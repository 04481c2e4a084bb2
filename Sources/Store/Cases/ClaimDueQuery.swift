import CaseRouting
import Postgres

/// Taking due cases: a query of its own, because it skips what others hold instead of waiting in key order.
enum ClaimDueQuery {
    /// Oldest first per server, so that the index gives them in order; the oldest of all of these are taken. A case
    /// without a server has nothing in CIC and wants nothing: it only has to be finished.
    ///
    /// When a hold has ended, each worker takes 8 cases at a time from the server it concerns, doubling every five
    /// seconds: with a look every 400 ms that is 20 a second in the beginning.
    ///
    /// What three workers have claimed without a word is failed instead of being claimed; those rows come back marked.
    static let claim = """
        WITH servers AS (
            SELECT s.name, coalesce(
                (SELECT min(8 * 2 ^ floor(extract(epoch FROM now() - r.at) / 5)) FROM caserouter.releases r
                WHERE r.at > now() - interval '1 minute' AND (
                    r.kind = 'org' OR r.kind = 'cic' AND r.name = s.name
                    OR r.kind = 'workgroup' AND starts_with(r.name, s.name || '/')))::int8, $1) AS pace
            FROM unnest($2::text[]) AS s (name)
            WHERE NOT EXISTS (SELECT FROM caserouter.holds h WHERE h.kind = 'cic' AND h.name = s.name)
        ), somewhere AS (
            SELECT d.* FROM servers s CROSS JOIN LATERAL (
                SELECT c.org, c.case_id, c.next_at FROM caserouter.cases c
                WHERE c.acts_on_cic = s.name AND \(isDue)
                ORDER BY c.next_at LIMIT least($1, s.pace) FOR NO KEY UPDATE SKIP LOCKED) d
        ), nowhere AS (
            SELECT c.org, c.case_id, c.next_at FROM caserouter.cases c
            WHERE c.acts_on_cic IS NULL AND \(isDue)
            ORDER BY c.next_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
        ), due AS (
            SELECT * FROM somewhere UNION ALL SELECT * FROM nowhere ORDER BY next_at LIMIT $1
        )
        UPDATE caserouter.cases c
        SET worker = CASE WHEN \(isDead) THEN c.worker ELSE $3 END,
            epoch = CASE WHEN \(isDead) THEN c.epoch ELSE greatest(c.epoch, \(ClaimLimits.leastEpoch)) + 1 END,
            lease_until = CASE WHEN NOT \(isDead) THEN now() + interval '30 s' END,
            next_at = CASE WHEN \(isDead) THEN now() ELSE now() + interval '30 s' END,
            claims_without_outcome = CASE WHEN \(isDead) THEN 0 ELSE c.claims_without_outcome + 1 END,
            attempts = CASE WHEN \(isDead) THEN 8 ELSE c.attempts END,
            failure_number = c.failure_number + CASE WHEN \(isDead) THEN 1 ELSE 0 END,
            failure_kind = CASE WHEN \(isDead) THEN 'permanent' ELSE c.failure_kind END,
            failure_stage = CASE WHEN \(isDead) THEN 'receive' ELSE c.failure_stage END,
            failure_cause = CASE WHEN \(isDead) THEN 'worker-died' ELSE c.failure_cause END,
            failure_summary = CASE WHEN \(isDead) THEN '\(ClaimLimits.diedSummary)' ELSE c.failure_summary END,
            failed_at = CASE WHEN \(isDead) THEN now() ELSE c.failed_at END,
            handle_at = CASE WHEN NOT \(isDead) THEN c.handle_at END
        FROM due WHERE c.org = due.org AND c.case_id = due.case_id
        RETURNING c.org, c.case_id, c.epoch, c.lease_until IS NULL
        """

    private static let isDue = """
        c.applied_revision < c.revision AND c.attempts < 8 AND c.next_at <= now()
                    AND coalesce(c.lease_until, '-infinity') <= now()
                    AND NOT EXISTS (
                        SELECT FROM caserouter.holds h
                        WHERE h.kind = 'org' AND h.name = c.org
                            OR h.kind = 'workgroup' AND h.name = c.want_cic || '/' || c.want_workgroup)
                    AND NOT (c.want_cic IS NOT NULL AND \(mayLiveElsewhere))
        """

    private static let mayLiveElsewhere = LostRowsGuard.mayLiveElsewhere(
        org: "c.org", caseID: "c.case_id", acts: "c.acts_on_cic",
        episodeIsLive: """
            EXISTS (SELECT FROM caserouter.episodes live WHERE live.org = c.org AND live.case_id = c.case_id
                AND live.number = c.episode AND live.state IN ('placed', 'ending'))
            """)

    private static let isDead = "c.claims_without_outcome >= \(ClaimLimits.withoutOutcome)"

    /// The cases just claimed, whole. A statement of its own, after the commit: what its row locks waited for, the
    /// claiming statement itself would not see of the episodes.
    static let read = """
        SELECT m.o::int4, now(), c.org, c.case_id, m.epoch, \(CaseColumns.list)
        FROM unnest($1::text[], $2::text[], $3::int8[]) WITH ORDINALITY AS m (org, case_id, epoch, o)
        JOIN caserouter.cases c ON c.org = m.org AND c.case_id = m.case_id AND c.epoch = m.epoch
        LEFT JOIN caserouter.episodes e ON e.org = m.org AND e.case_id = m.case_id
            AND e.number = c.episode AND e.state <> 'ended'
        ORDER BY c.org, c.case_id
        """
}
