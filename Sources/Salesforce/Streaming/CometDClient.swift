import CaseRouting
import HTTPClient
import JSON
import Polling

/// One subscription to one channel by CometD long polling (`salesforce.md` 2).
///
/// It never mends a subscription behind its reader's back: whatever costs the position fails, and `subscribe` begins
/// anew from the position that is stored. That is what clients get wrong that go on silently without a subscription.
actor CometDClient {
    /// An event as it came.
    struct Delivery: Sendable {
        /// The answer that holds it.
        let body: [UInt8]
        let data: Range<Int>
    }

    nonisolated let session: SalesforceSession
    nonisolated let channel: String
    private let grace: Duration
    nonisolated var unownedExecutor: UnownedSerialExecutor { session.unownedExecutor }

    /// Nil: the server knows no client of ours.
    var client: (id: String, grant: SalesforceGrant, jar: CookieJar)?
    var nextID = 1
    var hold = CometDClient.usualHold
    var interval = Duration.zero
    /// Events that came with the answer to something else.
    var waiting: [Delivery] = []
    /// What went wrong in an answer that brought events too.
    private var deferred: RoutingFailure?
    /// A limit or a setting: until when the server is left alone.
    var rest: (failure: RoutingFailure, until: MonotonicTime)?
    /// Connects answered at once and empty, one after the other.
    private var idleTurns = 0

    /// Batches reach 10 MB.
    static let maximumAnswer = 16 << 20
    /// Salesforce reads no longer request.
    static let longestRequest = 32_768
    private static let usualHold: Duration = .seconds(110)
    static let longestHold: Duration = .seconds(600)
    /// Beyond the hold an answer may take this long; then the stream counts as dead.
    static let grace: Duration = .seconds(15)
    /// Salesforce drops a client that is away for 40 s.
    static let longestInterval: Duration = .seconds(30)
    private static let commandDeadline: Duration = .seconds(30)
    private static let disconnectDeadline: Duration = .seconds(5)

    init(_ session: SalesforceSession, channel: String, grace: Duration = CometDClient.grace) {
        self.session = session
        self.channel = channel
        self.grace = grace
    }

    // MARK: Subscribing

    /// Begins a session and subscribes.
    ///
    /// - Parameter replay: after this event; -1: from now on; -2: all that is kept.
    /// - Returns: false when the position is refused.
    func subscribe(_ replay: Int64) async throws(RoutingFailure) -> Bool {
        if let rest {
            if rest.until > .now { throw rest.failure }
            self.rest = nil
        }
        await disconnect()
        waiting = []
        deferred = nil
        idleTurns = 0
        hold = Self.usualHold
        interval = .zero
        let offersReplay = try await handshake()
        // Answered at once, and brings the server's advice.
        try await connect(atOnce: true)
        return try await subscribe(replay, offersReplay)
    }

    /// Subscribes again in the same session, after a position was refused.
    func subscribeAnew(_ replay: Int64) async throws(RoutingFailure) -> Bool { try await subscribe(replay, true) }

    private func handshake() async throws(RoutingFailure) -> Bool {
        var isRepeated = false
        while true {
            let grant = try await session.open()
            let jar = CookieJar()
            do throws(RoutingFailure) {
                let answer = try await exchange("handshake", grant, jar, Self.commandDeadline) { message in
                    message.write("channel", "/meta/handshake")
                    message.write("version", "1.0")
                    message.write("minimumVersion", "1.0")
                    message.write("supportedConnectionTypes", ["long-polling"])
                    message.object("ext") { $0.write("replay", true) }
                }
                let reply = try await reply(to: "/meta/handshake", in: answer, "handshake")
                guard let id = reply.clientID, !id.isEmpty else {
                    throw session.failures.failure(.transient, .salesforceError, "handshake: no client id.")
                }
                client = (id, grant, jar)
                return reply.offersReplay
            } catch {
                // The token was revoked since it was last used: one login, one repetition.
                guard error.cause == .salesforceCredentials, error.kind == .transient, !isRepeated else { throw error }
                isRepeated = true
                await session.forget(grant)
            }
        }
    }

    private func subscribe(_ replay: Int64, _ offersReplay: Bool) async throws(RoutingFailure) -> Bool {
        let (id, grant, jar) = try connected()
        let channel = channel
        let answer = try await exchange("subscribe", grant, jar, Self.commandDeadline) { message in
            message.write("channel", "/meta/subscribe")
            message.write("clientId", id)
            message.write("subscription", channel)
            if offersReplay { message.object("ext") { $0.object("replay") { $0.write(channel, Int(replay)) } } }
        }
        if let refused = answer.messages.first(where: { $0.channel == "/meta/subscribe" && $0.isSuccessful == false }),
            BayeuxError(refused).remedy == .gap
        {
            return false
        }
        _ = try await reply(to: "/meta/subscribe", in: answer, "subscribe")
        // A server that cannot go back has not gone back.
        return offersReplay || replay == -1
    }

    private func connected() throws(RoutingFailure) -> (id: String, grant: SalesforceGrant, jar: CookieJar) {
        guard let client else {
            throw session.failures.failure(.transient, .salesforceError, "there is no subscription.")
        }
        return client
    }

    // MARK: Reading

    /// One long poll: what came, in order; empty after the server's hold without events.
    func next() async throws(RoutingFailure) -> [Delivery] {
        if !waiting.isEmpty { return takeWaiting() }
        if let deferred {
            self.deferred = nil
            throw deferred
        }
        _ = try connected()
        if idleTurns > 2 || interval > .zero {
            // A server that answers empty at once must not be asked in a circle.
            let pause = max(
                interval, idleTurns > 2 ? min(.seconds(5), .milliseconds(100) * (1 << min(idleTurns, 6))) : .zero)
            do { try await Task.sleep(for: pause) } catch {
                throw session.failures.failure(.transient, .salesforceError, "reading events was cancelled.")
            }
        }
        let began = MonotonicTime.now
        do throws(RoutingFailure) {
            try await connect(atOnce: false)
        } catch {
            guard !waiting.isEmpty else { throw error }
            deferred = error
        }
        idleTurns = waiting.isEmpty && MonotonicTime.now - began < .seconds(1) ? idleTurns + 1 : 0
        return takeWaiting()
    }

    private func takeWaiting() -> [Delivery] {
        defer { waiting = [] }
        return waiting
    }

    private func connect(atOnce: Bool) async throws(RoutingFailure) {
        let (id, grant, jar) = try connected()
        let deadline = atOnce ? Self.commandDeadline : hold + grace
        let answer = try await exchange("connect", grant, jar, deadline) { message in
            message.write("channel", "/meta/connect")
            message.write("clientId", id)
            message.write("connectionType", "long-polling")
            if atOnce { message.object("advice") { $0.write("timeout", 0) } }
        }
        if answer.messages.contains(where: { $0.channel == "/meta/disconnect" }) {
            client = nil
            throw session.failures.failure(.transient, .salesforceError, "Salesforce ended the subscription.")
        }
        let reply = try await reply(to: "/meta/connect", in: answer, "connect")
        if let reconnect = reply.advice?.reconnect, reconnect != .retry {
            client = nil
            throw session.failures.failure(
                .transient, .salesforceError, "Salesforce asks for a new subscription (advice \(reconnect.rawValue)).")
        }
    }

    // MARK: Ending

    /// Tells the server, which frees one of the org's concurrent clients. Whether it hears is of no consequence: it
    /// forgets a client that does not come back.
    func disconnect() async {
        guard let (id, grant, jar) = client else { return }
        client = nil
        // Not in the caller's task, which may be cancelled: that is how reading is ended.
        await Task {
            do throws(RoutingFailure) {
                _ = try await exchange("disconnect", grant, jar, Self.disconnectDeadline) { message in
                    message.write("channel", "/meta/disconnect")
                    message.write("clientId", id)
                }
            } catch {
                // See above.
            }
        }.value
    }
}
