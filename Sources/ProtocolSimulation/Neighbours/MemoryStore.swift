import CaseRouting

/// What the processes of a simulation share. Touched on the simulation's one thread only: by jobs that its executor runs,
/// and by the test while none is running.
public final class SharedTables: @unchecked Sendable {
    public var tables = CaseTables()
    /// While true every statement fails as with a broken database.
    public var isBroken = false
    /// Statements that are carried out and whose answers are lost: a backend killed while it commits.
    public var losesAnswers = 0
    /// What happens is written here.
    public var trace: HistoryTrace?
    /// Ingest's part.
    public var ingest = IngestTables()
    /// Called after a statement that has stored a position.
    public var cursorMoved: ((ReplayCursor) -> Void)?
    var movedCursor: ReplayCursor?
    /// Called after a merge: the change, what was held of its case before, and what is held now.
    public var merged: ((CaseChange, CaseFacts?, CaseFacts?) -> Void)?
    var mergedChange: (CaseChange, CaseFacts?, CaseFacts?)?
    /// Called when what was recovered too late turns out to be with an agent.
    public var delivered: ((CaseKey) -> Void)?
    /// Statements of the watch that wrote, by name.
    public var watchWrites: [String] = []
    public var figures: QueueFigures?
    /// When those of a server were saved last.
    var figuresSaved: [String: Duration] = [:]
    public var directory: CICDirectory?

    let clock: VirtualClock
    let executor: SimulationExecutor
    let random: SeededRandom

    public init(_ simulation: Simulation, seed: UInt64) {
        clock = simulation.clock
        executor = simulation.executor
        random = SeededRandom(seed: seed)
    }

    /// One statement: some time before it, some time after it. A process that dies in between does not learn whether it
    /// was carried out; what it had sent is carried out.
    func statement<Value: Sendable>(
        _ life: Life, _ name: StaticString = #function, isNothing: ((Value) -> Bool)? = nil,
        _ body: (inout CaseTables) -> Value
    ) async throws(RoutingFailure) -> Value {
        precondition(executor.isCurrent, "\(name) escaped from the simulation's thread")
        if life.isDisturbed(clock) { await life.step(clock) }
        if life.isOver { throw Self.broken }
        await onItsWay()
        if isBroken { throw Self.broken }
        tables.now = Sample.start + clock.monotonic
        let before = trace?.isVerbose == true ? tables : nil
        let value = body(&tables)
        trace?.note(life, name) { before.map { tables.differences(from: $0) } ?? [] }
        if let moved = movedCursor {
            movedCursor = nil
            cursorMoved?(moved)
        }
        if let (change, before, after) = mergedChange {
            mergedChange = nil
            merged?(change, before, after)
        }
        // Looking for work and finding none is most of what is asked.
        if isNothing?(value) == true { return value }
        let isAnswerLost = losesAnswers > 0
        if isAnswerLost { losesAnswers -= 1 }
        await onItsWay()
        if life.isDisturbed(clock) { await life.step(clock) }
        if life.isOver || isBroken || isAnswerLost { throw Self.broken }
        return value
    }

    private func onItsWay() async { await clock.pass(.microseconds(Int64(100 + random.next() % 1_500))) }

    public static let broken = RoutingFailure(.own, at: .store, cause: .database, "The database is broken.")
}

/// The case store of one simulated process.
public struct MemoryCaseStore: CaseStore {
    let shared: SharedTables
    let life: Life

    public init(_ shared: SharedTables, life: Life) {
        self.shared = shared
        self.life = life
    }

    public func read(_ change: CaseChange) async throws(RoutingFailure) -> CaseSnapshot {
        try await shared.statement(life) { $0.snapshot(change) }
    }

    public func merge(_ merge: Merge) async throws(RoutingFailure) -> MergeResult {
        try await shared.statement(life) { tables in
            let key = merge.change.caseKey
            let before = tables.cases[key]?.state.facts
            let result = tables.merge(merge)
            if case .conflict = result { return result }
            shared.mergedChange = (merge.change, before, tables.cases[key]?.state.facts)
            shared.trace?.tell(life, "\(merge.change.key) (\(merge.change.kind)) is merged: \(merge.decision.rule)")
            return result
        }
    }

    public func claimDue(limit: Int, servers: [String]) async throws(RoutingFailure) -> [Claim] {
        try await shared.statement(life, isNothing: \.isEmpty) { $0.claimDue(limit: limit, servers: servers) }
    }

    public func beginCreate(
        _ claim: Claim, attempt: AttemptID, opensEpisode: Bool
    ) async throws(RoutingFailure) -> Claim? {
        try await shared.statement(life) { $0.beginCreate(claim, attempt: attempt, opensEpisode: opensEpisode) }
    }

