/// The streaming endpoint: Bayeux messages in, Bayeux messages and events out.
extension SalesforceOrgCore {
    /// Longest request body Salesforce reads.
    static let longestBayeuxRequest = 32_768

    func cometd(_ call: SalesforceCall) -> CometDOutcome {
        if let refusal = refusal(of: call) { return .reply(refusal) }
        let messages: [SalesforceJSON]
        switch Result(catching: { () throws(SalesforceJSON.SyntaxError) in try SalesforceJSON(parsing: call.body) }) {
        case .success(.array(let array)): messages = array
        case .success(.object(let members)): messages = [.object(members)]
        default: return .reply(bayeuxFailure(400, "400::Malformed message"))
        }
        var exchange = CometDExchange(call: call, token: call.accessToken)
        if messages.count > 1, messages.contains(where: { $0["channel"]?.string == "/meta/handshake" }) {
            return .reply(bayeuxFailure(400, "400::Handshake must be the only message of a request"))
        }
        for message in messages {
            switch message["channel"]?.string {
            case "/meta/handshake": handshake(message, &exchange)
            case "/meta/connect": connect(message, &exchange)
            case "/meta/subscribe": subscribe(message, &exchange)
            case "/meta/unsubscribe": unsubscribe(message, &exchange)
            case "/meta/disconnect": disconnect(message, &exchange)
            case let channel?:
                exchange.reply(to: message, channel: channel, error: "403::Publishing is not supported")
            case nil: exchange.reply(to: message, channel: "", error: "400::Channel name not specified")
            }
        }
        if let ticket = exchange.ticket(), let session = sessions[ticket.clientID] {
            let hold = CometDHold(
                id: ticket.holdID, deadline: now + Int64(settings.connectHold * 1000))
            session.hold = hold
            return .hold(ticket)
        }
        return .reply(exchange.reply())
    }

    private func refusal(of call: SalesforceCall) -> SalesforceReply? {
        if call.method != "POST" {
            return bayeuxFailure(405, "405::Method not allowed")
        }
        if call.body.count > Self.longestBayeuxRequest {
            return bayeuxFailure(413, "413::Maximum Request Size Exceeded")
        }
        let elements = call.elements
        guard elements.count > 1, let version = Double(elements[1]) else {
            return bayeuxFailure(400, "400::API version in the URI is mandatory. URI format: '/cometd/43.0'")
        }
        guard version >= 37 else {
            return bayeuxFailure(
                400,
                "400::Unsupported API version. Only API versions '37.0' and later are supported. URI format: "
                    + "'/cometd/43.0'")
        }
        return nil
    }

    private func bayeuxFailure(_ status: Int, _ error: String) -> SalesforceReply {
        .json(status) { bytes in
            bytes.raw("[{\"successful\":false,\"error\":")
            bytes.string(error)
            bytes.raw("}]")
        }
    }

    // MARK: Sessions

    private func handshake(_ message: SalesforceJSON, _ exchange: inout CometDExchange) {
        let reason: String? =
            if exchange.token == nil {
                "401::Request requires authentication"
            } else if user(of: exchange.token) == nil {
                "401::Authentication invalid"
            } else if takeBusy() {
                CometDExchange.busy
            } else {
                nil
            }
        guard reason == nil, let token = exchange.token, let userID = user(of: token) else {
            exchange.refuseHandshake(message, reason ?? "401::Authentication invalid")
            return
        }
        guard message["supportedConnectionTypes"]?.strings.contains("long-polling") ?? true else {
            exchange.refuseHandshake(message, "400::Invalid connection type")
            return
        }
        let session = CometDSession(
            clientID: SalesforceSecret.make(28), cookie: SalesforceSecret.make(24), userID: userID, token: token,
            now: now)
        sessions[session.clientID] = session
        exchange.acceptHandshake(message, session)
    }

    /// The session a message belongs to, or nil after the refusal has been written.
    private func session(of message: SalesforceJSON, _ exchange: inout CometDExchange) -> CometDSession? {
        let channel = message["channel"]?.string ?? ""
        guard let userID = user(of: exchange.token) else {
            exchange.reply(
                to: message, channel: channel, error: "401::Authentication invalid", advice: .stop)
            return nil
        }
        guard let id = message["clientId"]?.string, let session = sessions[id] else {
            exchange.reply(to: message, channel: channel, error: "403::Unknown client", advice: .handshake)
            return nil
        }
        if session.hold == nil, now - session.lastReply > Int64(settings.sessionExpiry * 1000) {
            end(session)
            exchange.reply(to: message, channel: channel, error: "403::Unknown client", advice: .handshake)
            return nil
        }
        guard exchange.cookie == session.cookie else {
            exchange.reply(
                to: message, channel: channel,
                error: "400::Client \(id) has established a session, but no BAYEUX_BROWSER cookie present",
                advice: .handshake)
            return nil
        }
        guard userID == session.userID else {
            exchange.reply(
                to: message, channel: channel,
                error: "400::Authenticated user id does not match the session's user id", advice: .handshake)
            return nil
        }
        if takeBusy() {
            exchange.reply(to: message, channel: channel, error: CometDExchange.busy, advice: .retry)
            return nil
        }
        session.token = exchange.token ?? session.token
        return session
    }

    private func takeBusy() -> Bool {
        guard faults.busy > 0 else { return false }
        faults.busy -= 1
        return true
    }

