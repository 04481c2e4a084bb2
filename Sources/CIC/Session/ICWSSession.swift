import CaseRouting
import HTTPClient
import Logging
import Polling

/// Who is told what a session brings.
protocol ICWSConsumer: AnyObject, Sendable {
    /// A new session; its subscriptions are put next, and messages follow.
    func opened(_ connection: ICWSConnection) async
    /// Messages in the order in which they came. Nothing more is read until this returns.
    func received(_ messages: [ICWSMessage], generation: Int) async
    /// A subscription was refused; it is tried again after a while.
    func refused(subscription: String, reason: String) async
    /// The session is over; another one is looked for.
    func lost(_ failure: RoutingFailure) async
}

/// One ICWS session with a CIC server, opened anew whenever it is lost: `icws.md` 2.3 to 2.6.
///
/// It has one reader: reading removes messages from the server's queue, and what an answer held that was lost on the way
/// is gone. After every such gap all subscriptions are put again, and each begins with everything there is.
actor ICWSSession {
    nonisolated let transport: HTTPTransport
    nonisolated var unownedExecutor: UnownedSerialExecutor { transport.unownedExecutor }
    nonisolated var loop: PollExecutor { transport.loop }

    struct Subscription {
        let path: String
        let body: [UInt8]
        /// Not before: it was refused.
        var retryAt: Duration?
    }

    let settings: CICServerSettings
    let limits: CICLimits
    let clock: any RoutingClock
    let random: any RandomSource
    let logger: Logger
    /// What the session is for, in CIC's list of sessions.
    let applicationName: String
    let failures: CICFailure
    let messageReader: ICWSMessageReader

    /// The session, while there is one.
    private(set) var connection: ICWSConnection?
    /// Whether calls may use it: not before its subscriptions were put, because answers would be lost.
    private(set) var isReady = false
    /// The subscriptions that this session has accepted.
    var confirmed: Set<String> = []
    var generation = 0
    /// Why there is no session.
    var reason: RoutingReason
    var roster: HostRoster
    var subscriptions: [String: Subscription] = [:]
    /// Messages may have been lost, or a subscription was not put: all are to be put again.
    var mustPutAgain = false
    var isStreaming = false
    private(set) var consumer: (any ICWSConsumer)?
    private var loss: AsyncStream<RoutingReason>.Continuation?
    private var reopenings: [Awaited<Void>] = []
    /// The logout under way, for whoever closes the transport.
    var goodbye: Task<Void, Never>?

    init(
        settings: CICServerSettings, applicationName: String, transport: HTTPTransport, clock: any RoutingClock,
        random: any RandomSource, logger: Logger, limits: CICLimits
    ) {
        self.settings = settings
        self.applicationName = applicationName
        self.transport = transport
        self.clock = clock
        self.random = random
        self.logger = logger
        self.limits = limits
        failures = CICFailure(server: settings.name, secrets: [settings.password])
        messageReader = ICWSMessageReader(
            installation: settings.installation, maximumBytes: limits.messageBytes)
        roster = HostRoster(seeds: settings.hosts.compactMap { ICWSHost($0, defaultPort: settings.defaultPort) })
        reason = RoutingReason(.cicUnreachable, "CIC server \(settings.name): no session has been opened yet.")
    }

    /// Holds a session open until the task is cancelled, then logs out.
    func run(_ consumer: any ICWSConsumer) async {
        precondition(self.consumer == nil, "a session is run once at a time")
        self.consumer = consumer
        var round = 0
        // Told once, and again when it is something else.
        var told: FailureCause?
        while !Task.isCancelled {
            guard let opened = await openRound() else {
                if told != reason.cause, !Task.isCancelled { await tellLoss(reason, consumer) }
                told = reason.cause
                round += 1
                await pause(before: round)
                continue
            }
            let began = clock.monotonic
            await hold(opened, consumer)
            told = reason.cause
            // Sessions that end at once are not opened one after the other without a pause.
            round = clock.monotonic - began < limits.shortStream ? round + 1 : 0
            if round > 1 { await pause(before: round) }
        }
        self.consumer = nil
    }

    private func hold(_ opened: ICWSConnection, _ consumer: any ICWSConsumer) async {
        confirmed = []
        isReady = false
        connection = opened
        await consumer.opened(opened)
        logger.info(
            .cicSessionOpened,
            metadata: ["cic": "\(settings.name)", "host": "\(opened.host)", "server": "\(opened.server)"])
        await putSubscriptions(opened)
        isReady = true
        for waiter in reopenings { waiter.fulfil(()) }
        reopenings = []
        let why = await serve(opened)
        connection = nil
        reason = why
        if Task.isCancelled {
            logOut(opened)
        } else {
            await tellLoss(why, consumer)
        }
    }

    private func tellLoss(_ why: RoutingReason, _ consumer: any ICWSConsumer) async {
        log(.warning, .cicSessionLost, why.summary)
        await consumer.lost(failures.held(.connect, why))
    }

    /// Reads messages and keeps the session alive until it is lost, or the task is cancelled.
    private func serve(_ connection: ICWSConnection) async -> RoutingReason {
        let (losses, loss) = AsyncStream.makeStream(of: RoutingReason.self, bufferingPolicy: .bufferingOldest(1))
        self.loss = loss
        defer { self.loss = nil }
        return await withTaskGroup(of: RoutingReason?.self) { group in
            group.addTask { await self.readMessages(connection) }
            group.addTask { await self.keepAlive(connection) }
            group.addTask { await losses.first { _ in true } }
            var why: RoutingReason?
            for await result in group where why == nil {
                why = result
                group.cancelAll()
            }
            return why ?? RoutingReason(.cicUnreachable, "CIC server \(self.settings.name): the session was closed.")
        }
    }

    /// Somebody found that the session has ended. Only news about the session of now count.
    func invalidate(_ generation: Int, _ reason: RoutingReason) {
        guard let connection, connection.generation == generation else { return }
        self.connection = nil
        self.reason = reason
        loss?.yield(reason)
    }

    /// Gives a session up that works, because another host should have it.
    func leave(_ connection: ICWSConnection, _ reason: RoutingReason) {
        guard self.connection?.generation == connection.generation else { return }
        roster.avoid(connection.host)
        invalidate(connection.generation, reason)
        logOut(connection)
    }

    /// Waits until there is a session newer than this one. All who met its end wait for the same reopening.
    func reopened(after generation: Int, within duration: Duration) async -> Bool {
        if let connection, isReady, connection.generation > generation { return true }
        let waiter = Awaited<Void>()
        reopenings.append(waiter)
        defer { reopenings.removeAll { $0 === waiter } }
        return await waiter.wait(duration, on: loop) != nil
    }

    /// Waits until there is a session.
    func isOpen(within duration: Duration) async -> Bool { await reopened(after: 0, within: duration) }

    private func pause(before round: Int) async {
        let isRefused = reason.cause == .cicCredentials
        var delay = isRefused ? limits.refusedRound : limits.firstRound
        if !isRefused {
            for _ in 1..<max(2, min(round, 16)) where delay < limits.longestRound { delay *= 2 }
            delay = min(delay, limits.longestRound)
        }
        // Between half and all of it, so that the workers of a fleet do not come back together.
        let share = Double(random.next() >> 11) / Double(1 << 53)
        await sleep(delay * (0.5 + share / 2))
    }

    /// Ends early by cancellation, which whoever sleeps looks for itself.
    func sleep(_ duration: Duration) async {
        do { try await clock.sleep(for: duration) } catch {
            // Cancelled: there is nothing left to wait for.
        }
    }

    nonisolated func log(_ level: Logger.Level, _ event: CaseRouting.LogEvent, _ summary: String) {
        logger.log(
            level: level, "\(event.rawValue)", metadata: ["cic": "\(settings.name)", "summary": "\(summary)"])
    }
}
