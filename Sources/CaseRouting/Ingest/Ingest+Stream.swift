import FaultPoints
import Logging

extension Ingest {
    /// Subscribes and reads, for ever. A failed subscription is begun anew from the stored position; it never ends the
    /// sweeps, which find everything that the stream does not bring.
    func follow(under lease: Lease) async {
        var failures = 0
        while !Task.isCancelled {
            do throws(RoutingFailure) {
                try await subscribe()
                failures = 0
                while !Task.isCancelled { try await read() }
            } catch {
                if Task.isCancelled { break }
                failures += 1
                let delay = Self.delay(afterFailures: failures, error.kind)
                logger.warning(
                    .orgSubscriptionLost,
                    metadata: [
                        "cause": "\(error.cause)", "summary": "\(error.summary)",
                        "retry_in_s": "\(delay.components.seconds)",
                    ])
                await drainWindow()
                await pause(delay)
            }
        }
    }

    /// Subscribes after the stored position: whatever was published and not recorded comes again, as a duplicate.
    private func subscribe() async throws(RoutingFailure) {
        let cursor = try await store.cursor(org: org, channel: source.channel)
        streamEpoch = cursor?.streamEpoch ?? 1
        let subscription = try await source.subscribe(after: cursor)
        switch subscription {
        case .resumed: break
        case .fresh: askForSweep(.whole)
        case .gap(let reason):
            // A new epoch, because the ids of the old one mean nothing any more. Subscribed first, then swept: nothing
            // falls between.
            streamEpoch += 1
            try await store.openGap(org: org, channel: source.channel, from: cursor?.lastEventAt, reason: reason)
            logger.warning(.gapOpened, metadata: ["reason": "\(reason)"])
            askForSweep(.whole)
        }
        logger.info(
            .orgSubscribed,
            metadata: ["channel": "\(source.channel)", "after": "\(cursor.map { String($0.replayID) } ?? "now")"])
    }

    /// One long poll. This loop does nothing else: Salesforce drops a session that is away for 40 s.
    private func read() async throws(RoutingFailure) {
        while window.isFull && !Task.isCancelled {
            await waitForWindow { $0.isFull }
        }
        if Task.isCancelled { return }
        for event in try await source.nextEvents() {
            switch event.content {
            case .malformed(let reason):
                logger.error(.eventMalformed, metadata: ["reason": "\(reason)", "replay": "\(event.replayID)"])
                _ = window.append(replayID: event.replayID, request: nil)
            case .change(let change):
                let request = RecordedRequest(change: change, found: .stream, body: RequestMessage.encode(change))
                let number = window.append(replayID: event.replayID, request: request)
                let generation = windowGeneration
                // Not a child task, because it outlives the read that began it; `drainWindow` waits for all.
                Task(executorPreference: executor) {
                    await self.publishUntilConfirmed(request.body)
                    failpoint("ingest.published")
                    await self.confirmed(number, generation)
                }
            }
        }
        releaseWindowWaiters()
    }

    /// - Parameter generation: of the window that the number counts in; a lease that was lost and won again has another.
    private func confirmed(_ number: Int, _ generation: Int) {
        guard generation == windowGeneration else { return }
        window.confirm(number)
        releaseWindowWaiters()
    }

    /// A message is published until the broker has it: a refusal, a loss or a full queue delays, nothing drops.
    func publishUntilConfirmed(_ body: [UInt8]) async {
        await budget.take()
        var failures = 0
        while true {
            do throws(RoutingFailure) {
                try await publisher.publish(body)
                break
            } catch {
                failures += 1
                logger.debug(.brokerLost, failure: error)
                await pause(Self.delay(afterFailures: failures, .own))
                if Task.isCancelled { break }
            }
        }
        await budget.giveBack()
    }

    /// Records what is confirmed: rows and position in one transaction under the lease's term.
    func recordConfirmed(under lease: Lease) async {
        while true {
            let prefix = window.confirmedPrefix
            guard let last = prefix.last else {
                if Task.isCancelled { return }
                await waitForWindow { !$0.hasConfirmedPrefix }
                continue
            }
            let requests = prefix.compactMap(\.request)
            let cursor = ReplayCursor(
                streamEpoch: streamEpoch, replayID: last.replayID,
                lastEventAt: requests.map(\.change.occurredAt).max())
            failpoint("ingest.recording")
            do throws(RoutingFailure) {
                guard try await store.record(requests, cursor: cursor, channel: source.channel, lease: lease) else {
                    return  // The lease is gone: whoever has it reads the same events again.
                }
                failpoint("ingest.recorded")
                window.remove(prefix.count)
                releaseWindowWaiters()
            } catch {
                logger.debug(.storeFailed, failure: error)
                if Task.isCancelled { return }
                await pause(.milliseconds(500))
            }
        }
    }

    /// Waits until nothing is being published and everything confirmed is recorded, so that a new subscription begins
    /// behind it.
    private func drainWindow() async {
        while !window.isEmpty && !Task.isCancelled {
            await waitForWindow { !$0.isEmpty }
        }
    }

    /// Waits for the window to change, if it still has to: a turn of the loop may pass between a caller's look and the
    /// wait, and a change in it would wake nobody.
    private func waitForWindow(while condition: (ConfirmWindow) -> Bool) async {
        await withCheckedContinuation { continuation in
            if condition(window) && !Task.isCancelled {
                windowWaiters.append(continuation)
            } else {
                continuation.resume()
            }
        }
    }

    func releaseWindowWaiters() {
        let waiters = windowWaiters
        windowWaiters = []
        for waiter in waiters { waiter.resume() }
    }

    func askForSweep(_ scope: SweepScope) {
        if sweepIsAsked != .whole { sweepIsAsked = scope }
    }

    /// 1 s doubling to 60 s with full jitter; what a person must mend is tried every minute.
    private static func delay(afterFailures failures: Int, _ kind: RoutingFailure.Kind) -> Duration {
        kind == .configuration ? .seconds(60) : min(.seconds(60), .milliseconds(500) * (1 << min(failures, 7)))
    }
}
