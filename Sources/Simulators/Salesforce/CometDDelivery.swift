/// Handing events to sessions, and letting held connects go.
extension SalesforceOrgCore {
    func hasEvents(for session: CometDSession) -> Bool {
        guard !faults.silent else { return false }
        return session.subscriptions.contains { subscription in
            guard let stream = streams[subscription.channel] else { return false }
            return !stream.events(from: subscription.position, limit: 1, now: now).isEmpty
        }
    }

    /// Moves what is due into the reply, at most the configured number of events.
    func appendEvents(for session: CometDSession, to exchange: inout CometDExchange) {
        guard !faults.silent else { return }
        var room = settings.eventsPerResponse
        let now = now
        for index in session.subscriptions.indices where room > 0 {
            let subscription = session.subscriptions[index]
            guard let stream = streams[subscription.channel] else { continue }
            let events = stream.events(from: subscription.position, limit: room, now: now)
            guard let last = events.last else { continue }
            session.subscriptions[index].position = stream.clamped(subscription.position) + events.count
            room -= events.count
            exchange.append(events, subscription, clientID: session.clientID)
            lines.line("delivered") {
                $0.member("org", organizationID)
                $0.member("client", session.clientID)
                $0.member("channel", subscription.name)
                $0.member("count", events.count)
                $0.member("replayId", last.replayID)
            }
        }
    }

    func wakeSubscribers(of channel: String) {
        guard !faults.silent, let clients = subscribers[channel] else { return }
        for client in clients {
            if let session = sessions[client], session.hold != nil, hasEvents(for: session) { release(session) }
        }
    }

    /// Lets a held connect go; its answer is written when its task has the lock.
    func release(_ session: CometDSession) {
        guard let hold = session.hold else { return }
        hold.isReleased = true
        if let continuation = hold.continuation {
            hold.continuation = nil
            released.append(continuation)
        }
        session.hold = nil
        session.lastReply = now
        releasedHolds[hold.id] = hold
    }

    /// Leaves the task of a held connect waiting, unless it was let go in between.
    func park(_ ticket: CometDTicket, _ continuation: CheckedContinuation<Void, Never>) {
        guard let hold = sessions[ticket.clientID]?.hold, hold.id == ticket.holdID, !hold.isReleased else {
            released.append(continuation)
            return
        }
        hold.continuation = continuation
    }

    /// Answers every held connect, and holds none from now on.
    func close() {
        isClosing = true
        for session in sessions.values { release(session) }
    }

    /// Ends a session by a message that the client did not ask for.
    func disconnectBySelf(_ session: CometDSession) {
        session.isDisconnected = true
        release(session)
    }

    /// The client has gone while its connect was held.
    func abandon(_ ticket: CometDTicket) {
        guard let session = sessions[ticket.clientID], let hold = session.hold, hold.id == ticket.holdID else { return }
        hold.isAbandoned = true
        release(session)
    }

    /// The answer to a connect that was held.
    func answer(_ ticket: CometDTicket) -> SalesforceReply {
        let hold = releasedHolds.removeValue(forKey: ticket.holdID)
        var exchange = CometDExchange(after: ticket)
        if hold?.isAbandoned ?? false { return exchange.reply() }
        guard let session = sessions[ticket.clientID] else {
            exchange.replyUnknown(toConnect: ticket.messageID)
            return exchange.reply()
        }
        if session.isDisconnected {
            end(session)
            exchange.disconnect(session)
            return exchange.reply()
        }
        guard user(of: session.token) != nil else {
            exchange.replyUnauthenticated(toConnect: ticket.messageID, session)
            return exchange.reply()
        }
        session.lastReply = now
        // A newer connect of the session is held by now: the events are for that one.
        if session.hold == nil { appendEvents(for: session, to: &exchange) }
        exchange.reply(toConnect: ticket.messageID, session, withAdvice: nil)
        return exchange.reply()
    }

    /// Milliseconds an event waits for the one that is to come before it.
    private static let longestOvertaking: Int64 = 2_000

    /// What only time brings about: connects that were held long enough, events whose delay is over, dead sessions.
    func tick() {
        let now = now
        for stream in streams.values {
            guard let since = stream.overtakenSince, now - since > Self.longestOvertaking else { continue }
            stream.releaseOvertaken()
            wakeSubscribers(of: stream.channel)
        }
        for session in sessions.values {
            if let hold = session.hold {
                if hold.deadline <= now || hasEvents(for: session) { release(session) }
            } else if now - session.lastReply > Int64(settings.sessionExpiry * 1000) {
                end(session)
            }
        }
    }
}
