import FaultPoints
import Logging

/// What is found out after a switchover: which interactions came along, under which ids, and which did not.
struct Switchover {
    /// An interaction of the old server that no queue of the new one has shown yet.
    struct Stranded {
        var interaction: InteractionID
        let row: WatchedEpisode
        /// Seen last by this watch; what the row says may be older.
        let isWithAgent: Bool
        let assignNumber: Int64?
    }

    /// The server that answers now.
    let identity: String
    /// It is the one from before, and was restarted.
    var isRestart = false
    /// When the session with it began.
    let since: Duration
    /// What the old server's queues showed last.
    var lastSeen: [AttemptID: InteractionMirror.Entry]
    /// Nil until the hold and the new epoch are committed and the episodes were read after that.
    var stranded: [EpisodeKey: Stranded]?
    /// Every queue was asked for its full content once more after CIC's time to recover was over.
    var isListedAgain = false
    var rebound = 0
    var lost = 0
    var lostWithAgent = 0
}

extension InteractionWatch {
    /// A session with another server is a switchover. One with the same server is a reconnect: ids go on, only what the
    /// queues show has to come again.
    func beginSession(with server: String) {
        let known = switchover?.identity ?? identity
        let isAnother = known != nil && known != server
        guard isAnother || resumesSwitchover else {
            // In a switchover it counts only once the hold is placed; before, workers would take the server for settled.
            if switchover == nil { identity = server }
            recallIsDue = true
            mirror.beginSession(at: clock.monotonic, silentSince: lastNews)
            return
        }
        logger.warning(.switchover, metadata: ["from": "\(known ?? "-")", "to": "\(server)"])
        failpoint("switchover.seen")
        resumesSwitchover = false
        var lastSeen = switchover?.lastSeen ?? [:]
        for (_, entry) in (mirror.doubt?.missing ?? []).reversed() { lastSeen[entry.attempt] = entry }
        for (_, entry) in mirror.entries { lastSeen[entry.attempt] = entry }
        switchover = Switchover(identity: server, since: clock.monotonic, lastSeen: lastSeen)
        let seenEnds = mirror.takeEnds()
        mirror = InteractionMirror(holding: mirror.holding, workgroups: mirror.followed.subtracting([mirror.holding]))
        mirror.putBack(seenEnds)
    }

    /// A restart is a switchover to the same server. What it has told in this session stands.
    func followRestart() {
        // What was placed while nobody followed the server is taken up first.
        guard switchover == nil, !recallIsDue, let identity, let since = mirror.doubt?.since, mirror.findsRestart()
        else { return }
        logger.warning(.switchover, metadata: ["from": "\(identity)", "to": "\(identity), restarted"])
        switchover = Switchover(
            identity: identity, isRestart: true, since: since, lastSeen: mirror.forgetRestarted())
    }

    /// The first server that ever answered is only written down.
    func storeIdentity() async throws(RoutingFailure) {
        guard let identity, identity != storedIdentity else { return }
        try await store.raiseEpoch(cic: cic, identity: identity)
        storedIdentity = identity
    }

    /// Brings a switchover to its end, as far as it can be brought now.
    func followSwitchover() async throws(RoutingFailure) {
        try await recordSwitchover()
        let showsAll = await showsAllRecovered()
        try await rebindSeen(alsoInHolding: showsAll)
        guard showsAll, canConclude else { return }
        try await concludeStranded()
        guard let current = switchover, current.stranded?.isEmpty == true, !isOutdated else { return }
        try await store.liftHold(.cic, cic, .switchover)
        guard switchover?.identity == current.identity else { return }
        switchover = nil
        holds.remove(.switchover)
        logger.warning(
            .holdLifted,
            metadata: [
                "reason": "\(Hold.Reason.switchover)", "rebound": "\(current.rebound)", "lost": "\(current.lost)",
                "lost_with_agent": "\(current.lostWithAgent)",
            ])
    }

