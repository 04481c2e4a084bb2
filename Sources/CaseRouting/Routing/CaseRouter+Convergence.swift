import FaultPoints
import Logging

extension CaseRouter {
    /// Steps of one claim: the longest sound path has nine (model-checked); more means that two sides disagree.
    private static let maximumSteps = 24
    /// A claim is trusted for less than its lease, because checking and sending are two moments.
    private static let trust = Claim.lease - .seconds(5)

    /// Brings CIC to what is wanted, until it is, or something stands in the way.
    ///
    /// - Parameters:
    ///   - attempt: what the claim's transaction has committed for the episode that is creating; nil for none.
    ///   - since: this process's time before the claim was asked for.
    func converge(_ claim: Claim, attempt: AttemptID?, since: Duration) async {
        let started = clock.monotonic
        var hand = Hand(claim: claim, trustedUntil: since + Self.trust, timeline: timeline)
        do throws(RoutingFailure) {
            if let attempt, hand.claim.state.episode?.attempt == attempt { try await create(&hand, attempt) }
            for _ in 0..<Self.maximumSteps {
                guard !hand.isDone else { break }
                try await take(nextStep(for: hand.claim.state, now: hand.claim.now, reading: hand.reading), &hand)
            }
            if !hand.isDone {
                throw RoutingFailure(
                    .transient, at: .assign, cause: .cicUnexpectedAnswer,
                    "The case could not be brought to what is wanted in \(Self.maximumSteps) steps.")
            }
            succeeded(hand, took: clock.monotonic - started)
        } catch {
            await failed(hand, error, took: clock.monotonic - started)
        }
    }

    /// A claim and what has been learned under it.
    struct Hand {
        var claim: Claim
        let trustedUntil: Duration
        /// Of the database under which it was claimed.
        let timeline: Int
        /// The interaction as read since the claim was refreshed last.
        var reading: InteractionReading?
        /// The number and *unknown* are committed already: by the same transaction that won the interaction.
        var assignIsCommitted = false
        /// Nothing more to do under this claim.
        var isDone = false
        var didFinish = false
        /// CIC has answered under this claim.
        var hasAnswered = false
        /// How the create of this claim failed, where that is certain.
        var failedCreate: FailedCreate?
    }

    private func server(_ hand: Hand) throws(RoutingFailure) -> any InteractionServer {
        let name = hand.claim.state.episode?.cic ?? hand.claim.state.wanted?.cic ?? ""
        guard let server = servers[name] else {
            throw RoutingFailure(
                .held, at: .resolve, cause: .configuration, "CIC server \(name) is not configured in this worker.",
                mayHaveBeenSent: false)
        }
        return server
    }

    private func take(_ step: Step, _ hand: inout Hand) async throws(RoutingFailure) {
        switch step {
        case .finish:
            try await written(&hand, try await store.finish(hand.claim), finishes: true)
        case .create:
            guard let wanted = hand.claim.state.wanted else { preconditionFailure("created without a wish") }
            _ = try await server(hand).resolve(workgroup: wanted.workgroup, skills: wanted.skills)
            try await beginCreate(&hand, opensEpisode: hand.claim.state.episode == nil)
        case .wait(let until):
            try await store.release(hand.claim, delay: until - hand.claim.now)
            hand.isDone = true
        case .lookInHolding:
            try await look(&hand)
        case .read:
            try await read(&hand)
        case .assign(let takesBack):
            try await assign(&hand, takesBack: takesBack)
        case .beginEnding:
            guard try await store.beginEnding(hand.claim) else { return try await refresh(&hand) }
            failpoint("ending.begun")
            hand.claim.state.episode?.state = .ending
        case .disconnect:
            try await disconnect(&hand)
        }
    }

    // MARK: Creating

    private func beginCreate(_ hand: inout Hand, opensEpisode: Bool) async throws(RoutingFailure) {
        let attempt = newAttempt()
        guard let claim = try await store.beginCreate(hand.claim, attempt: attempt, opensEpisode: opensEpisode) else {
            return try await refresh(&hand)
        }
        hand.claim = claim
        try await create(&hand, attempt)
    }

    private func create(_ hand: inout Hand, _ attempt: AttemptID) async throws(RoutingFailure) {
        let facts = hand.claim.state.facts
        let attributes = InteractionAttributes(
            episode: hand.claim.episodeKey, caseNumber: facts?.caseNumber ?? "", priority: facts?.priority ?? "")
        guard isTrusted(&hand) else { return }
        failpoint("create.sending")
        let interaction: InteractionID
        do throws(RoutingFailure) {
            interaction = try await server(hand).create(attempt, attributes)
        } catch {
            hand.failedCreate = FailedCreate(error)
            throw error
        }
        hand.hasAnswered = true
        failpoint("create.answered")
        try await win(&hand, interaction, attempt)
    }

    private func win(
        _ hand: inout Hand, _ interaction: InteractionID, _ attempt: AttemptID
    ) async throws(RoutingFailure) {
        guard let claim = try await store.win(hand.claim, interaction, attempt) else {
            // Another id won, or the lease is gone; what is surplus in holding is the watch's.
            return try await refresh(&hand)
        }
        failpoint("create.won")
        hand.claim = claim
        hand.assignIsCommitted = claim.state.episode?.assignNumber == claim.state.revision
        // Just found in holding, where no assign has moved it from.
        hand.reading = .alive(isWithAgent: false, assignNumber: 0, workgroup: nil)
    }

