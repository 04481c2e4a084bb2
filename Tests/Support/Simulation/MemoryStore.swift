import CaseRouting
import Testing

/// What the processes of a simulation share. Touched on the simulation's one thread only: by jobs that its executor runs,
/// and by the test while none is running.
public final class SharedTables: @unchecked Sendable {
    public var tables = CaseTables()
    /// While true every statement fails as with a broken database.
    public var isBroken = false
    /// Statements of the watch that wrote, by name.
    public var watchWrites: [String] = []
    public var figures: QueueFigures?
    public var directory: CICDirectory?

    let clock: VirtualClock
    let random: SeededRandom

    public init(_ simulation: Simulation, seed: UInt64) {
        clock = simulation.clock
        random = SeededRandom(seed: seed)
    }

    /// One statement: some time before it, some time after it. A process that dies in between does not learn whether it
    /// was carried out.
    func statement<Value: Sendable>(
        _ life: Life, _ body: (inout CaseTables) -> Value
    ) async throws(RoutingFailure) -> Value {
        try await wait(life)
        tables.now = Sample.start + clock.monotonic
        let value = body(&tables)
        try await wait(life)
        return value
    }

    private func wait(_ life: Life) async throws(RoutingFailure) {
        let duration = Duration.microseconds(Int64(100 + random.next() % 1_500))
        do throws(CancellationError) { try await clock.sleep(for: duration) } catch {
            // The statement is on its way all the same.
        }
        if life.isOver || isBroken { throw Self.broken }
    }

    public static let broken = RoutingFailure(.own, at: .store, cause: .database, "The database is broken.")
}

/// Whether a simulated process lives. After its end nothing that it does has an effect.
public final class Life: @unchecked Sendable {
    // Set by the test while no job is running.
    public var isOver = false
    var isStopping = false
    public init() {}
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
        try await shared.statement(life) { $0.merge(merge) }
    }

    public func claimDue(limit: Int, servers: [String]) async throws(RoutingFailure) -> [Claim] {
        try await shared.statement(life) { $0.claimDue(limit: limit, servers: servers) }
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

    public func park(_ claim: Claim, _ failure: RoutingFailure, delay: Duration) async throws(RoutingFailure) -> Bool {
        try await shared.statement(life) { $0.park(claim, failure, delay: delay) }
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
        try await shared.statement(life) { $0.takeUnseen(limit: limit) }
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
        _ name: String, _ body: (inout CaseTables) -> Value
    ) async throws(RoutingFailure) -> Value {
        shared.watchWrites.append(name)
        return try await shared.statement(life, body)
    }

    public func server(cic: String) async throws(RoutingFailure) -> WatchedServer? {
        try await shared.statement(life) { tables in
            WatchedServer(
                identity: tables.servers[cic]?.identity,
                holds: Set(tables.holds.keys.filter { $0.kind == .cic && $0.name == cic }.map(\.reason)),
                lostRowsSince: tables.isHeld(.cic, cic, .lostRows) ? tables.lostRows[cic]?.since : nil)
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

    public func openEpisodes(cic: String) async throws(RoutingFailure) -> [WatchedEpisode] {
        try await shared.statement(life) { tables in
            tables.episodes.filter { $0.value.isOpen && $0.value.episode.cic == cic }.map { WatchedEpisode($0, $1) }
        }
    }

    public func episodes(_ keys: [EpisodeKey]) async throws(RoutingFailure) -> [WatchedEpisode] {
        try await shared.statement(life) { tables in
            keys.compactMap { key in tables.episodes[key].map { WatchedEpisode(key, $0) } }
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
        try await write("delivered") { $0.deliveredAfterAll(episode) }
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
        try await shared.statement(life) { _ in shared.figures = figures }
    }
}

extension WatchedEpisode {
    init(_ key: EpisodeKey, _ row: CaseTables.EpisodeRow) {
        self.init(
            key: key, isOpen: row.isOpen, state: row.episode.state, interaction: row.episode.interaction,
            attempt: row.episode.attempt, isWithAgent: row.episode.isWithAgent, endReason: row.endReason)
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
        try await shared.statement(life) { $0.take(kind, name, owner: owner) }
    }

    public func release(_ lease: Lease) async throws(RoutingFailure) {
        try await shared.statement(life) { $0.leases["\(lease.kind)/\(lease.name)"]?.until = $0.now }
    }
}
