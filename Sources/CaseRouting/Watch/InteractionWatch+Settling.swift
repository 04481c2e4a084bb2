import FaultPoints
import Logging

/// What follows from what the queues show: notes, ends, what was left in holding, what is where it should not be.
extension InteractionWatch {
    /// Returns when what the watch knows of the database is outdated.
    func settleOnTime() async {
        while !Task.isCancelled && !isOutdated {
            do throws(RoutingFailure) {
                if hasSession { try await settle() }
            } catch {
                logger.debug(.storeFailed, failure: error)
                await pause(.milliseconds(500))
            }
            await pause(Self.turn)
        }
    }

    /// One turn. Throws when our own database is broken: nothing is lost, the next turn does it again.
    func settle() async throws(RoutingFailure) {
        try await storeIdentity()
        if switchover != nil { try await followSwitchover() }
        try await writeEnds()
        guard switchover == nil else { return }
        try await writeNotes()
        if holds.contains(.lostRows) {
            try await followLostRows()
        } else {
            try await settleHolding()
            try await settleUnbound()
        }
        try await recallAfterGap()
        await lookForUnseen()
        followRestart()
        try await writeEnds()
    }

    // MARK: What changes an episode

    func writeEnds() async throws(RoutingFailure) {
        // Of an interaction that lost rows have put in the place of another, an end is no end of the episode.
        guard !isOutdated else { return }
        let ends = mirror.takeEnds()
        guard !ends.isEmpty else { return }
        failpoint("watch.ending")
        let results = await inParallel(ends, width: Self.writes) { [store] end in
            await Self.outcome { () throws(RoutingFailure) in try await store.end(end) }
        }
        var failure: RoutingFailure?
        mirror.putBack(
            results.compactMap { end, result in
                guard case .failure(let one) = result else { return nil }
                failure = one
                return end
            })
        if let failure { throw failure }
    }

    private func writeNotes() async throws(RoutingFailure) {
        let notes = mirror.changed.compactMap { interaction in mirror.entries[interaction].map { (interaction, $0) } }
        if !notes.isEmpty { failpoint("watch.noting") }
        let results = await inParallel(notes, width: Self.writes) { [store] interaction, entry in
            await Self.outcome { () throws(RoutingFailure) in
                try await store.note(entry.episode, interaction, entry.attempt, isWithAgent: entry.isWithAgent)
            }
        }
        var failure: RoutingFailure?
        for ((interaction, noted), result) in results {
            switch result {
            case .failure(let one): failure = one
            case .success(let isBound):
                mirror.update(interaction) { entry in
                    guard entry.attempt == noted.attempt else { return }
                    entry.isNotedWithAgent = noted.isWithAgent
                    entry.isBound = isBound
                }
            }
        }
        if let failure { throw failure }
    }

    // MARK: Holding

    /// What nobody moved on: an id that a worker could not write is written now, and what lost is disconnected.
    private func settleHolding() async throws(RoutingFailure) {
        let now = clock.monotonic
        let due: [InteractionID] = mirror.inHolding.filter { interaction in
            guard let entry = mirror.entries[interaction] else { return false }
            return !entry.isBound && now - entry.since >= Self.adoptionAge && entry.nextLook <= now
        }
        let episodes = try await episodes(of: due)
        var unknown: Set<CaseKey> = []
        for interaction in due.sorted(by: { $0.description < $1.description }) {
            guard let entry = mirror.entries[interaction] else { continue }
            mirror.update(interaction) { $0.putOff(at: now) }
            guard let episode = episodes[entry.episode] else {
                // Its rows were lost, and CIC has recovered it after the others were found.
                report(interaction, entry, "no such episode is known")
                unknown.insert(entry.episode.caseKey)
                continue
            }
            if episode.isOpen && episode.interaction == interaction && episode.attempt == entry.attempt {
                mirror.update(interaction) { $0.isBound = true }
            } else if episode.isOpen && episode.state == .creating && episode.interaction == nil {
                let isAdopted = try await store.adopt(entry.episode, interaction, entry.attempt)
                mirror.update(interaction) { $0.isBound = isAdopted }
            } else if now - entry.since >= Self.surplusAge {
                _ = await disconnect(interaction, entry, "holding")
            }
        }
        try await judge(unknown)
    }

    /// Of an interaction that nothing will ever move: the port checks its attempt again before it is touched. Returns
    /// whether CIC took the request.
    func disconnect(_ interaction: InteractionID, _ entry: InteractionMirror.Entry, _ place: String) async -> Bool {
        do throws(RoutingFailure) {
            try await server.disconnect(interaction, entry.attempt)
            disconnectedSurplus()
            logger.warning(.surplusDisconnected, metadata: metadata(interaction, entry, ["place": "\(place)"]))
            return true
        } catch {
            logger.debug(.watchFailed, failure: error)
            return false
        }
    }

    // MARK: Elsewhere

