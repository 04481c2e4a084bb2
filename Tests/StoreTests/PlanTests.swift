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
        """

    /// Nothing makes the server plan again.
    private static let quiet = """
        DO $$
        DECLARE t regclass;
        BEGIN
            FOR t IN SELECT oid FROM pg_class WHERE relnamespace = 'caserouter'::regnamespace AND relkind = 'r' LOOP
                EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = off)', t);
            END LOOP;
        END $$;
        """

    /// Runs each statement as the store sends it; the server's counts say what its plan was. The plans are those that
    /// were made while the tables were empty, or new ones.
    @Test(.timeLimit(.minutes(5)), arguments: [false, true])
    func `every hot statement finds its rows by index and looks only into the partitions it names`(
        _ plansAgain: Bool
    ) async throws {
        try await StoreFixture.with { fixture in
            try await fixture.sql.execute(script: Self.quiet, name: "quiet")
            try await Self.work(200_101...200_102, fixture)
            var settings = PostgresSettings.migration(applicationName: "fill")
            settings.lockTimeout = .zero
            let filler = try await PostgresConnection.open(fixture.database.address, settings, on: fixture.executor)
            try await filler.execute(script: Self.fill, name: "fill")
            if plansAgain { try await filler.execute(script: "ANALYZE", name: "analyze") }
            await filler.close()

            // The counts of a session appear a second after its last statement, and when it ends.
            try await Task.sleep(for: .seconds(1.5))
            try await fixture.run("SELECT pg_stat_force_next_flush()")
            let before = try await Self.scans(fixture)
            let steps = try await Self.work(200_103...200_112, fixture)
            await fixture.connections.close()
            try await Task.sleep(for: .seconds(1.5))
            let after = try await Self.scans(fixture)
            for (table, count) in after where count.isFilled {
                #expect(count.sequential == before[table]?.sequential ?? 0, "\(table) was read from end to end")
                let read = count.rowsByIndex - (before[table]?.rowsByIndex ?? 0)
                #expect(read < 20 * steps, "\(read) rows of \(table) were read by index in \(steps) steps")
            }
            // Only taking unseen requests looks into every partition.
            let unnamed = try await fixture.text("SELECT 'requests_' || to_char(current_date - 5, 'YYYYMMDD')")!
            #expect((after[unnamed]?.byIndex ?? 0) - (before[unnamed]?.byIndex ?? 0) <= 2)
        }
    }

    /// Every operation for each of these cases, and those of a worker once. Returns how many there were.
    @discardableResult
    private static func work(_ numbers: ClosedRange<Int>, _ fixture: StoreFixture) async throws -> Int64 {
        let store = fixture.store
        for number in numbers {
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
            let reopened = try await fixture.claim(.make(.reopened, of: number, version: 4))
            let begun = try #require(await store.beginCreate(reopened, attempt: .make(), opensEpisode: true))
            let again = try #require(await store.beginCreate(begun, attempt: .make(), opensEpisode: false))
            #expect(try await store.endUnborn(again) == false)
            let refreshed = try #require(await store.refresh(again))
            #expect(try await store.finish(refreshed))
            _ = try await store.raiseTaken(RequestKey(change))
        }
        for claim in try await store.claimDue(limit: 20, servers: StoreFixture.servers) {
            #expect(try await store.finish(claim))
        }
        _ = try await store.takeUnseen(limit: 10)
        return Int64(numbers.count * 25 + 22)
    }

    private struct Scans {
        let sequential: Int64
        let byIndex: Int64
        let rowsByIndex: Int64
        /// An empty table may be read from end to end.
        let isFilled: Bool
    }

    private static func scans(
        _ fixture: StoreFixture
    ) async throws -> [String: Scans] {
        let rows = try await fixture.sql.query(
            """
            SELECT s.relname::text, s.seq_scan, coalesce(s.idx_scan, 0), pg_relation_size(c.oid) > 100000,
                coalesce((SELECT sum(i.idx_tup_read)::int8 FROM pg_stat_user_indexes i WHERE i.relid = c.oid), 0)
            FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid WHERE s.schemaname = 'caserouter'
            """)
        var scans: [String: Scans] = [:]
        for row in rows {
            scans[try row.text(0)] = Scans(
                sequential: try row.int64(1), byIndex: try row.int64(2),
                rowsByIndex: try row.int64(4), isFilled: try row.bool(3))
        }
        return scans
    }
}
