import CaseRouting
import Logging
import Polling
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import Store

/// A real standby that lacks what was committed last takes over, and the watch mends it from what CIC shows.
@Suite(.serialized) struct FailoverTests {
    private static let first = CaseKey(org: "acme", caseID: recordID("500", 1))
    private static let second = CaseKey(org: "acme", caseID: recordID("500", 2))

    private static let site = """
        RESET search_path;
        INSERT INTO caserouter.orgs (name, organization_id, login_url, flow, mode) VALUES
            ('acme', '00D000000000001AAA', 'https://acme', 'client-credentials', 'live');
        INSERT INTO caserouter.cic_servers (name, hosts, holding, identity) VALUES ('main', '{cic:8019}', 'Holding', 'one');
        """

    @Test(.timeLimit(.minutes(5)))
    func `what a promoted standby is missing is rebuilt, and nothing is offered twice`() async throws {
        try await PrivatePostgres.with { primary async throws in
            let executor = PollExecutor(name: "failover")
            defer { executor.stop() }
            try await Self.setUp(primary, executor)
            try await primary.withStandby { standby async throws in
                let address = try PostgresAddress(
                    "postgresql://postgres@127.0.0.1:\(primary.port),127.0.0.1:\(standby.port)/postgres")
                let database = PostgresDatabase.forCases(
                    address, PostgresSettings(applicationName: "failover"), on: executor, sessions: 2)
                let sessions = Task { await database.run() }
                try await database.waitUntilUp(atMost: .seconds(120))
                do {
                    try await Self.play(primary, standby, database, executor)
                } catch {
                    await database.close()
                    await sessions.value
                    throw error
                }
                await database.close()
                await sessions.value
            }
        }
    }

    private static func setUp(_ primary: PrivatePostgres, _ executor: PollExecutor) async throws {
        let connection = try await PostgresConnection.open(
            try PostgresAddress(primary.url), .migration(applicationName: "set up"), on: executor)
        do {
            _ = try await Migrator().migrate(connection)
            try await connection.execute(script: Self.site, name: "site")
        } catch {
            await connection.close()
            throw error
        }
        await connection.close()
    }

    private static func play(
        _ primary: PrivatePostgres, _ standby: PrivatePostgres, _ database: PostgresDatabase, _ executor: PollExecutor
    ) async throws {
        let store = PostgresCaseStore(database, worker: "w", host: "test", encode: { Array($0.key.utf8) })
        let known = try await place(.make(.created, of: 1, version: 1), InteractionID("1"), store)
        let kept = try await database.query("SELECT pg_current_wal_lsn()::text")[0].text(0)
        try await eventually("the standby has it") {
            try await database.query(
                "SELECT count(*)::int4 FROM pg_stat_replication WHERE replay_lsn >= '\(kept)'::pg_lsn")[0].int32(0) == 1
        }
        try await standby.stopStreaming()
        try await eventually("nothing is streamed") {
            try await database.query("SELECT count(*)::int4 FROM pg_stat_replication")[0].int32(0) == 0
        }

        // Committed, acknowledged, and lost.
        let unknown = try await place(.make(.created, of: 2, version: 1), InteractionID("2"), store)
        let moved = try await claim(
            .make(.queueChanged, of: 1, version: 2, owner: StoreFixture.otherQueue), nil, store)
        guard try await store.beginAssign(moved) else { throw StoreFixture.NotClaimed() }
        try await primary.stop(.immediate)
        try await eventually("the sessions are gone") { await !database.isUp }
        try await standby.promote()
        try await database.waitUntilUp(atMost: .seconds(120))

        let watchStore = PostgresWatchStore(database, cases: store, worker: "w")
        #expect(try await watchStore.server(cic: "main")?.holds == [.lostRows])
        #expect(try await watchStore.cases([second]).isEmpty)
        #expect(try await store.refresh(moved) == nil)
        let before = try #require(try await watchStore.cases([first])[first])
        #expect(before.revision == known.state.revision)

        let cic = ShownCIC([
            SeenInteraction(
                interaction: InteractionID("1"), episode: EpisodeKey(first, 1),
                attempt: try #require(known.state.episode?.attempt), assignNumber: moved.state.revision,
                state: .withAgent),
            SeenInteraction(
                interaction: InteractionID("2"), episode: EpisodeKey(second, 1),
                attempt: try #require(unknown.state.episode?.attempt), assignNumber: 1, state: .waiting),
        ])
        let watch = InteractionWatch(
            cic: "main", settings: WatchSettings(holding: "Holding", workgroups: ["Sales"]), feed: cic, server: cic,
            store: watchStore, leases: PostgresLeases(database, owner: "w"), clock: LoopClock(),
            random: NoJitter(), logger: Logger(label: "watch") { _ in SwiftLogNoOpLogHandler() },
            executor: executor)
        let watching = Task(executorPreference: executor) { await watch.run() }
        try await eventually("both are rebuilt") {
            let open = try await watchStore.openEpisodes(cic: "main").count
            let wanted = try await watchStore.cases([first])[first]?.wanted
            return open == 2 && wanted?.workgroup == "Sales"
        }
        #expect(try await watchStore.server(cic: "main")?.holds == [.lostRows])
        #expect(try await store.claimDue(limit: 10, servers: ["main"]).isEmpty)
        // Its time is a hundred seconds.
        _ = try await database.query("UPDATE caserouter.holds SET until = now()")
        try await eventually("the hold is lifted") {
            try await watchStore.server(cic: "main")?.holds == []
        }
        watching.cancel()
        await watching.value

        // The org waits for its sweep.
        #expect(try await store.claimDue(limit: 10, servers: ["main"]).isEmpty)
        _ = try await database.query("UPDATE caserouter.gaps SET opened_at = now()")
        let ingest = PostgresIngestStore(database, owner: "w")
        try await ingest.closeGaps(org: "acme", openedBefore: try await ingest.now())
        #expect(try await PostgresHousekeepingStore(database).liftSweptOrgs() == ["acme"])

        let claims = try await store.claimDue(limit: 10, servers: ["main"])
        #expect(claims.count == 2)
        for claim in claims {
            #expect(claim.epoch > 1 << 32)
            // To be looked at, not to be made again.
            let step = nextStep(for: claim.state, now: claim.now, reading: nil)
            #expect(step == .assign(takesBack: false))
        }
        #expect(claims.first { $0.caseKey == first }?.state.revision ?? 0 > moved.state.revision)
        #expect(cic.disconnected == 0)
        let lifted = try await database.query(
            "SELECT count(*)::int4 FROM caserouter.audit WHERE action IN ('hold placed', 'hold lifted')")[0].int32(0)
        // Placed twice, their time set by this test twice, lifted twice.
        #expect(lifted == 6)
    }

    private static func claim(
        _ change: CaseChange, _ attempt: AttemptID?, _ store: PostgresCaseStore
    ) async throws -> Claim {
        let snapshot = try await store.read(change)
        guard
            case .decision(let decision) = decide(
                change, on: snapshot.state, with: StoreFixture.configuration, interaction: .alive),
            case .claimed(let claim) = try await store.merge(
                Merge(change: change, before: snapshot.state, decision: decision, claims: true, attempt: attempt))
        else { throw StoreFixture.NotClaimed() }
        return claim
    }

    private static func place(
        _ change: CaseChange, _ interaction: InteractionID, _ store: PostgresCaseStore
    ) async throws -> Claim {
        let attempt = AttemptID.make()
        guard let won = try await store.win(try await claim(change, attempt, store), interaction, attempt),
            let wanted = won.state.wanted,
            try await store.recordPlaced(won, workgroup: wanted.workgroup, skills: wanted.skills)
        else { throw StoreFixture.NotClaimed() }
        return won
    }
}

/// A CIC server that shows the same interactions on one workgroup for ever.
private final class ShownCIC: InteractionFeed, InteractionServer {
    private let shown: [SeenInteraction]
    private let state = Mutex((hasTold: false, disconnected: 0))