    private func connect(_ message: SalesforceJSON, _ exchange: inout CometDExchange) {
        guard let session = session(of: message, &exchange) else { return }
        if let type = message["connectionType"]?.string, type != "long-polling" {
            exchange.reply(to: message, channel: "/meta/connect", error: "400::Invalid connection type \(type)")
            return
        }
        if session.isDisconnected {
            end(session)
            exchange.disconnect(session)
            return
        }
        if faults.dailyLimit {
            exchange.reply(
                to: message, channel: "/meta/connect",
                error: "403::Organization total events daily limit exceeded", advice: .stop)
            return
        }
        if let left = faults.unknownClientAfterConnects {
            faults.unknownClientAfterConnects = left > 0 ? left - 1 : nil
            if left <= 0 {
                end(session)
                exchange.reply(to: message, channel: "/meta/connect", error: "403::Unknown client", advice: .handshake)
                return
            }
        }
        // Two connects at once: the earlier one is answered and has no more to say.
        if session.hold != nil { release(session) }
        let isFirst = !session.wasConnected
        session.wasConnected = true
        let mayWait = !isFirst && !isClosing && message["advice"]?["timeout"]?.number != 0
        if mayWait, !hasEvents(for: session) {
            exchange.hold(session.clientID, message["id"], id: nextHold)
            nextHold += 1
            return
        }
        appendEvents(for: session, to: &exchange)
        session.lastReply = now
        exchange.reply(toConnect: message["id"], session, withAdvice: isFirst ? settings.connectHold : nil)
    }

    private func disconnect(_ message: SalesforceJSON, _ exchange: inout CometDExchange) {
        guard let session = session(of: message, &exchange) else { return }
        end(session)
        exchange.reply(to: message, channel: "/meta/disconnect", error: nil)
    }

    /// Forgets a session; a connect it holds is answered.
    func end(_ session: CometDSession) {
        sessions[session.clientID] = nil
        for subscription in session.subscriptions { subscribers[subscription.channel]?.remove(session.clientID) }
        release(session)
    }

    // MARK: Subscriptions

    private func subscribe(_ message: SalesforceJSON, _ exchange: inout CometDExchange) {
        guard let session = session(of: message, &exchange) else { return }
        let names = message["subscription"]?.string.map { [$0] } ?? message["subscription"]?.strings ?? []
        if names.isEmpty {
            exchange.reply(to: message, channel: "/meta/subscribe", error: "400::Channel name not specified")
        }
        for name in names {
            var subscription = CometDSubscription(name: name, position: 0)
            let replay = message["ext"]?["replay"]
            let number = replay?[subscription.channel]?.number ?? replay?[name]?.number ?? -1
            let replayID = Int(exactly: number) ?? 0
            let refusal = refusal(of: subscription, replayID: replayID)
            lines.line("subscribe") {
                $0.member("org", organizationID)
                $0.member("client", session.clientID)
                $0.member("channel", name)
                $0.member("replay", replayID)
                $0.member("error", refusal ?? "")
            }
            guard refusal == nil, let position = openStream(subscription.channel).position(after: replayID, now: now)
            else {
                exchange.reply(to: message, channel: "/meta/subscribe", error: refusal, subscription: name)
                continue
            }
            subscription.position = position
            session.subscriptions.removeAll { $0.name == name }
            session.subscriptions.append(subscription)
            subscribers[subscription.channel, default: []].insert(session.clientID)
            exchange.reply(to: message, channel: "/meta/subscribe", error: nil, subscription: name)
        }
        guard hasEvents(for: session) else { return }
        if session.hold != nil {
            release(session)
        } else if !faults.eventsOnlyInConnectReplies {
            appendEvents(for: session, to: &exchange)
        }
    }

    private func refusal(of subscription: CometDSubscription, replayID: Int) -> String? {
        let channel = subscription.channel
        if !channel.hasPrefix("/") { return "400::Channel subscriptions must start with a leading '/'" }
        if channel.hasPrefix("/meta/") || channel.hasPrefix("/service/") { return "403::Restricted channel" }
        guard channelExists(channel) else {
            return "400::The channel you requested to subscribe to doesn't exist {\(subscription.name)}"
        }
        if openStream(channel).position(after: replayID, now: now) == nil {
            return "400::The replayId {\(replayID)} you provided was invalid.  Please provide a valid ID, -2 to replay "
                + "all events, or -1 to replay only new events."
        }
        return nil
    }

    private func channelExists(_ channel: String) -> Bool {
        if channel.hasPrefix("/topic/") {
            return pushTopics.values.contains { $0.contains { $0.channel == channel } }
        }
        if channel.hasPrefix("/event/") { return catalogue[String(channel.dropFirst(7))]?.isEvent ?? false }
        return false
    }

    private func openStream(_ channel: String) -> SalesforceStream {
        stream(
            channel,
            retention: channel.hasPrefix("/topic/") ? settings.pushTopicRetention : settings.platformEventRetention)
    }

    private func unsubscribe(_ message: SalesforceJSON, _ exchange: inout CometDExchange) {
        guard let session = session(of: message, &exchange) else { return }
        let name = message["subscription"]?.string ?? ""
        guard let index = session.subscriptions.firstIndex(where: { $0.name == name }) else {
            exchange.reply(
                to: message, channel: "/meta/unsubscribe", error: "400::Not subscribed to \(name)", subscription: name)
            return
        }
        let removed = session.subscriptions.remove(at: index)
        if !session.subscriptions.contains(where: { $0.channel == removed.channel }) {
            subscribers[removed.channel]?.remove(session.clientID)
        }
        exchange.reply(to: message, channel: "/meta/unsubscribe", error: nil, subscription: name)
    }
}