    private func look(_ hand: inout Hand) async throws(RoutingFailure) {
        let found = try await server(hand).findInHolding(hand.claim.episodeKey)
        hand.hasAnswered = true
        let newest = hand.claim.state.episode?.attempt
        if let one = found.first(where: { $0.attempt == newest }) ?? found.first {
            try await win(&hand, one.interaction, one.attempt)
            // The watch sees the end of the other soon; looking again at once would only ask CIC the same.
            if !hand.isDone && hand.claim.state.episode?.state == .creating {
                throw RoutingFailure(
                    .held, at: .create, cause: .cicUnexpectedAnswer,
                    "CIC has given the id \(one.interaction) again, and the end of what had it is not known yet.")
            }
        } else if hand.claim.state.wanted?.cic == hand.claim.state.episode?.cic {
            try await beginCreate(&hand, opensEpisode: false)
        } else {
            let isWanted = hand.claim.state.wanted != nil
            try await written(&hand, try await store.endUnborn(hand.claim), finishes: !isWanted)
        }
    }

    // MARK: Moving

    private func assign(_ hand: inout Hand, takesBack: Bool) async throws(RoutingFailure) {
        guard let wanted = hand.claim.state.wanted, let episode = hand.claim.state.episode,
            let interaction = episode.interaction
        else { preconditionFailure("assigned without a wish or an interaction") }
        let server = try server(hand)
        let target = try await server.resolve(workgroup: wanted.workgroup, skills: wanted.skills)
        if !hand.assignIsCommitted {
            guard try await store.beginAssign(hand.claim) else { return try await refresh(&hand) }
            hand.claim.state.episode?.assignNumber = hand.claim.state.revision
            hand.claim.state.episode?.workgroup = nil
            hand.claim.state.episode?.skills = nil
        }
        hand.assignIsCommitted = false
        guard isTrusted(&hand) else { return }
        let number = hand.claim.state.revision
        let order = AssignOrder(
            interaction: interaction, attempt: episode.attempt, number: number, target: target,
            priority: hand.claim.state.facts?.priority ?? "", takesBack: takesBack)
        failpoint("assign.sending")
        let answer = try await server.assign(order)
        hand.hasAnswered = true
        failpoint("assign.answered")
        switch answer {
        case .assigned, .stale(inForce: number):
            let isRecorded = try await store.recordPlaced(
                hand.claim, workgroup: wanted.workgroup, skills: wanted.skills)
            failpoint("assign.recorded")
            try await written(&hand, isRecorded, finishes: true)
        case .stale(let inForce):
            // A newer wish was carried out by someone else: this claim is old.
            try await refresh(&hand)
            if !hand.isDone && hand.claim.state.revision < inForce {
                throw RoutingFailure(
                    .transient, at: .assign, cause: .cicUnexpectedAnswer,
                    "CIC carries out assign \(inForce) of this interaction, which is newer than revision \(number).")
            }
        case .gone:
            try await end(&hand, .ended)
        }
    }

    private func read(_ hand: inout Hand) async throws(RoutingFailure) {
        guard let episode = hand.claim.state.episode, let interaction = episode.interaction else {
            preconditionFailure("read without an interaction")
        }
        let reading = try await server(hand).read(interaction, episode.attempt)
        hand.hasAnswered = true
        if reading == .gone { return try await end(&hand, .ended) }
        hand.reading = reading
    }

    // MARK: Ending

    private func disconnect(_ hand: inout Hand) async throws(RoutingFailure) {
        guard let episode = hand.claim.state.episode, let interaction = episode.interaction else {
            preconditionFailure("disconnected without an interaction")
        }
        guard isTrusted(&hand) else { return }
        let server = try server(hand)
        try await server.disconnect(interaction, episode.attempt)
        hand.hasAnswered = true
        failpoint("disconnect.answered")
        // The end counts when it is seen, not when the disconnect was answered.
        if try await server.read(interaction, episode.attempt) == .gone { return try await end(&hand, .disconnected) }
        try await store.release(hand.claim, delay: Self.endingPause)
        hand.isDone = true
    }

    /// CIC has been asked to end it; the watch usually sees the end before this.
    private static let endingPause: Duration = .seconds(2)

    private func end(_ hand: inout Hand, _ reason: EpisodeEnd.Reason) async throws(RoutingFailure) {
        guard let episode = hand.claim.state.episode, let interaction = episode.interaction else {
            preconditionFailure("ended without an interaction")
        }
        _ = try await store.end(
            EpisodeEnd(
                episode: hand.claim.episodeKey, interaction: interaction, attempt: episode.attempt, reason: reason,
                assignNumber: nil))
        try await refresh(&hand)
    }

    // MARK: What was written, and what was not

    /// After a write that gives the lease back: done, or look again because its guard refused.
    private func written(_ hand: inout Hand, _ isWritten: Bool, finishes: Bool) async throws(RoutingFailure) {
        guard isWritten && finishes else { return try await refresh(&hand) }
        hand.isDone = true
        hand.didFinish = true
    }

    private func refresh(_ hand: inout Hand) async throws(RoutingFailure) {
        hand.reading = nil
        hand.assignIsCommitted = false
        guard let claim = try await store.refresh(hand.claim) else {
            hand.isDone = true
            return
        }
        hand.claim = claim
        if !claim.state.isDue && claim.state.episode?.state != .ending {
            // Somebody else has brought it to rest.
            try await store.release(claim, delay: .zero)
            hand.isDone = true
        }
    }

    /// Checked right before something is sent: a worker that stood still longer than its lease sends nothing.
    private func isTrusted(_ hand: inout Hand) -> Bool {
        if clock.monotonic < hand.trustedUntil && timeline == hand.timeline { return true }
        logger.warning(.leaseOutlived, metadata: ["case": "\(hand.claim.caseKey)"])
        hand.isDone = true
        return false
    }
}