    init(_ shown: [SeenInteraction]) { self.shown = shown }

    var disconnected: Int { state.withLock { $0.disconnected } }

    func follow(_ workgroups: Set<String>) {}
    func listAgain() {}
    func close() {}
    func directory() -> CICDirectory { CICDirectory(workgroups: [], skills: [], users: []) }

    func next() async throws(RoutingFailure) -> [FeedMessage] {
        let isFirst = state.withLock { state in
            defer { state.hasTold = true }
            return !state.hasTold
        }
        guard isFirst else {
            // Ends early when the watch is cancelled.
            try? await Task.sleep(for: .milliseconds(200))
            return []
        }
        return [
            .session(host: "cic", server: "one"),
            .content(QueueContent(queue: "Sales", isFull: true, present: shown, removed: [])),
            .content(QueueContent(queue: "Holding", isFull: true, present: [], removed: [])),
        ]
    }

    func disconnect(_ interaction: InteractionID, _ attempt: AttemptID) { state.withLock { $0.disconnected += 1 } }
    func read(_ interaction: InteractionID, _ attempt: AttemptID) -> InteractionReading {
        guard let one = shown.first(where: { $0.interaction == interaction && $0.attempt == attempt }) else {
            return .gone
        }
        return .alive(isWithAgent: one.state == .withAgent, assignNumber: one.assignNumber, workgroup: "Sales")
    }
    func findInHolding(_ episode: EpisodeKey) -> [FoundInteraction] { [] }
    func knows(workgroup: String, skills: String) -> Bool { true }
    func resolve(workgroup: String, skills: String) -> ResolvedTarget {
        ResolvedTarget(workgroup: workgroup, skills: [])
    }
    func create(_ attempt: AttemptID, _ attributes: InteractionAttributes) throws(RoutingFailure) -> InteractionID {
        throw RoutingFailure(.permanent, at: .create, cause: .cicRefused, "The watch creates nothing.")
    }
    func assign(_ order: AssignOrder) throws(RoutingFailure) -> AssignAnswer {
        throw RoutingFailure(.permanent, at: .assign, cause: .cicRefused, "The watch moves nothing.")
    }
}

/// This machine's clocks.
private struct LoopClock: RoutingClock {
    var monotonic: Duration { .nanoseconds(MonotonicTime.now.nanoseconds) }
    var wall: Timestamp { .today }

    func sleep(for duration: Duration) async throws(CancellationError) {
        do {
            try await Task.sleep(for: duration)
        } catch {
            throw CancellationError()
        }
    }
}

private struct NoJitter: RandomSource {
    func next() -> UInt64 { 0 }
}
