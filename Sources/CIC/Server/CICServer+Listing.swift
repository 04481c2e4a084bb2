import CaseRouting
import JSON

/// Looking in holding: ICWS has no search, so the queue is subscribed to, and its first message is everything that is
/// there. One listing serves all who asked before it began.
extension CICServer {
    func found(_ episode: EpisodeKey, until deadline: Duration) async throws(RoutingFailure) -> [FoundInteraction] {
        if await session.connection == nil { throw await failures.held(.list, session.reason) }
        let caller = Awaited<Result<HoldingListings.Listing, RoutingFailure>>()
        listings.callers.append(caller)
        listings.bell.continuation.yield()
        defer { listings.callers.removeAll { $0 === caller } }
        guard let outcome = await caller.wait(deadline - clock.monotonic, on: transport.loop) else {
            throw failures.silent(.list)
        }
        return try outcome.get()[episode] ?? []
    }

    /// Lists whenever somebody asks, one listing after the other, until the task is cancelled.
    func listHolding() async {
        for await _ in listings.bell.stream {
            guard !listings.callers.isEmpty else { continue }
            let callers = listings.callers
            listings.callers = []
            let outcome: Result<HoldingListings.Listing, RoutingFailure>
            do throws(RoutingFailure) {
                outcome = .success(try await list(until: clock.monotonic + limits.call))
            } catch {
                outcome = .failure(error)
            }
            for caller in callers { caller.fulfil(outcome) }
        }
    }

    private func list(until deadline: Duration) async throws(RoutingFailure) -> HoldingListings.Listing {
        listings.begin()
        defer { listings.end() }
        let path = "messaging/subscriptions/queues/" + listings.subscription
        let body = QueueSubscription.body(place: settings.holdingWorkgroup)
        let answer = try await call(.list, ICWSRequest(.put, path, body: body), until: deadline)
        guard answer.isSuccess else { throw failures.failure(.list, answer) }
        let outcome = await outcome(until: deadline)
        do throws(RoutingFailure) {
            // The listing is known; what becomes of its subscription changes nothing. It ends with the session at last.
            _ = try await call(.list, ICWSRequest(.delete, path), until: deadline + limits.call)
        } catch {
            session.log(.debug, .queueUnreadable, error.summary)
        }
        guard let outcome else { throw failures.silent(.list) }
        return listing(try outcome.get())
    }

    /// An empty queue may be one that may not be seen. Nothing found is what a new attempt to create rests on, so it
    /// counts only when the next messages do not take it back.
    private func outcome(until deadline: Duration) async -> HoldingListings.Outcome? {
        let outcome = await listings.outcome.wait(deadline - clock.monotonic, on: transport.loop)
        guard case .success(let rows) = outcome, rows.isEmpty else { return outcome }
        let settling = min(limits.poll * 1.5, deadline - clock.monotonic)
        if let failure = await listings.fault.wait(settling, on: transport.loop) { return .failure(failure) }
        return outcome
    }

    private func listing(_ rows: [QueueRow]) -> HoldingListings.Listing {
        let names = orgNames
        var listing: HoldingListings.Listing = [:]
        for row in rows {
            guard let seen = row.seen(orgs: names), seen.state != .ended else { continue }
            listing[seen.episode, default: []].append(
                FoundInteraction(interaction: seen.interaction, attempt: seen.attempt))
        }
        return listing
    }
}

/// A subscription to the queue of one workgroup or user: messages do not say which queue an interaction is on.
enum QueueSubscription {
    static func body(place: String) -> [UInt8] {
        let queue = ICWSQueue(place: place)
        return JSONWriter.object { object in
            object.array("queueIds") { queues in queues.object { queue.write(to: &$0) } }
            object.write(
                "attributeNames", queue.type == .user ? InteractionAttribute.ownQueue : InteractionAttribute.queue)
        }
    }
}
