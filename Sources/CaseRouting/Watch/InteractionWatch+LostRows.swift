import Logging

/// What is found out about a server after rows may have been lost. All of it can be found out again: a watch that dies
/// leaves the hold, and what it has written, to the next.
struct LostRows {
    /// When the hold was placed.
    let since: Timestamp
    /// Interactions that an open episode names and no queue shows, and that CIC was not asked about yet; nil until every
    /// queue has told its full content.
    var unverified: Set<InteractionID>?
    /// Shown interactions that were judged, with what they claimed then. An assign that was on its way may come later.
    var judged: [InteractionID: Claim] = [:]
    var rebuilt = 0
    /// When the database is asked next whether the hold's time is over.
    var nextLift: Duration = .zero

    struct Claim: Equatable {
        let attempt: AttemptID
        let assignNumber: Int64?

        init(_ entry: InteractionMirror.Entry) {
            attempt = entry.attempt
            assignNumber = entry.assignNumber
        }
    }
}

extension InteractionWatch {
    /// Rebuilds episodes from what the queues show, and lifts the hold when nothing is left to be found out: every shown
    /// interaction is judged, and every other one that an open episode names was asked for. Only then may cases go on:
    /// one whose end was not noticed, or whose interaction is not known, would be offered a second time.
    func followLostRows() async throws(RoutingFailure) {
        guard lostRows != nil, isSessionUp, canConclude else { return }
        if lostRows?.unverified == nil { lostRows?.unverified = mirror.outOfSight }
        try await judgeShown()
        guard let current = lostRows, isSessionUp, canConclude, unjudged.isEmpty,
            current.unverified?.contains(where: { mirror.outOfSight.contains($0) }) == false, mirror.ends.isEmpty
        else { return }
        guard clock.monotonic >= current.nextLift else { return }
        lostRows?.nextLift = clock.monotonic + Self.liftPause
        guard try await store.liftLostRows(cic: cic, since: current.since) else { return }
        lostRows = nil
        holds.remove(.lostRows)
        logger.warning(
            .holdLifted,
            metadata: [
                "reason": "\(Hold.Reason.lostRows)", "judged": "\(current.judged.count)",
                "rebuilt": "\(current.rebuilt)",
            ])
    }

    /// CIC was asked about an interaction that no queue shows, and has it.
    func verified(_ interaction: InteractionID) { lostRows?.unverified?.remove(interaction) }

    private var unjudged: [InteractionID] {
        guard let judged = lostRows?.judged else { return [] }
        return mirror.entries.filter { !$0.value.queues.isEmpty && judged[$0.key] != LostRows.Claim($0.value) }.map(
            \.key)
    }

    private func judgeShown() async throws(RoutingFailure) {
        let now = clock.monotonic
        let due = unjudged.filter { mirror.entries[$0]?.nextLook ?? now <= now }
        try await judge(Set(due.compactMap { mirror.entries[$0]?.episode.caseKey }))
    }

    /// Compares what the queues show of these cases with the database, and writes what it lacks.
    func judge(_ cases: Set<CaseKey>) async throws(RoutingFailure) {
        guard !cases.isEmpty else { return }
        var shown: [CaseKey: [InteractionID]] = [:]
        for (interaction, entry) in mirror.entries where !entry.queues.isEmpty {
            if cases.contains(entry.episode.caseKey) { shown[entry.episode.caseKey, default: []].append(interaction) }
        }
        let keys = cases.sorted()
        for start in stride(from: 0, to: keys.count, by: Self.casesAtOnce) {
            let some = Array(keys[start..<min(start + Self.casesAtOnce, keys.count)])
            let states = try await store.cases(some)
            for key in some { try await judge(key, states[key], shown[key] ?? []) }
        }
    }

    private func judge(
        _ key: CaseKey, _ state: CaseState?, _ shown: [InteractionID]
    ) async throws(RoutingFailure) {
        let entries = shown.compactMap { id in mirror.entries[id].map { (id, $0) } }.filter { !$0.1.queues.isEmpty }
        let rebuild = CaseRebuild(
            key, state, claimants: entries.map { Claimant($0, $1, holding: mirror.holding) }, on: cic, now: clock.wall)
        if let episode = rebuild.write {
            guard try await store.rebuild(episode) else {
                // Something has changed since it was read: judged again.
                for (id, _) in entries { mirror.update(id) { $0.putOff(at: clock.monotonic) } }
                return
            }
            lostRows?.rebuilt += 1
            logger.warning(
                .episodeRebuilt,
                metadata: [
                    "case": "\(key)", "episode": "\(episode.key.number)",
                    "interaction": "\(episode.episode.interaction.map(\.description) ?? "-")",
                    "workgroup": "\(episode.episode.workgroup ?? "-")",
                ])
        }
        for (id, entry) in entries {
            if id == rebuild.bound {
                mirror.update(id) {
                    guard $0.attempt == entry.attempt else { return }
                    $0.isBound = true
                    if rebuild.write != nil { $0.isNotedWithAgent = entry.isWithAgent }
                }
            } else {
                mirror.update(id) { $0.isBound = false }
                if rebuild.surplus.contains(id) {
                    mirror.update(id) { $0.putOff(at: clock.monotonic) }
                    guard await disconnect(id, entry, "second interaction of its case") else { continue }
                } else if rebuild.strange.contains(id) {
                    report(id, entry, "its case has another interaction or its episode has ended")
                } else if lostRows == nil && clock.monotonic - entry.since >= Self.surplusAge {
                    // In holding, of an episode that its case cannot have any more: nobody will ever move it.
                    _ = await disconnect(id, entry, "holding")
                }
            }
            lostRows?.judged[id] = LostRows.Claim(entry)
        }
    }

    private static let casesAtOnce = 500
    private static let liftPause: Duration = .seconds(2)
}

extension Claimant {
    fileprivate init(_ interaction: InteractionID, _ entry: InteractionMirror.Entry, holding: String) {
        self.init(
            interaction: interaction, episode: entry.episode.number, attempt: entry.attempt,
            assignNumber: entry.assignNumber ?? 0, workgroup: entry.queues.names.filter { $0 != holding }.min(),
            isWithAgent: entry.isWithAgent)
    }
}
