import AMQP
import CaseRouting
import Logging
import Polling

/// One connection to the broker, one after the other: whenever it breaks the next is opened, with back-off, for ever.
///
/// One per direction, so that a broker that blocks publishers does not hold up consumers.
actor BrokerLink {
    nonisolated let loop: PollExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// How long a caller with a deadline of its own waits for a connection; with the driver's 10 s for the answer no
    /// call of ours takes longer than twice that.
    static let patience: Duration = .seconds(10)

    private let address: AMQPAddress
    private let name: String
    private let settings: AMQPSettings
    private let logger: Logger
    private var connection: AMQPConnection?
    private var opening: Task<Void, Never>?
    private var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
    private var nextWaiter: UInt64 = 0
    private var opensNoMore = false
    /// Connections opened since it was made.
    private(set) var openings: UInt64 = 0

    init(
        address: AMQPAddress, name: String, loop: PollExecutor, logger: Logger, settings: AMQPSettings = AMQPSettings()
    ) {
        self.address = address
        self.name = name
        self.settings = settings
        self.loop = loop
        self.logger = logger
    }

    /// The open connection; waits for one, at most `limit` if there is one. Nil after that, after `openNoMore` or
    /// `close`, and when the task is cancelled.
    func current(within limit: Duration? = nil) async -> AMQPConnection? {
        let deadline = limit.map { MonotonicTime.now + $0 }
        while true {
            if let open = await ifOpen() { return open }
            if opensNoMore || Task.isCancelled { return nil }
            if let deadline, deadline <= .now { return nil }
            open()
            await waitForChange(until: deadline)
        }
    }

    /// The open connection if there is one now.
    func ifOpen() async -> AMQPConnection? {
        guard let connection, await connection.closedReason == nil else { return nil }
        return connection
    }

    /// How the connections fared until now.
    func meter() async -> BrokerMeter {
        let open = await ifOpen()
        return BrokerMeter(
            isUp: open != nil, isBlocked: await open?.isBlocked ?? false, openings: openings,
            unconfirmed: await open?.outstandingPublishes ?? 0)
    }

    /// Opens nothing from now on; what is open stays open. Nobody waits any more.
    func openNoMore() {
        opensNoMore = true
        opening?.cancel()
        release()
    }

    /// Takes nothing new, and closes what is open.
    func close() async {
        openNoMore()
        await opening?.value
        await connection?.close()
    }

    // MARK: Opening

    /// In a task of its own, because whoever asks first may be cancelled while others still wait.
    private func open() {
        guard opening == nil else { return }
        opening = Task { await self.openUntilOpen() }
    }

    private func openUntilOpen() async {
        await openNext()
        opening = nil
        release()
    }

    private func openNext() async {
        connection = nil
        var delay: Duration = .milliseconds(250)
        while !opensNoMore {
            do throws(AMQPError) {
                let opened = try await AMQPConnection.open(
                    address, on: loop, name: name, settings: settings)
                guard !opensNoMore else { return await opened.close() }
                connection = opened
                openings += 1
                logger.info(.brokerRegained, metadata: ["connection": "\(name)"])
                // Ends with the connection.
                Task { [logger, name] in await Self.report(opened.events, logger, name) }
                return
            } catch {
                logger.debug(
                    "\(LogEvent.brokerLost.rawValue)", metadata: ["connection": "\(name)", "reason": "\(error)"])
                // Ends early with `openNoMore`, which cancels this task.
                await waitForChange(until: .now + delay * Double.random(in: 0.5...1))
                delay = min(delay * 2, Self.longestPause)
            }
        }
    }

    /// After an outage of any length cases are to flow again within ten seconds.
    private static let longestPause: Duration = .seconds(4)

    private static func report(_ events: AsyncStream<AMQPConnection.Event>, _ logger: Logger, _ name: String) async {
        for await event in events {
            switch event {
            case .blocked(let reason):
                logger.warning(.brokerBlocked, metadata: ["connection": "\(name)", "reason": "\(reason)"])
            case .unblocked: logger.info(.brokerUnblocked, metadata: ["connection": "\(name)"])
            case .closed(let reason) where reason.kind == .closed: break
            case .closed(let reason):
                logger.warning(.brokerLost, metadata: ["connection": "\(name)", "reason": "\(reason)"])
            }
        }
    }

    // MARK: Waiting

    /// Until there is something to look at again, the deadline has passed or the task is cancelled.
    private func waitForChange(until deadline: MonotonicTime?) async {
        let id = nextWaiter
        nextWaiter += 1
        let timer = deadline.map { deadline in
            loop.schedule(after: deadline - .now) { [weak self] in self?.assumeIsolated { $0.wake(id) } }
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { park($0, as: id) }
        } onCancel: {
            // The handler runs on any thread; only a task gets from there to the loop.
            Task { await self.wake(id) }
        }
        timer?.cancel()
    }

    private func park(_ continuation: CheckedContinuation<Void, Never>, as id: UInt64) {
        // What it would wait for may have happened on the way here.
        let isOver = opensNoMore || opening == nil || Task.isCancelled
        if isOver { continuation.resume() } else { waiters[id] = continuation }
    }

    private func wake(_ id: UInt64) { waiters.removeValue(forKey: id)?.resume() }

    private func release() {
        let waiting = waiters
        waiters = [:]
        for waiter in waiting.values { waiter.resume() }
    }
}

/// One connection to the broker as metrics show it.
public struct BrokerMeter: Equatable, Sendable {
    public let isUp: Bool
    /// The broker takes no messages now.
    public let isBlocked: Bool
    /// Connections opened, the first included.
    public let openings: UInt64
    /// Published and not confirmed.
    public let unconfirmed: Int
}
