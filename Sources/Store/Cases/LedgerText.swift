/// Parts that several statements share.
enum LedgerText {
    /// Closes the open requests of the cases that the CTE `done (org, case_id, first_open_day)` lists as routed. Most
    /// cases have none from before the day, so that one or two partitions are touched.
    static let requestsRouted = """
        UPDATE caserouter.requests q
        SET outcome = 'routed', finished_at = now(), \(writeBackDue)
        FROM (
            SELECT k.*, org.mode FROM done d CROSS JOIN LATERAL (
                SELECT k.day, k.org, k.case_id, k.event_key FROM caserouter.requests k
                WHERE k.org = d.org AND k.case_id = d.case_id AND k.day >= d.first_open_day AND k.outcome IS NULL
                    AND k.seen_at IS NOT NULL
                LIMIT \(openLimit)) k
            LEFT JOIN caserouter.orgs org ON org.name = k.org
            WHERE d.first_open_day IS NOT NULL) o
        WHERE q.day = o.day AND q.org = o.org AND q.case_id = o.case_id AND q.event_key = o.event_key
        """

    /// Open requests of one case: a bound that no case reaches, and that keeps the planner from turning the look-up by
    /// case into a join over whole partitions.
    static let openLimit = 100_000

    /// What a final outcome makes of the outbox row. Needs the request `q` and the org's mode in `o`.
    static let writeBackDue = """
        write_back = CASE WHEN q.outbox_row IS NULL THEN 'none' WHEN o.mode = 'live' THEN 'due' ELSE 'observed' END,
            write_back_at = CASE WHEN q.outbox_row IS NOT NULL THEN now() END
        """

    /// Columns of `cases c` after success.
    static let applied = """
        lease_until = NULL, attempts = 0, claims_without_outcome = 0, failure_kind = NULL,
            failure_stage = NULL, failure_cause = NULL, failure_summary = NULL, failed_at = NULL, handle_at = NULL,
            first_open_day = NULL, changed_at = now()
        """
}
