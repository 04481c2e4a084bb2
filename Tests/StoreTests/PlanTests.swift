import CaseRouting
import Postgres
import Testing

@testable import Store

/// The plans of the hot statements on tables as they are after a year of work.
@Suite(.serialized) struct PlanTests {
    private static let caseCount = 200_000

    private static let fill = """
        INSERT INTO caserouter.cases (
            org, case_id, case_number, revision, applied_revision, version_epoch, owner, closed, want_cic, want_workgroup,
            acts_on_cic, episode, next_at, attempts)
        SELECT 'acme', '500' || lpad(n::text, 12, '0') || 'AAA', n::text, 1, (n % 20 > 0)::int, 1, '\(StoreFixture.queue)',
            n % 10 > 0, 'main', 'Support', 'main', 1, now() - n * interval '1 s', CASE WHEN n % 200 = 0 THEN 8 ELSE 0 END
        FROM generate_series(1, \(caseCount)) n;
        INSERT INTO caserouter.episodes (
            org, case_id, number, cic, state, interaction_id, attempt_id, attempt_day, attempt_deadline, ended_at)
        SELECT 'acme', '500' || lpad(n::text, 12, '0') || 'AAA', 1, 'main', CASE WHEN n % 10 > 0 THEN 'ended' ELSE 'placed' END, 'i' || n, gen_random_uuid(),
            current_date, now(), CASE WHEN n % 10 > 0 THEN now() END
        FROM generate_series(1, \(caseCount)) n;
        INSERT INTO caserouter.attempts (
            day, attempt_id, org, case_id, episode, revision, epoch, stage, worker, deadline_at, outcome)
        SELECT current_date - n % 6, attempt_id, org, case_id, 1, 1, 1, 'record', 'w', now(), 'ok'
        FROM (SELECT *, substr(case_id, 4, 12)::int AS n FROM caserouter.episodes) e;
        INSERT INTO caserouter.requests (
            day, org, event_key, case_id, version, version_epoch, change, body, found, occurred_at, seen_at, outcome)
        SELECT current_date - n % 6, 'acme', 'o:' || n, '500' || lpad(n::text, 12, '0') || 'AAA', 1, 1, 'created',
            'body', 'stream', now(), now(), CASE WHEN n % 20 > 0 THEN 'routed' END
        FROM generate_series(1, \(caseCount)) n;
        ANALYZE caserouter.cases, caserouter.episodes, caserouter.attempts, caserouter.requests;
        """

    /// Runs each statement as the store sends it; the server's counts of scans say what its plan was.
    @Test(.timeLimit(.minutes(5)))
    func `every hot statement finds its rows by index and looks only into the partitions it names`() async throws {
        try await StoreFixture.with { fixture in
            var settings = PostgresSettings.migration(applicationName: "fill")
            settings.lockTimeout = .zero
            let filler = try await PostgresConnection.open(fixture.database.address, settings, on: fixture.executor)
            try await filler.execute(script: Self.fill, name: "fill")
            await filler.close()

            // The counts of a session appear a second after its last statement, and when it ends.
            try await Task.sleep(for: .seconds(1.5))
            try await fixture.run("SELECT pg_stat_force_next_flush()")
            let before = try await Self.scans(fixture)
            let store = fixture.store
            for number in 200_101...200_110 {
                let change = CaseChange.make(.created, of: number, version: 1)
                let placed = try await fixture.place(change, interaction: InteractionID("n\(number)"))
                let move = CaseChange.make(.queueChanged, of: number, version: 2, owner: StoreFixture.otherQueue)
                let claim = try await fixture.claim(move)
                #expect(try await store.beginAssign(claim))
                let failure = RoutingFailure(.transient, at: .assign, cause: .cicError, "It did not work.")
                #expect(try await store.park(claim, failure, delay: .seconds(60)))
                #expect(try await store.retry(RetryHandle(caseKey: placed.caseKey, failureNumber: 9)) == false)
                let closed = try await fixture.claim(.make(.closed, of: number, version: 3, isClosed: true))
                #expect(try await store.beginEnding(closed))
                let end = EpisodeEnd(
                    episode: placed.episodeKey, interaction: InteractionID("n\(number)"),
                    attempt: placed.state.episode!.attempt, reason: .disconnected, assignNumber: nil)
                #expect(try await store.end(end))
                try await store.release(closed, delay: .zero)
                let unborn = try await fixture.claim(
                    .make(.reopened, of: number, version: 4), attempt: .make())
                _ = try await store.refresh(unborn)
                try await store.release(unborn, delay: .seconds(60))
            }
            for claim in try await store.claimDue(limit: 100, servers: StoreFixture.servers) {
                #expect(try await store.finish(claim))
            }
            _ = try await store.raiseTaken(RequestKey(.make(.created, of: 200_101, version: 1)))
            _ = try await store.takeUnseen(limit: 10)

            await fixture.connections.close()
            try await Task.sleep(for: .seconds(1.5))
            let after = try await Self.scans(fixture)
            for (table, count) in after where count.isFilled {
                #expect(count.sequential == before[table]?.sequential ?? 0, "\(table) was read from end to end")
            }
            // Taking unseen requests looks into every partition, once.
            let unnamed = try await fixture.text("SELECT 'requests_' || to_char(current_date - 5, 'YYYYMMDD')")!
            #expect((after[unnamed]?.byIndex ?? 0) - (before[unnamed]?.byIndex ?? 0) <= 1)
        }
    }

    private struct Scans {
        let sequential: Int64
        let byIndex: Int64
        /// An empty table may be read from end to end.
        let isFilled: Bool
    }

    private static func scans(
        _ fixture: StoreFixture
    ) async throws -> [String: Scans] {
        let rows = try await fixture.sql.query(
            """
            SELECT s.relname::text, s.seq_scan, coalesce(s.idx_scan, 0), c.reltuples > 1000
            FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid WHERE s.schemaname = 'caserouter'
            """)
        var scans: [String: Scans] = [:]
        for row in rows {
            scans[try row.text(0)] = Scans(
                sequential: try row.int64(1), byIndex: try row.int64(2), isFilled: try row.bool(3))
        }
        return scans
    }
}