    /// Every followed queue has told its full content; one that cannot be read hides interactions, unless CIC has no
    /// workgroup or user of that name.
    var canConclude: Bool {
        mirror.isComplete && mirror.unreadable.allSatisfy { directory?.surelyLacks($0) ?? false }
    }

    /// Whether the queues show all that CIC has recovered in its time: what they had told before that was over may lack what
    /// came last, because CIC was out of reach or its news take a while.
    private func showsAllRecovered() async -> Bool {
        guard let current = switchover, let stranded = current.stranded, canConclude,
            clock.monotonic - current.since >= settings.recoveryWait
        else { return false }
        guard !stranded.isEmpty, !current.isListedAgain else { return true }
        switchover?.isListedAgain = true
        mirror.expectListings()
        await feed.listAgain()
        return false
    }

    /// First the hold, then the epoch, then what the database holds: no worker acts on what it knew of the old server.
    private func recordSwitchover() async throws(RoutingFailure) {
        guard let current = switchover, current.stranded == nil else { return }
        try await store.placeHold(
            Hold(
                kind: .cic, name: cic, reason: .switchover,
                detail:
                    "CIC \(current.isRestart ? "was restarted as" : "has switched over to") \(current.identity); it is "
                    + "found out which interactions came along."))
        if storedIdentity != current.identity {
            try await store.raiseEpoch(cic: cic, identity: current.identity)
            storedIdentity = current.identity
        }
        let open = try await store.openEpisodes(cic: cic)
        guard switchover?.identity == current.identity else { return }
        identity = current.identity
        switchover?.stranded = Dictionary(
            open.compactMap { row in
                guard let interaction = row.interaction else { return nil }
                let seen = current.lastSeen[row.attempt]
                return (
                    row.key,
                    Switchover.Stranded(
                        interaction: interaction, row: row, isWithAgent: isTaken(seen, row),
                        assignNumber: seen?.assignNumber)
                )
            }, uniquingKeysWith: { first, _ in first })
    }

    /// Whether an agent is at work on what is wanted. Where the agent was seen before the assign that carries out the wish,
    /// the interaction was taken back from there: it is offered again if it is lost.
    private func isTaken(_ seen: InteractionMirror.Entry?, _ row: WatchedEpisode) -> Bool {
        (seen?.isWithAgent ?? row.isWithAgent) && (seen?.assignNumber ?? 0) >= row.wantedAssign
    }

    /// What is shown under the id and attempt of its row is the row's: it came along, or was made since this server answers.
    /// Under a new id an interaction with our attributes and a known attempt is the same one, but for a create that was
    /// carried out twice: what waits or is worked on goes before what is in holding, which counts only when nothing else
    /// can come any more, and never for what was moved out of there already.
    private func rebindSeen(alsoInHolding: Bool) async throws(RoutingFailure) {
        for (key, old) in switchover?.stranded ?? [:] {
            guard let entry = mirror.entries[old.interaction], !entry.queues.isEmpty,
                isSame(old.interaction, entry, old)
            else { continue }
            try await rebind(key, old, to: old.interaction)
        }
        guard let stranded = switchover?.stranded, !stranded.isEmpty else { return }
        for interaction in alsoInHolding ? mirror.inHolding.union(mirror.unbound) : mirror.unbound {
            guard let entry = mirror.entries[interaction], let old = stranded[entry.episode],
                isSame(interaction, entry, old)
            else { continue }
            try await rebind(entry.episode, old, to: interaction)
        }
    }

    private func isSame(
        _ interaction: InteractionID, _ entry: InteractionMirror.Entry, _ old: Switchover.Stranded
    ) -> Bool {
        old.row.attempt == entry.attempt && (!mirror.inHolding.contains(interaction) || old.row.state != .placed)
    }

    private func isShown(_ key: EpisodeKey, _ old: Switchover.Stranded) -> Bool {
        mirror.inHolding.union(mirror.unbound).contains { interaction in
            mirror.entries[interaction].map { $0.episode == key && isSame(interaction, $0, old) } ?? false
        }
    }

