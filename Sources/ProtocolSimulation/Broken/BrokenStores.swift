import CaseRouting

/// Without fences: whatever comes is the newest.
struct UnfencedStore: CaseStoreDecorator {
    let inner: any CaseStore

    func read(_ change: CaseChange) async throws(RoutingFailure) -> CaseSnapshot {
        var snapshot = try await inner.read(change)
        let epoch = snapshot.state.fences.epoch
        snapshot.state.fences = Fences()
        snapshot.state.fences.epoch = epoch
        return snapshot
    }

    /// The guard compares fences that were not shown to the decision.
    func merge(_ merge: Merge) async throws(RoutingFailure) -> MergeResult {
        var before = merge.before
        before.fences = try await inner.read(merge.change).state.fences
        return try await inner.merge(
            Merge(
                change: merge.change, before: before, decision: merge.decision, claims: merge.claims,
                attempt: merge.attempt))
    }
}

/// A wish for a case whose episode is ending takes the episode back.
struct RevivingStore: CaseStoreDecorator {
    let inner: any CaseStore
    let shared: SharedTables

    private func revived(_ claim: Claim) -> Claim {
        guard let episode = claim.state.episode, episode.state == .ending,
            claim.state.wanted?.cic == episode.cic
        else { return claim }
        shared.tables.episodes[claim.episodeKey]?.episode.state = .held
        shared.tables.episodes[claim.episodeKey]?.episode.workgroup = nil
        var claim = claim
        claim.state.episode?.state = .held
        claim.state.episode?.workgroup = nil
        return claim
    }

    func claimDue(limit: Int, servers: [String]) async throws(RoutingFailure) -> [Claim] {
        try await inner.claimDue(limit: limit, servers: servers).map(revived)
    }

    func refresh(_ claim: Claim) async throws(RoutingFailure) -> Claim? {
        try await inner.refresh(claim).map(revived)
    }

    func merge(_ merge: Merge) async throws(RoutingFailure) -> MergeResult {
        let result = try await inner.merge(merge)
        if case .claimed(let claim) = result { return .claimed(revived(claim)) }
        return result
    }
}

/// Acknowledges what it has just received.
struct HastyQueue: RequestQueue {
    let inner: any RequestQueue

    func next() async throws(CancellationError) -> RequestDelivery {
        let delivery = try await inner.next()
        await inner.acknowledge(delivery)
        return delivery
    }

    func stop() async { await inner.stop() }
    func acknowledge(_ delivery: RequestDelivery) async {}
    func deadLetter(_ delivery: RequestDelivery) async { await inner.deadLetter(delivery) }
}