    /// Whose an interaction is that waits or is worked on: most often an episode's that holds it.
    private func settleUnbound() async throws(RoutingFailure) {
        let now = clock.monotonic
        let due: [InteractionID] = mirror.unbound.filter { interaction in
            guard let entry = mirror.entries[interaction] else { return false }
            return now - entry.since >= Self.bindingAge && entry.nextLook <= now
        }
        let episodes = try await episodes(of: due)
        var unknown: Set<CaseKey> = []
        for interaction in due {
            guard let entry = mirror.entries[interaction] else { continue }
            mirror.update(interaction) { $0.putOff(at: now) }
            guard let episode = episodes[entry.episode] else {
                // Its rows were lost, and it was hidden by its agent when the others were found.
                unknown.insert(entry.episode.caseKey)
                continue
            }
            if episode.isOpen {
                if episode.interaction == interaction && episode.attempt == entry.attempt {
                    mirror.update(interaction) {
                        $0.isBound = true
                        $0.isNotedWithAgent = episode.isWithAgent
                    }
                } else if episode.attempt != entry.attempt {
                    // Only what wins is ever moved, so this one had won too, in rows that were lost.
                    unknown.insert(entry.episode.caseKey)
                } else {
                    report(interaction, entry, "its episode holds another interaction")
                }
            } else if episode.endReason == .lost {
                try await settleLate(interaction, entry)
            } else if !entry.isWithAgent, try await hasAnother(entry.episode) {
                _ = await disconnect(interaction, entry, "recovered late")
            } else if now - entry.since >= Self.surplusAge {
                report(interaction, entry, "its episode has ended")
            }
        }
        try await judge(unknown)
    }

    /// Given up at a switchover and recovered later than CIC was given time for. What was offered in its place may be
    /// routable too: the waiting one goes, and one that an agent has is the case's delivery.
    private func settleLate(_ interaction: InteractionID, _ entry: InteractionMirror.Entry) async throws(RoutingFailure)
    {
        guard entry.isWithAgent else {
            _ = await disconnect(interaction, entry, "recovered late")
            return
        }
        if try await store.deliveredAfterAll(entry.episode) {
            report(interaction, entry, "recovered late, an agent has it: nothing else is offered")
        }
    }

    /// Whether the case of an episode that has ended has another one, wanted or left to its agent. When the agent of the first
    /// gives it back then, or CIC recovers it then, two would be routable: also one that was ended for good, while the server
    /// that took over had not recovered it yet.
    private func hasAnother(_ episode: EpisodeKey) async throws(RoutingFailure) -> Bool {
        guard let other = try await store.cases([episode.caseKey])[episode.caseKey]?.episode else { return false }
        return other.number != episode.number && other.state != .ending
    }

    /// It disconnects nothing elsewhere: a person has to know.
    func report(_ interaction: InteractionID, _ entry: InteractionMirror.Entry, _ reason: String) {
        guard !entry.isReported else { return }
        mirror.update(interaction) { $0.isReported = true }
        logger.error(.interactionUnexpected, metadata: metadata(interaction, entry, ["reason": "\(reason)"]))
    }

    private func metadata(
        _ interaction: InteractionID, _ entry: InteractionMirror.Entry, _ more: Logger.Metadata
    ) -> Logger.Metadata {
        more.merging([
            "case": "\(entry.episode.caseKey)", "episode": "\(entry.episode.number)", "interaction": "\(interaction)",
            "attempt_id": "\(entry.attempt)",
        ]) { own, _ in own }
    }

    private func episodes(of interactions: some Collection<InteractionID>) async throws(RoutingFailure)
        -> [EpisodeKey: WatchedEpisode]
    {
        let keys = Set(interactions.compactMap { mirror.entries[$0]?.episode })
        guard !keys.isEmpty else { return [:] }
        let episodes = try await store.episodes(Array(keys))
        return Dictionary(episodes.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    }

    // MARK: Out of sight

    /// What no queue shows may be with an agent, or gone: CIC is asked, once every queue has told its full content.
    private func lookForUnseen() async {
        // What is gone while the session is lost may be gone by a restart: that is found out in the next.
        guard mirror.isComplete && isSessionUp else { return }
        let now = clock.monotonic
        let due = mirror.outOfSight.compactMap { interaction in mirror.entries[interaction].map { (interaction, $0) } }
            .filter { $0.1.nextLook <= now }.sorted { $0.1.nextLook < $1.1.nextLook }.prefix(Self.looksPerTurn)
        let results = await inParallel(Array(due), width: Self.reads) { [server] interaction, entry in
            await Self.outcome { () throws(RoutingFailure) in try await server.read(interaction, entry.attempt) }
        }
        for ((interaction, asked), result) in results {
            // It may have been seen again while CIC was asked, or the session was lost or changed.
            guard let entry = mirror.entries[interaction], entry.attempt == asked.attempt, entry.queues.isEmpty,
                switchover == nil, isSessionUp
            else { continue }
            switch result {
            case .success(.gone): mirror.end(interaction, .ended)
            case .success(.alive(let isWithAgent, let isAlerting, let assignNumber, _)):
                verified(interaction)
                mirror.stands(interaction)
                mirror.update(interaction) {
                    $0.isWithAgent = isWithAgent && !isAlerting
                    $0.assignNumber = assignNumber
                    $0.putOff(at: now)
                }
            case .failure(let failure):
                logger.debug(.watchFailed, failure: failure)
                mirror.update(interaction) { $0.putOff(at: now) }
            }
        }
    }

    // MARK: Limits

    /// News of this time are written together.
    private static let turn: Duration = .milliseconds(250)
    /// A worker writes the id of what it created well within this.
    private static let adoptionAge: Duration = .seconds(5)
    /// A younger one may belong to a create whose episode is being replaced.
    static let surplusAge: Duration = .seconds(30)
    /// A normal case is bound before it is moved; the database is asked about many at once.
    private static let bindingAge: Duration = .seconds(2)
    /// Statements under way at once: they share one commit.
    static let writes = 256
    /// Reads under way at once: the watch takes no more of CIC than a few agents.
    static let reads = 16
    private static let looksPerTurn = 200
}
