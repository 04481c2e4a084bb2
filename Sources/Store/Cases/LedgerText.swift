/// Parts that several statements share.
enum LedgerText {
    /// Closes the open requests of the cases that the CTE `done (org, case_id, first_open_day)` lists as routed. Most
    /// cases have none from before the day, so that one or two partitions are touched.
    static let requestsRouted = """
        UPDATE caserouter.requests q
        SET outcome = 'routed', finished_at = now(), \(writeBackDue)
        FROM done d LEFT JOIN caserouter.orgs o ON o.name = d.org
        WHERE q.org = d.org AND q.case_id = d.case_id AND q.day >= d.first_open_day AND q.outcome IS NULL
            AND q.seen_at IS NOT NULL
        """

    /// What a final outcome makes of the outbox row. Needs `q` and `o`, the org.
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