    public func win(
        _ claim: Claim, _ interaction: InteractionID, _ attempt: AttemptID
    ) async throws(RoutingFailure) -> Claim? {
        try await shared.statement(life) { $0.win(claim, interaction, attempt) }
    }

    public func beginAssign(_ claim: Claim) async throws(RoutingFailure) -> Bool {
        try await shared.statement(life) { $0.beginAssign(claim) }
    }

    public func recordPlaced(_ claim: Claim, workgroup: String, skills: String) async throws(RoutingFailure) -> Bool {
        try await shared.statement(life) { $0.recordPlaced(claim, workgroup: workgroup, skills: skills) }
    }

    public func finish(_ claim: Claim) async throws(RoutingFailure) -> Bool {
        try await shared.statement(life) { $0.finish(claim) }
    }

    public func beginEnding(_ claim: Claim) async throws(RoutingFailure) -> Bool {
        try await shared.statement(life) { $0.beginEnding(claim) }
    }

    public func end(_ end: EpisodeEnd) async throws(RoutingFailure) -> Bool {
        try await shared.statement(life) { $0.end(end) }
    }

    public func endUnborn(_ claim: Claim) async throws(RoutingFailure) -> Bool {
        try await shared.statement(life) { $0.endUnborn(claim) }
    }

    public func park(
        _ claim: Claim, _ failure: RoutingFailure, delay: Duration, create: FailedCreate?
    ) async throws(RoutingFailure) -> Bool {
        try await shared.statement(life) { $0.park(claim, failure, delay: delay, create: create) }
    }

    public func refresh(_ claim: Claim) async throws(RoutingFailure) -> Claim? {
        try await shared.statement(life) { $0.refresh(claim) }
    }

    public func release(_ claim: Claim, delay: Duration) async throws(RoutingFailure) {
        try await shared.statement(life) { $0.release(claim, delay: delay) }
    }

    public func placeHold(_ hold: Hold) async throws(RoutingFailure) {
        try await shared.statement(life) { $0.place(hold) }
    }

    public func raiseTaken(_ request: RequestKey) async throws(RoutingFailure) -> Int {
        try await shared.statement(life) { $0.raiseTaken(request) }
    }

    public func failPoisonous(_ request: RequestKey, _ failure: RoutingFailure) async throws(RoutingFailure) {
        try await shared.statement(life) { $0.failPoisonous(request, failure) }
    }

    public func takeUnseen(limit: Int) async throws(RoutingFailure) -> [TakenRequest] {
        try await shared.statement(life, isNothing: \.isEmpty) { $0.takeUnseen(limit: limit) }
    }

    public func retry(_ handle: RetryHandle) async throws(RoutingFailure) -> Bool {
        try await shared.statement(life) { $0.retry(handle) }
    }

    public func recordUndecodable(_ message: UndecodableMessage) async throws(RoutingFailure) {
        try await shared.statement(life) { $0.undecodable[message.digest, default: 0] += 1 }
    }
}

/// The watch's store of one simulated process.
public struct MemoryWatchStore: WatchStore {
    let shared: SharedTables
    let life: Life

    public init(_ shared: SharedTables, life: Life) {
        self.shared = shared
        self.life = life
    }

    private func write<Value: Sendable>(
        _ name: StaticString, _ body: (inout CaseTables) -> Value
    ) async throws(RoutingFailure) -> Value {
        shared.watchWrites.append("\(name)")
        return try await shared.statement(life, name, body)
    }

    public func server(cic: String) async throws(RoutingFailure) -> WatchedServer? {
        try await shared.statement(life, isNothing: { _ in true }) { tables in
            WatchedServer(
                identity: tables.servers[cic]?.identity,
                holds: Set(tables.holds.keys.filter { $0.kind == .cic && $0.name == cic }.map(\.reason)),
                lostRowsSince: tables.isHeld(.cic, cic, .lostRows) ? tables.lostRows[cic]?.since : nil,
                unwatched: shared.figuresSaved[cic].map { shared.clock.monotonic - $0 } ?? tables.sinceFirstPlaced(cic))
        }
    }

    public func cases(_ keys: [CaseKey]) async throws(RoutingFailure) -> [CaseKey: CaseState] {
        try await shared.statement(life) { tables in
            Dictionary(
                keys.filter { tables.cases[$0] != nil }.map { ($0, tables.state($0)) },
                uniquingKeysWith: { one, _ in one })
        }
    }

    public func rebuild(_ episode: RebuiltEpisode) async throws(RoutingFailure) -> Bool {
        try await write("rebuild") { $0.rebuild(episode) }
    }

    public func liftLostRows(cic: String, since: Timestamp) async throws(RoutingFailure) -> Bool {
        try await write("lift lost rows") { tables in
            guard let hold = tables.lostRows[cic], hold.since == since, hold.until <= tables.now else { return false }
            return tables.holds.removeValue(forKey: .init(kind: .cic, name: cic, reason: .lostRows)) != nil
        }
    }

