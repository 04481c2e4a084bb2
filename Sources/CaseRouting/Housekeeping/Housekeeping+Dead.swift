import Logging

extension Housekeeping {
    /// Looks once at every message that lies in `caserouter.dead` now.
    ///
    /// A well-formed one killed a worker twenty times, or people have looked at it twenty times in the queue's page: it is
    /// merged, and what kills its worker again is failed instead. What cannot be read stays there for a person. What
    /// stays is given back only at the end, because the broker would hand it out again at once.
    func lookAtDead() async throws(RoutingFailure) {
        var kept: [RequestDelivery] = []
        var merged = 0
        var problem: RoutingFailure?
        do throws(RoutingFailure) {
            while kept.count + merged < Self.mostLooks, !Task.isCancelled, let delivery = try await queue.takeDead() {
                if try await settles(delivery) {
                    try await queue.removeDead(delivery)
                    merged += 1
                } else {
                    kept.append(delivery.withoutBody)
                }
            }
        } catch {
            problem = error
        }
        for delivery in kept { try await queue.keepDead(delivery) }
        if merged > 0 || !kept.isEmpty {
            logger.info(.housekeepingDone, metadata: ["dead_merged": "\(merged)", "dead_kept": "\(kept.count)"])
        }
        if let problem { throw problem }
    }

    /// Whether the message is done with.
    private func settles(_ delivery: RequestDelivery) async throws(RoutingFailure) -> Bool {
        let message: RequestMessage
        do throws(UnreadableMessage) {
            guard delivery.length == delivery.body.count else { return false }
            message = try RequestMessage(delivery.body)
        } catch {
            // Why is in the database already: the worker that moved it here has written it.
            return false
        }
        switch message {
        case .retry(let handle):
            _ = try await cases.retry(handle)
            return true
        case .change(let change):
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

    /// In one pass; more wait for the next.
    private static let mostLooks = 10_000
}

extension RequestDelivery {
    /// Enough to give it back.
    fileprivate var withoutBody: RequestDelivery {
        RequestDelivery(body: [], length: length, isRedelivered: isRedelivered, token: token, incarnation: incarnation)
    }
}
