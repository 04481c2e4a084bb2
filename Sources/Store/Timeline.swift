import Postgres

/// Compares the timeline of a connection with the stored one. Another one means that the database goes on from another
/// point than the one where we left it (a standby took over, a backup was restored): rows that were committed may be
/// missing.
enum Timeline {
    /// How long every CIC server is on hold at least: the lease, the deadline of a call, and the longest pause that a
    /// process may make. Its watch lifts the hold, after this and after a full listing.
    static let hold = "100 seconds"

    /// Of all processes that find a new timeline, the first stores it and places the holds; the others find it stored.
    /// Every one of them has lost its connections, so it drops what it had begun in any case.
    private static let statement = """
        WITH before AS (
            SELECT timeline FROM caserouter.installation FOR UPDATE
        ), changed AS (
            UPDATE caserouter.installation i SET timeline = $1 FROM before b
            WHERE b.timeline IS DISTINCT FROM $1 RETURNING b.timeline
        ), held AS (
            INSERT INTO caserouter.holds (kind, name, reason, detail, until, placed_by)
            SELECT 'cic', s.name, 'lost-rows',
                'The database continues from another timeline; what was committed last may be missing.',
                now() + interval '\(hold)', 'timeline ' || $1
            FROM caserouter.cic_servers s, changed
            WHERE changed.timeline IS NOT NULL AND s.removed_at IS NULL
            ON CONFLICT (kind, name, reason) DO UPDATE
            SET since = now(), until = excluded.until, placed_by = excluded.placed_by
        )
        SELECT timeline FROM changed
        """

    static func compare(_ connection: PostgresConnection) async throws(PostgresError) {
        let timeline = await connection.timeline
        _ = try await connection.query(statement, [.text(timeline)], name: "compare timeline")
    }
}
