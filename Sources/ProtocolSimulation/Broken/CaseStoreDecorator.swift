import CaseRouting

/// A case store that does something else before, after or instead of what another one does.
protocol CaseStoreDecorator: CaseStore {
    var inner: any CaseStore { get }
}

extension CaseStoreDecorator {
    func read(_ change: CaseChange) async throws(RoutingFailure) -> CaseSnapshot { try await inner.read(change) }
    func merge(_ merge: Merge) async throws(RoutingFailure) -> MergeResult { try await inner.merge(merge) }

    func claimDue(limit: Int, servers: [String]) async throws(RoutingFailure) -> [Claim] {
        try await inner.claimDue(limit: limit, servers: servers)
    }

    func beginCreate(
        _ claim: Claim, attempt: AttemptID, opensEpisode: Bool
    ) async throws(RoutingFailure) -> Claim? {
        try await inner.beginCreate(claim, attempt: attempt, opensEpisode: opensEpisode)
    }

    func win(
        _ claim: Claim, _ interaction: InteractionID, _ attempt: AttemptID
    ) async throws(RoutingFailure) -> Claim? {
        try await inner.win(claim, interaction, attempt)
    }

    func beginAssign(_ claim: Claim) async throws(RoutingFailure) -> Bool { try await inner.beginAssign(claim) }

    func recordPlaced(_ claim: Claim, workgroup: String, skills: String) async throws(RoutingFailure) -> Bool {
        try await inner.recordPlaced(claim, workgroup: workgroup, skills: skills)
    }

    func finish(_ claim: Claim) async throws(RoutingFailure) -> Bool { try await inner.finish(claim) }
    func beginEnding(_ claim: Claim) async throws(RoutingFailure) -> Bool { try await inner.beginEnding(claim) }
    func end(_ end: EpisodeEnd) async throws(RoutingFailure) -> Bool { try await inner.end(end) }
    func endUnborn(_ claim: Claim) async throws(RoutingFailure) -> Bool { try await inner.endUnborn(claim) }

    func park(
        _ claim: Claim, _ failure: RoutingFailure, delay: Duration, create: FailedCreate?
    ) async throws(RoutingFailure) -> Bool {
        try await inner.park(claim, failure, delay: delay, create: create)
    }

    func refresh(_ claim: Claim) async throws(RoutingFailure) -> Claim? { try await inner.refresh(claim) }

    func release(_ claim: Claim, delay: Duration) async throws(RoutingFailure) {
        try await inner.release(claim, delay: delay)
    }

    func placeHold(_ hold: Hold) async throws(RoutingFailure) { try await inner.placeHold(hold) }
    func raiseTaken(_ request: RequestKey) async throws(RoutingFailure) -> Int { try await inner.raiseTaken(request) }

    func failPoisonous(_ request: RequestKey, _ failure: RoutingFailure) async throws(RoutingFailure) {
        try await inner.failPoisonous(request, failure)
    }

    func takeUnseen(limit: Int) async throws(RoutingFailure) -> [TakenRequest] {
        try await inner.takeUnseen(limit: limit)
    }

    func retry(_ handle: RetryHandle) async throws(RoutingFailure) -> Bool { try await inner.retry(handle) }

    func recordUndecodable(_ message: UndecodableMessage) async throws(RoutingFailure) {
        try await inner.recordUndecodable(message)
    }
}