    public func openEpisodes(cic: String, after: CaseKey?) async throws(RoutingFailure) -> [WatchedEpisode] {
        try await shared.statement(life) { tables in
            // A part is a few cases here, so that what happens between two of them is tried.
            tables.episodes.filter { key, row in
                row.isOpen && row.episode.cic == cic && (after.map { $0 < key.caseKey } ?? true)
            }.map { WatchedEpisode($0, $1, tables) }.sorted { $0.key.caseKey < $1.key.caseKey }.prefix(3).map { $0 }
        }
    }

    public func episodes(_ keys: [EpisodeKey]) async throws(RoutingFailure) -> [WatchedEpisode] {
        try await shared.statement(life) { tables in
            keys.compactMap { key in tables.episodes[key].map { WatchedEpisode(key, $0, tables) } }
        }
    }

    public func adopt(
        _ episode: EpisodeKey, _ interaction: InteractionID, _ attempt: AttemptID
    ) async throws(RoutingFailure) -> Bool {
        try await write("adopt") { $0.adopt(episode, interaction, attempt) }
    }

    public func note(
        _ episode: EpisodeKey, _ interaction: InteractionID, _ attempt: AttemptID, isWithAgent: Bool
    ) async throws(RoutingFailure) -> Bool {
        try await write("note") { $0.note(episode, interaction, attempt, isWithAgent: isWithAgent) }
    }

    public func end(_ end: EpisodeEnd) async throws(RoutingFailure) -> Bool {
        try await write("end") { $0.end(end) }
    }

    public func rebind(
        _ episode: EpisodeKey, _ attempt: AttemptID, from: InteractionID, to: InteractionID
    ) async throws(RoutingFailure) -> Bool {
        try await write("rebind") { $0.rebind(episode, attempt, from: from, to: to) }
    }

    public func deliveredAfterAll(_ episode: EpisodeKey) async throws(RoutingFailure) -> Bool {
        try await write("delivered") { tables in
            let isDelivered = tables.deliveredAfterAll(episode)
            if isDelivered { shared.delivered?(episode.caseKey) }
            return isDelivered
        }
    }

    public func raiseEpoch(cic: String, identity: String) async throws(RoutingFailure) {
        try await write("epoch") { tables in
            let known = tables.servers[cic]
            guard known?.identity != identity else { return }
            tables.servers[cic] = (identity, (known?.epoch ?? 1) + (known?.identity == nil ? 0 : 1))
        }
    }

    public func replaceDirectory(cic: String, _ directory: CICDirectory) async throws(RoutingFailure) {
        try await shared.statement(life) { _ in shared.directory = directory }
    }

    public func placeHold(_ hold: Hold) async throws(RoutingFailure) {
        try await write("hold") { $0.place(hold) }
    }

    public func liftHold(_ kind: Hold.Kind, _ name: String, _ reason: Hold.Reason) async throws(RoutingFailure) {
        try await write("lift") { $0.holds[.init(kind: kind, name: name, reason: reason)] = nil }
    }

    public func saveQueueFigures(cic: String, _ figures: QueueFigures) async throws(RoutingFailure) {
        try await shared.statement(life) { _ in
            shared.figures = figures
            shared.figuresSaved[cic] = shared.clock.monotonic
        }
    }
}

extension CaseTables {
    /// How long ago the first of what is open on this server was placed; zero when nothing was.
    fileprivate func sinceFirstPlaced(_ cic: String) -> Duration {
        let placed = episodes.values.filter { $0.isOpen && $0.episode.cic == cic }.compactMap(\.placedAt)
        return placed.min().map { now - $0 } ?? .zero
    }
}

extension WatchedEpisode {
    init(_ key: EpisodeKey, _ row: CaseTables.EpisodeRow, _ tables: CaseTables) {
        self.init(
            key: key, isOpen: row.isOpen, state: row.episode.state, interaction: row.episode.interaction,
            attempt: row.episode.attempt, isWithAgent: row.episode.isWithAgent,
            wantedAssign: tables.cases[key.caseKey]?.state.wantedAssign ?? 0, endReason: row.endReason,
            placedFor: row.placedAt.map { tables.now - $0 })
    }
}

/// Leases of simulated processes; the time is the simulation's.
public struct MemoryLeases: Leases {
    let shared: SharedTables
    let life: Life
    let owner: String

    public init(_ shared: SharedTables, life: Life, owner: String) {
        self.shared = shared
        self.life = life
        self.owner = owner
    }

    public func take(_ kind: Lease.Kind, _ name: String) async throws(RoutingFailure) -> Lease? {
        try await shared.statement(life, isNothing: { $0 == nil }) { $0.take(kind, name, owner: owner) }
    }

    public func release(_ lease: Lease) async throws(RoutingFailure) {
        try await shared.statement(life) { $0.give(back: lease, owner: owner) }
    }
}
