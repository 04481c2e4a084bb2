import Postgres

/// Compares the timeline of a connection with the stored one. Another one means that the database goes on from another
/// point than the one where we left it (a standby took over, a backup was restored): rows that were committed may be
/// missing.
enum Timeline {
    /// How long every CIC server is on hold at least: the lease, the deadline of a call, and the longest pause that a
    /// process may make. Its watch lifts the hold, after this and after a full listing.
    static let hold = "100 seconds"
    /// How far back the sweep of an org looks: as long as Salesforce keeps events.
    static let sweeps = "72 hours"
    /// Only a sweep that begins this much later heals: a sweep leaves out what is younger than two minutes, because that
    /// is most likely still on its way.
    static let settling = "125 seconds"

    /// Of all processes that find a new timeline, the first stores it, and with it all that has to follow: the holds of
    /// CIC servers, which their watches lift; those of orgs, which housekeeping lifts; and a gap for every org, which
    /// its ingest closes. The others find it stored, and whoever takes over after a death finds the same rows.
    ///
    /// The orgs' leases end: whoever has one would go on behind events whose requests are gone. The next subscription
    /// begins at the position that is left, which is as old as the requests that are left.
    ///
    /// Every process has lost its connections, so it drops what it had begun in any case.
    private static let statement = """
        WITH before AS (
            SELECT timeline FROM caserouter.installation FOR UPDATE
        ), changed AS (
            UPDATE caserouter.installation i
            SET timeline = $1,
                least_epoch = i.least_epoch + CASE WHEN b.timeline IS NULL THEN 0 ELSE 4294967296 END
            FROM before b
            WHERE b.timeline IS DISTINCT FROM $1 RETURNING b.timeline
        ), held AS (
            INSERT INTO caserouter.holds (kind, name, reason, detail, until, placed_by)
            SELECT kind, name, 'lost-rows',
                'The database continues from another timeline; what was committed last may be missing. ' || detail,
                now() + interval '\(hold)', 'timeline ' || $1
            FROM (
                SELECT 'cic', name, 'Episodes are rebuilt from what CIC shows.'
                FROM caserouter.cic_servers WHERE removed_at IS NULL
                UNION ALL
                SELECT 'org', name, 'Salesforce is swept.' FROM caserouter.orgs WHERE removed_at IS NULL
            ) t (kind, name, detail), changed
            WHERE changed.timeline IS NOT NULL
            ON CONFLICT (kind, name, reason) DO UPDATE
            SET since = now(), until = excluded.until, placed_by = excluded.placed_by
        ), opened AS (
            INSERT INTO caserouter.gaps (org, channel, from_time, reason, opened_at)
            SELECT o.name, 'database', now() - interval '\(sweeps)',
                'The database went from timeline ' || changed.timeline || ' to ' || $1, now() + interval '\(settling)'
            FROM caserouter.orgs o, changed
            WHERE changed.timeline IS NOT NULL AND o.removed_at IS NULL
        ), ended AS (
            UPDATE caserouter.leases l SET term = l.term + 1, until = '-infinity'
            FROM changed WHERE changed.timeline IS NOT NULL AND l.kind = 'org'
        )
        SELECT timeline FROM changed
        """

    static func compare(_ connection: PostgresConnection) async throws(PostgresError) {
        let timeline = await connection.timeline
        _ = try await connection.query(statement, [.text(timeline)], name: "compare timeline")
    }
}
