import CRabbitMQ
import Polling

/// One connection to a broker: one TCP connection on one event loop. Use one per direction, because a broker that
/// runs short of memory stops reading from connections that publish.
///
/// Nothing blocks the loop: frames are buffered and sent once per turn, as far as the socket takes them. A broken
/// connection stays broken: everybody who waits gets an error, `events` and `waitUntilClosed` say why, and the owner
/// opens another. An owner calls `close()` when done; a connection that is merely dropped is cut, not closed.
public actor AMQPConnection {
    /// What the owner of a connection has to know.
    public enum Event: Equatable, Sendable {
        /// The broker stops taking messages: memory or disk alarm. Publishes wait until their deadline.
        case blocked(reason: String)
        case unblocked
        /// The last event.
        case closed(AMQPError)
    }

    enum Phase {
        case connecting, securing, loggingIn, open, closing
        case closed(AMQPError)
    }

    public nonisolated let executor: PollExecutor
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
    /// Shown in the broker's list of connections.
    public nonisolated let name: String
    public nonisolated let settings: AMQPSettings
    /// For one reader. Keeps the newest 16.
    public nonisolated let events: AsyncStream<Event>

    /// Whether the broker has told us that it does not take messages now.
    public internal(set) var isBlocked = false
    /// What the broker calls its version when it greets; nil where it does not.
    public internal(set) var serverVersion: String?

    /// Messages published and not yet confirmed.
    public var outstandingPublishes: Int { publisher?.channel.tracker.span ?? 0 }

    let address: AMQPAddress
    let eventsInput: AsyncStream<Event>.Continuation
    let methods = MethodDecoder()
    var phase = Phase.connecting
    var transport: Transport?
    var hook: UInt64?
    let opening = Answer<Result<Void, AMQPError>>()
    var closeWaiters: [UInt64: Answer<AMQPError>] = [:]
    var phaseDeadline: PollTimer?

    /// By number; 0 is the connection itself.
    var channels: [Channel?] = [nil]
    var channelLimit = 0
    var publisher: (number: UInt16, channel: PublisherChannel)?
    var getReader: (number: UInt16, channel: ReaderChannel)?
    /// Channels whose window has acknowledgements to send this turn.
    var dirtyReaders: [UInt16] = []
    var nextWaiter: UInt64 = 1

    var heartbeat = Duration.zero
    var heartbeatTimer: PollTimer?
    var silenceTimer: PollTimer?
    var lastReceived = MonotonicTime.now
    var sentSinceHeartbeat = false

    /// Connects to the first host that answers and logs in.
    ///
    /// - Throws: `refused` when no host can be reached (the last one's reason), `authentication`, `closedByBroker`
    ///   (e.g. 530: no such virtual host), `cancelled`. Each address has `settings.openDeadline`.
    public static func open(
        _ address: AMQPAddress, on executor: PollExecutor, name: String, settings: AMQPSettings = AMQPSettings()
    ) async throws(AMQPError) -> AMQPConnection {
        let texts = [address.virtualHost, address.user, name]
        guard texts.allSatisfy({ $0.utf8.count <= AMQPAddress.maximumNameLength }),
            address.password.utf8.count <= 4096
        else {
            throw AMQPError(operation: "open connection", kind: .invalidArgument, text: "a name is too long")
        }
        var failure = AMQPError(operation: "open connection", kind: .invalidArgument, text: "no host is given")
        for host in address.hosts {
            do throws(AMQPError) {
                for target in try await SocketAddress.resolve(host) {
                    let connection = AMQPConnection(address, on: executor, name: name, settings: settings)
                    do throws(AMQPError) {
                        try await connection.connect(to: target, host: host.name)
                        return connection
                    } catch {
                        failure = error.during("open connection to \(host.name):\(host.port)")
                        // Another address helps against an unreachable or stopping broker, not against these.
                        switch error.kind {
                        case .authentication, .cancelled, .invalidArgument: throw failure
                        case .closedByBroker(let code) where code != 320: throw failure
                        default: continue
                        }
                    }
                }
            } catch {
                if error.kind != .refused { throw error }
                failure = error
            }
        }
        throw failure
    }

    private init(_ address: AMQPAddress, on executor: PollExecutor, name: String, settings: AMQPSettings) {
        self.address = address
        self.executor = executor
        self.name = name
        self.settings = settings
        (events, eventsInput) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(16))
    }

    isolated deinit {
        // Only what nobody waits for gets here; everything else holds the connection.
        tearDown(AMQPError(operation: "connection", kind: .closed, text: "dropped without being closed"))
    }

    /// Why the connection is closed; nil while it is open.
    public var closedReason: AMQPError? {
        if case .closed(let reason) = phase { reason } else { nil }
    }

    /// Returns when the connection is closed, by whomever, and why: kind `closed` when it was the owner, `cancelled`
    /// when the caller was cancelled before.
    public func waitUntilClosed() async -> AMQPError {
        if case .closed(let reason) = phase { return reason }
        let (id, answer) = awaitClose()
        return await wait(for: answer) {
            $0.closeWaiters.removeValue(forKey: id)?.resolve(
                AMQPError(operation: "wait for close", kind: .cancelled, text: "the caller was cancelled"))
        }
    }

    private func awaitClose() -> (UInt64, Answer<AMQPError>) {
        let answer = Answer<AMQPError>()
        let id = nextWaiter
        nextWaiter += 1
        closeWaiters[id] = answer
        return (id, answer)
    }

    /// Sends outstanding acknowledgements, closes in good order and returns when the broker has answered, at most 2 s
    /// later. Whoever still waits gets `closed`; publishers should have been waited for.
    public func close() async {
        switch phase {
        case .closed: return
        case .closing: break
        case .connecting, .securing, .loggingIn:
            tearDown(AMQPError(operation: "open connection", kind: .cancelled, text: "closed by its owner"))
            return
        case .open:
            sendAcknowledgements()
            sendAllStragglers()
            sendClose(code: 200, text: "closed by its owner")
        }
        // Not cancellable: it is short, and a cancelled owner wants it most.
        _ = await wait(for: awaitClose().1) { _ in }
    }

    /// Longest wait for the answer to a close.
    private static let closeDeadline = Duration.seconds(2)

    private func sendClose(code: UInt16, text: String) {
        guard let writer = transport?.writer else { return }
        phase = .closing
        let fields = amqp_connection_close_t(
            reply_code: code, reply_text: writer.scratch.bytes(text), class_id: 0, method_id: 0)
        writer.method(.connectionClose, channel: 0, fields)
        phaseDeadline = executor.schedule(after: min(settings.operationDeadline, Self.closeDeadline)) { [weak self] in
            self?.assumeIsolated { $0.closedByOwner() }
        }
    }

    func closedByOwner() {
        tearDown(AMQPError(operation: "connection", kind: .closed, text: "closed by its owner"))
    }

    // MARK: Connecting

    private func connect(to target: SocketAddress, host: String) async throws(AMQPError) {
        let tls = address.usesTLS ? try TLSSession(host: host, caFile: address.caFile) : nil
        let descriptor = try target.connect()
        transport = Transport(descriptor: descriptor, tls: tls)
        executor.watch(descriptor, for: [.readable, .writable]) { [weak self] _ in
            self?.assumeIsolated { $0.socketReady() }
        }
        hook = executor.addBeforeWait { [weak self] in self?.assumeIsolated { $0.beforeWait() } }
        phaseDeadline = executor.schedule(after: settings.openDeadline) { [weak self] in
            let error = AMQPError(operation: "open connection", kind: .refused, text: "no answer in time")
            self?.assumeIsolated { $0.tearDown(error) }
        }
        try await wait(for: opening) { $0.cancelOpen() }.get()
    }

    private func cancelOpen() {
        if opening.isResolved { return }
        tearDown(AMQPError(operation: "open connection", kind: .cancelled, text: "the caller was cancelled"))
    }

    // MARK: The socket

    private func socketReady() {
        guard let transport else { return }
        do throws(AMQPError) {
            if case .connecting = phase {
                try transport.checkConnected()
                phase = .securing
            }
            if case .securing = phase {
                _ = try transport.feedTLS()
                try transport.secure()
                guard transport.isSecured else {
                    executor.rewatch(transport.descriptor, for: .readable)
                    return
                }
                phase = .loggingIn
                transport.writer.protocolHeader()
            }
            lastReceived = .now
            try transport.receive { (frame) throws(AMQPError) in
                try handle(frame)
                return self.transport != nil
            }
            try send()
        } catch {
            fail(error)
        }
    }

    /// Once per turn: what the turn wants to say leaves in one piece.
    private func beforeWait() {
        if !dirtyReaders.isEmpty { sendAcknowledgements() }
        guard let transport, !transport.writer.output.isEmpty else { return }
        switch phase {
        case .loggingIn, .open, .closing: break
        case .connecting, .securing, .closed: return
        }
        do throws(AMQPError) { try send() } catch { fail(error) }
    }

    func send() throws(AMQPError) {
        guard let transport else { return }
        if transport.unsentCount > 0 {
            sentSinceHeartbeat = true
            try transport.flush()
        }
        executor.rewatch(
            transport.descriptor, for: transport.unsentCount > 0 ? [.readable, .writable] : .readable)
    }

    /// The connection is broken or the broker errs: no ceremony.
    func fail(_ error: AMQPError) {
        switch phase {
        case .closing: closedByOwner()
        case .connecting, .securing, .loggingIn:
            let kind = error.kind == .connectionLost ? .refused : error.kind
            tearDown(AMQPError(operation: "open connection", kind: kind, text: error.text))
        case .open, .closed: tearDown(error)
        }
    }

    /// Everything ends here, once.
    func tearDown(_ reason: AMQPError) {
        if case .closed = phase { return }
        let wasOpen = opening.isResolved
        phase = .closed(reason)
        isBlocked = false
        for timer in [phaseDeadline, heartbeatTimer, silenceTimer] { timer?.cancel() }
        if let hook { executor.removeHook(hook) }
        hook = nil
        if let transport { executor.unwatch(transport.descriptor) }
        transport = nil
        publisher = nil
        getReader = nil
        dirtyReaders = []
        let open = channels
        channels = [nil]
        for channel in open { channel?.fail(reason) }
        opening.resolve(.failure(reason))
        for waiter in closeWaiters.values { waiter.resolve(reason) }
        closeWaiters = [:]
        if wasOpen { eventsInput.yield(.closed(reason)) }
        eventsInput.finish()
    }
}