    private func rebind(
        _ key: EpisodeKey, _ old: Switchover.Stranded, to interaction: InteractionID
    ) async throws(RoutingFailure) {
        let attempt = old.row.attempt
        if try await store.rebind(key, attempt, from: old.interaction, to: interaction) {
            switchover?.stranded?[key] = nil
            switchover?.rebound += 1
            mirror.update(interaction) {
                $0.isBound = true
                $0.isNotedWithAgent = old.row.isWithAgent
            }
            return
        }
        guard try await isAsKnown(key, old) else { return }
        // Another open episode still has this id, of the old server: this one makes way until that one has moved.
        let aside = InteractionID("aside:\(attempt)")
        if aside != old.interaction,
            try await store.rebind(key, attempt, from: old.interaction, to: aside)
        {
            switchover?.stranded?[key]?.interaction = aside
        }
    }

    /// Whether the row still is as it was read. A watch whose lease is over may have been quicker: what it has written is
    /// gone on with, because it may only have made way, and nobody else would follow that.
    private func isAsKnown(_ key: EpisodeKey, _ old: Switchover.Stranded) async throws(RoutingFailure) -> Bool {
        let row = try await store.episodes([key]).first
        guard let row, row.isOpen, row.attempt == old.row.attempt, let current = row.interaction else {
            // Its end was written.
            switchover?.stranded?[key] = nil
            return false
        }
        if current == old.interaction { return true }
        switchover?.stranded?[key]?.interaction = current
        return false
    }

    /// What is absent from every full listing, and unknown to the server that answers now: waiting, it is offered again;
    /// with an agent, the case was delivered.
    private func concludeStranded() async throws(RoutingFailure) {
        guard let current = switchover, let stranded = current.stranded else { return }
        let results = await inParallel(Array(stranded), width: Self.reads) { [server] _, old in
            await Self.outcome { () throws(RoutingFailure) in try await server.read(old.interaction, old.row.attempt) }
        }
        var lost: [(EpisodeKey, Switchover.Stranded)] = []
        for ((key, old), result) in results {
            guard switchover?.identity == current.identity, !isOutdated else { return }
            switch result {
            case .failure(let failure): logger.debug(.watchFailed, failure: failure)
            case .success(.alive):
                mirror.begin(with: [old.row], at: clock.monotonic)
                try await rebind(key, old, to: old.interaction)
            case .success(.gone):
                // Or it is there under another id, which another episode has until its own end is written.
                if !isShown(key, old) { lost.append((key, old)) }
            }
        }
        for start in stride(from: 0, to: lost.count, by: Self.writes) {
            guard switchover?.identity == current.identity, !isOutdated else { return }
            try await end(Array(lost[start..<min(start + Self.writes, lost.count)]))
        }
    }

    /// Statements that do not wait for each other: nothing of the server goes on before the last of thousands.
    private func end(_ lost: [(EpisodeKey, Switchover.Stranded)]) async throws(RoutingFailure) {
        let results = await inParallel(lost, width: Self.writes) { [store] key, old in
            let end = EpisodeEnd(
                episode: key, interaction: old.interaction, attempt: old.row.attempt,
                reason: old.isWithAgent ? .lostWithAgent : .lost, assignNumber: old.assignNumber)
            return await Self.outcome { () throws(RoutingFailure) in try await store.end(end) }
        }
        var failure: RoutingFailure?
        for ((key, old), result) in results {
            switch result {
            case .failure(let one): failure = one
            case .success(false): _ = try await isAsKnown(key, old)
            case .success(true):
                switchover?.stranded?[key] = nil
                if old.isWithAgent { switchover?.lostWithAgent += 1 } else { switchover?.lost += 1 }
                guard old.isWithAgent else { continue }
                logger.error(
                    .interactionUnexpected,
                    metadata: [
                        "case": "\(key.caseKey)", "interaction": "\(old.interaction)",
                        "reason": "lost at the switchover while an agent had it: not offered again",
                    ])
            }
        }
        if let failure { throw failure }
    }
}
