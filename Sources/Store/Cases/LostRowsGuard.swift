/// Keeps a case from being offered on one CIC server while another one, which may hold an interaction of it that nobody
/// knows any more, has not been listed since rows may have been lost.
enum LostRowsGuard {
    /// Clocks of Salesforce and the database differ by less than this.
    private static let clocks = "1 minute"

    /// Whether the case may have an interaction on another server. Not if its open episode is known to be live, because
    /// the server it is on was listed: there is one at a time. Not if it was created after the rows were lost. Not on
    /// a server that no mapping of its org ever named, or that never answered.
    ///
    /// - Parameters:
    ///   - acts: the server to be acted on, whose own hold is looked at elsewhere.
    ///   - episodeIsLive: SQL: the open episode is placed or ending.
    ///   - isCreation: SQL: what is being merged is the creation of the case; its time.
    static func mayLiveElsewhere(
        org: String, caseID: String, acts: String, episodeIsLive: String, creation: String = "NULL::timestamptz"
    ) -> String {
        """
        EXISTS (
            SELECT FROM caserouter.holds lost
            JOIN caserouter.cic_servers unlisted ON unlisted.name = lost.name AND unlisted.identity IS NOT NULL
            WHERE lost.kind = 'cic' AND lost.reason = 'lost-rows' AND lost.name <> \(acts) AND NOT (\(episodeIsLive))
                AND EXISTS (SELECT FROM caserouter.mappings p WHERE p.org = \(org) AND p.cic = lost.name)
                AND coalesce(\(creation), '-infinity') <= lost.since + interval '\(clocks)'
                AND NOT EXISTS (
                    SELECT FROM caserouter.requests born
                    WHERE born.org = \(org) AND born.case_id = \(caseID)
                        AND born.day >= (lost.since AT TIME ZONE 'UTC')::date AND born.change = 'created'
                        AND born.occurred_at > lost.since + interval '\(clocks)'))
        """
    }
}
