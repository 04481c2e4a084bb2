import Logging

extension Housekeeping {
    /// Looks at what lies in `caserouter.dead`, if there is anything new.
    ///
    /// A well-formed message there killed a worker twenty times, or people have looked at it twenty times in the queue's
    /// page: it is merged, and what kills its worker again is failed instead. What cannot be read stays there for a
    /// person; while there are exactly as many messages as stayed the last time, they are left in peace for a while.
    func lookAtDead() async throws(RoutingFailure) {
        var goesOn = true
        while goesOn && !Task.isCancelled {
            let count = try await queue.deadCount()
            guard count > 0, count != deadKept || clock.monotonic >= nextDeadLook else { return }
            goesOn = try await lookOnce()
        }
    }

    /// One round. A failure ends it: what is in hand then is given back, or goes back with the connection that failed.
    /// Returns whether more messages wait behind those looked at.
    private func lookOnce() async throws(RoutingFailure) -> Bool {
        var round = DeadRound()
        var problem: RoutingFailure?
        do throws(RoutingFailure) {
            while !round.isFull, !Task.isCancelled, let delivery = try await queue.takeDead() {
                guard round.accepts(delivery) else {
                    round = DeadRound()
                    round.keep(delivery)
                    throw Self.deadConnectionLost
                }
                if try await settles(delivery, &round) {
                    try await queue.removeDead(delivery)
                    round.countRemoved()
                } else {
                    round.keep(delivery)
                }
            }
        } catch {
            problem = error
        }
        // The first that cannot be given back ends this: its connection is gone, and the others with it.
        for delivery in round.kept { try await queue.keepDead(delivery) }
        deadKept = round.kept.count
        nextDeadLook = clock.monotonic + (problem == nil ? Self.deadPeace : Self.deadRetry)
        if round.removed > 0 {
            logger.info(
                .housekeepingDone, metadata: ["dead_merged": "\(round.removed)", "dead_kept": "\(round.kept.count)"])
        }
        if let problem { throw problem }
        return round.removed + round.kept.count >= DeadRound.mostLooks
    }

    /// Whether the message is done with. What could not be found out about is kept.
    private func settles(_ delivery: RequestDelivery, _ round: inout DeadRound) async throws(RoutingFailure) -> Bool {
        do throws(RoutingFailure) {
            return try await settles(delivery)
        } catch {
            round.keep(delivery)
            throw error
        }
    }

    private func settles(_ delivery: RequestDelivery) async throws(RoutingFailure) -> Bool {
        let message: RequestMessage
        do throws(UnreadableMessage) {
            guard delivery.length == delivery.body.count else { return false }
            message = try RequestMessage(delivery.body)
        } catch {
            // The broker may have moved it here, which knows no reason; and rows may have been lost.
            try await cases.recordUndecodable(UndecodableMessage(delivery, error.description))
            return false
        }
        switch message {
        case .retry(let handle):
            // Whether it still names the case's failure or not: there is nothing more to do for it.
            _ = try await cases.retry(handle)
            return true
        case .change(let change):
            // Of an org that is not configured here nothing can be decided; that is no death of a worker.
            guard await knows(change.org) else { return false }
            let key = RequestKey(change)
            // Committed before anything else is done with it: should this process die of it, the next one knows.
            guard try await cases.raiseTaken(key) < CaseRouter.takenLimit else {
                try await cases.failPoisonous(key, CaseRouter.poisonous)
                logger.error(.requestPoisonous, metadata: ["org": "\(key.org)", "key": "\(key.eventKey)"])
                return true
            }
            return await merge(change)
        }
    }

    private static let deadConnectionLost = RoutingFailure(
        .own, at: .broker, cause: .broker,
        "The connection broke while messages of the dead queue were looked at; they are looked at again.")
    /// How long messages that nobody can read are left alone while nothing new comes.
    private static let deadPeace: Duration = .seconds(300)
    /// The same after a round that a failure has ended: what was kept then may be readable.
    private static let deadRetry: Duration = .seconds(60)
}
