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

    private let address: AMQPAddress
    private let name: String
    private let logger: Logger
    private var connection: AMQPConnection?
    private var opening = false
    private var waiters: [CheckedContinuation<Void, Never>] = []
    private var isClosed = false

    init(address: AMQPAddress, name: String, loop: PollExecutor, logger: Logger) {
        self.address = address
        self.name = name
        self.loop = loop
        self.logger = logger
    }

    /// The open connection; waits for one. Nil after `close` or when the task is cancelled.
    func current() async -> AMQPConnection? {
        while !isClosed && !Task.isCancelled {
            if let connection, await connection.closedReason == nil { return connection }
            await open()
        }
        return nil
    }

    /// The open connection if there is one now.
    func ifOpen() async -> AMQPConnection? {
        guard let connection, await connection.closedReason == nil else { return nil }
        return connection
    }

    /// Takes nothing new, and closes what is open.
    func close() async {
        isClosed = true
        await connection?.close()
        release()
    }

    /// Opens, single flight; returns when there is something to look at again.
    private func open() async {
        if opening {
            await withCheckedContinuation { waiters.append($0) }
            return
        }
        opening = true
        if let reason = await connection?.closedReason {
            logger.warning(.brokerLost, metadata: ["connection": "\(name)", "reason": "\(reason)"])
        }
        connection = nil
        var delay: Duration = .milliseconds(250)
        while !isClosed {
            do throws(AMQPError) {
                let opened = try await AMQPConnection.open(address, on: loop, name: name)
                connection = opened
                logger.info(.brokerRegained, metadata: ["connection": "\(name)"])
                break
            } catch {
                logger.debug(
                    "\(LogEvent.brokerLost.rawValue)", metadata: ["connection": "\(name)", "reason": "\(error)"])
                await sleep(delay)
                delay = min(delay * 2, .seconds(10))
            }
        }
        opening = false
        release()
    }

    private func release() {
        let waiting = waiters
        waiters = []
        for waiter in waiting { waiter.resume() }
    }

    private func sleep(_ duration: Duration) async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            loop.schedule(after: duration * Double.random(in: 0.5...1)) { continuation.resume() }
        }
    }
}
