import FaultPoints
import Logging

extension CaseRouter {
    /// A request that killed its worker this often is failed instead of tried again.
    static let takenLimit = 3

    /// Takes one delivery to its end. It is acknowledged when its merge is committed; while our database is broken it is
    /// held, and never requeued.
    func handle(_ delivery: RequestDelivery) async {
        let message: RequestMessage
        do throws(UnreadableMessage) {
            guard delivery.length == delivery.body.count else {
                throw UnreadableMessage("longer than \(RequestMessage.maximumLength) bytes")
            }
            message = try RequestMessage(delivery.body)
        } catch {
            await putAside(delivery, error)
            return
        }
        switch message {
        case .retry(let handle):
            guard await stored({ store throws(RoutingFailure) in try await store.retry(handle) }) != nil else { return }
            failpoint("handle.retried")
            await queue.acknowledge(delivery)
        case .change(let change):
            failpoint("request.taken")
            delivered(changeOf: change.occurredAt)
            switch await settings(of: change.org) {
            case .some(true): break
            case .some(false): return await putAside(delivery, .unknownOrg)
            case .none: return
            }
            if delivery.isRedelivered {
                guard let isHarmless = await countTaken(change) else { return }
                if !isHarmless {
                    await queue.acknowledge(delivery)
                    return
                }
            }
            guard let merged = await merge(change) else { return }
            failpoint("request.merged")
            await queue.acknowledge(delivery)
            failpoint("request.acknowledged")
            if case .claimed(let claim, let attempt, let asked) = merged {
                await converge(claim, attempt: attempt, since: asked)
            }
        }
    }

    /// A request read back from the table; its `taken` was raised when it was taken.
    func handle(_ request: TakenRequest) async {
        // Its org was removed, or has just been added: what is not decided is nobody's death.
        guard knows(org: request.key.org) else { return }
        do throws(UnreadableMessage) {
            // Before the body is looked at: it may be what kills.
            guard request.taken < Self.takenLimit else {
                await failPoisonous(request.key)
                return
            }
            guard case .change(let change) = try RequestMessage(request.body) else { return }
            if case .claimed(let claim, let attempt, let asked)? = await merge(change) {
                await converge(claim, attempt: attempt, since: asked)
            }
        } catch {
            // Ingest wrote what it had encoded itself; nothing can be done for such a row but to say so.
            logger.error(.requestUnreadable, metadata: ["org": "\(request.key.org)", "key": "\(request.key.eventKey)"])
        }
    }

    /// Whether changes of this org can be decided: without its settings a decision would put the case aside for good.
    public func knows(org: String) -> Bool { configuration.orgs[org] != nil }

    /// Merges a change outside the queue, for housekeeping; what is to be done then is due. False: not merged now,
    /// because its org is not set up, or the worker stops.
    public func mergeAlone(_ change: CaseChange) async -> Bool {
        guard knows(org: change.org) else { return false }
        return await merge(change, claims: false) != nil
    }

    enum Merged {
        case done
        /// With this process's time before the claim was asked for.
        case claimed(Claim, AttemptID?, asked: Duration)
    }

    /// Decides and merges, again and again until nothing has changed between reading and writing. Nil: given up because
    /// the worker stops while the database is broken; the delivery stays with the broker.
    private func merge(_ change: CaseChange, claims: Bool = true) async -> Merged? {
        while true {
            guard let snapshot = await stored({ store throws(RoutingFailure) in try await store.read(change) }) else {
                return nil
            }
            if snapshot.isMerged { return .done }
            guard snapshot.configuration <= configuration.version else {
                guard await isUpToDate(with: snapshot.configuration) else { return nil }
                continue
            }
            var judgement = decide(change, on: snapshot.state, with: configuration)
            if judgement == .needsReading {
                guard
                    let knowledge = snapshot.lacksRows
                        ? .unreadable : await readInteraction(change.caseKey, snapshot.state)
                else { continue }
                judgement = decide(change, on: snapshot.state, with: configuration, interaction: knowledge)
            }
            guard case .decision(let decision) = judgement else {
                preconditionFailure("a decision needs a reading although there is one")
            }
            let merge = plan(change, snapshot.state, decision, claims: claims)
            counted.merges += 1
            failpoint("request.decided")
            // Of the try that succeeds: while the database is away for longer than a lease, none has begun.
            var asked = clock.monotonic
            let result = await stored { store throws(RoutingFailure) in
                asked = clock.monotonic
                return try await store.merge(merge)
            }
            guard let result else { return nil }
            switch result {
            case .conflict: continue
            case .merged: return .done
            case .claimed(let claim): return .claimed(claim, merge.attempt, asked: asked)
            }
        }
    }

