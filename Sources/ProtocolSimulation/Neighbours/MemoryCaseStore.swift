import CaseRouting

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