    /// Waits for settings that are in force and have not come to this worker yet. What is decided under older ones is
    /// decided for good: the observation of a case in a queue that is monitored since a second ago would be put aside as
    /// one of an unmonitored queue. False: the worker stops.
    private func isUpToDate(with version: Int64) async -> Bool {
        while configuration.version < version {
            if isStopping || Task.isCancelled { return false }
            await pause(.milliseconds(100))
        }
        return true
    }

    /// Whether to claim the case together with the merge, and whether to open its next episode at once, which saves a
    /// normal new case a transaction.
    private func plan(
        _ change: CaseChange, _ before: CaseState, _ decision: Decision, claims: Bool
    ) -> Merge {
        let server = before.episode?.cic ?? decision.after.wanted?.cic
        guard claims, decision.raisesRevision, let server, let adapter = servers[server] else {
            return Merge(change: change, before: before, decision: decision, claims: false, attempt: nil)
        }
        var attempt: AttemptID?
        if before.episode == nil, let wanted = decision.after.wanted {
            // Else claimed without an attempt: the first step asks CIC, and records why the names are refused.
            if adapter.knows(workgroup: wanted.workgroup, skills: wanted.skills) { attempt = newAttempt() }
        }
        return Merge(change: change, before: before, decision: decision, claims: true, attempt: attempt)
    }

    /// Reads the open episode's interaction. Nil: it has ended, which is recorded now; decide again.
    private func readInteraction(_ caseKey: CaseKey, _ state: CaseState) async -> InteractionKnowledge? {
        guard let episode = state.episode, let interaction = episode.interaction, let server = servers[episode.cic]
        else {
            return .unreadable
        }
        do throws(RoutingFailure) {
            switch try await server.read(interaction, episode.attempt) {
            case .alive: return .alive
            case .gone:
                let end = EpisodeEnd(
                    episode: EpisodeKey(caseKey, episode.number), interaction: interaction, attempt: episode.attempt,
                    reason: .ended, assignNumber: nil)
                _ = await stored { store throws(RoutingFailure) in try await store.end(end) }
                return nil
            }
        } catch {
            return .unreadable
        }
    }

    // MARK: Messages that cannot be used

    /// Whether the org is set up. One that was added a moment ago becomes known within seconds; a message of one that
    /// never does must not keep a place for ever. Nil: the worker stops, and the delivery stays with the broker.
    private func settings(of org: String) async -> Bool? {
        let deadline = clock.monotonic + Self.patienceForSettings
        while configuration.orgs[org] == nil {
            if isStopping || Task.isCancelled { return nil }
            if clock.monotonic >= deadline { return false }
            await pause(.seconds(1))
        }
        return true
    }

    /// Settings are looked for every second.
    private static let patienceForSettings: Duration = .seconds(10)

    private func putAside(_ delivery: RequestDelivery, _ error: UnreadableMessage) async {
        let message = UndecodableMessage(delivery, error.description)
        guard await stored({ store throws(RoutingFailure) in try await store.recordUndecodable(message) }) != nil else {
            return
        }
        logger.warning(.messageUndecodable, metadata: ["reason": "\(error)", "length": "\(delivery.length)"])
        await queue.deadLetter(delivery)
    }

    /// Counts that the request is looked at again, before it is. Nil: the database is broken and the worker stops.
    private func countTaken(_ change: CaseChange) async -> Bool? {
        let key = RequestKey(change)
        guard let taken = await stored({ store throws(RoutingFailure) in try await store.raiseTaken(key) }) else {
            return nil
        }
        if taken < Self.takenLimit { return true }
        await failPoisonous(key)
        return false
    }

    static let poisonous = RoutingFailure(
        .permanent, at: .decode, cause: .workerDied,
        "The request was taken \(takenLimit) times and its worker died each time before it was merged.")

    private func failPoisonous(_ key: RequestKey) async {
        _ = await stored { store throws(RoutingFailure) in try await store.failPoisonous(key, Self.poisonous) }
        logger.error(.requestPoisonous, metadata: ["org": "\(key.org)", "key": "\(key.eventKey)"])
    }

    // MARK: Our own database

    /// Calls the store until it answers: a broken database of our own is no attempt and loses nothing. Nil only when the
    /// worker stops meanwhile.
    func stored<Value: Sendable>(
        _ body: (any CaseStore) async throws(RoutingFailure) -> Value
    ) async -> Value? {
        var delay: Duration = .milliseconds(100)
        while true {
            do throws(RoutingFailure) {
                return try await body(store)
            } catch {
                if isStopping || Task.isCancelled { return nil }
                logger.debug(.storeFailed, failure: error)
                await pause(delay)
                delay = min(delay * 2, .seconds(5))
            }
        }
    }

    func newAttempt() -> AttemptID {
        AttemptID(milliseconds: clock.wall.microseconds / 1_000, random: (random.next(), random.next()))
    }
}
