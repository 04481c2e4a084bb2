import AMQP
import CaseRouting
import Logging
import Polling

/// Takes requests from `caserouter.requests`, over one connection after the other.
///
/// More is prefetched than cases are in flight, so that one stuck delivery at the head does not keep the rest of the
/// worker idle.
public actor BrokerConsumer: RequestQueue {
    public nonisolated let loop: PollExecutor
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private let link: BrokerLink
    private let prefetch: UInt16
    private let logger: Logger
    private var deliveries: Deliveries?
    private var connection: AMQPConnection?
    /// What is in hand, by tag and incarnation: the driver's own value is needed to settle it.
    private var inHand: [Hand: Delivery] = [:]
    private var isStopped = false
    /// Whether it has been logged that the queue cannot be consumed.
    private var isComplaining = false

    private struct Hand: Hashable {
        let tag: UInt64
        let incarnation: UInt64
    }

    /// - Parameter casesInFlight: of the worker; a quarter more is prefetched.
    public init(address: AMQPAddress, name: String, casesInFlight: Int, loop: PollExecutor, logger: Logger) {
        self.loop = loop
        self.logger = logger
        prefetch = UInt16(clamping: casesInFlight + casesInFlight / 4)
        link = BrokerLink(address: address, name: name, loop: loop, logger: logger)
    }

    public func next() async throws(CancellationError) -> RequestDelivery {
        while !isStopped && !Task.isCancelled {
            guard let deliveries = await consuming() else { break }
            do throws(AMQPError) {
                var iterator = deliveries.makeAsyncIterator()
                if let delivery = try await iterator.next(isolation: self) { return take(delivery) }
                // Stopped, or cancelled.
                break
            } catch {
                await ended(error)
            }
        }
        throw CancellationError()
    }

    public func acknowledge(_ delivery: RequestDelivery) async {
        await settle(delivery) { connection, delivery throws(AMQPError) in try await connection.acknowledge(delivery) }
    }

    public func deadLetter(_ delivery: RequestDelivery) async {
        await settle(delivery) { connection, delivery throws(AMQPError) in
            try await connection.reject(delivery, requeue: false)
        }
    }

    public func stop() async {
        isStopped = true
        // What is in hand can only be settled on the connection that is open now.
        await link.openNoMore()
        await deliveries?.stop()
    }

    /// Closes the connection; what is in hand goes back to the broker.
    public func close() async {
        await stop()
        await link.close()
    }

    /// Whether deliveries can arrive now.
    public func isReady() async -> Bool {
        guard deliveries != nil else { return false }
        return await link.ifOpen() != nil
    }

    public func meter() async -> BrokerMeter { await link.meter() }

    private func consuming() async -> Deliveries? {
        if let deliveries { return deliveries }
        while !isStopped, let open = await link.current() {
            do throws(AMQPError) {
                let started = try await open.consume(
                    BrokerTopology.requests, prefetch: prefetch, maximumBody: RequestMessage.maximumLength)
                // Stopped or started by another caller meanwhile: this one is surplus.
                if isStopped || deliveries != nil {
                    await started.stop()
                    return deliveries
                }
                (deliveries, connection, isComplaining) = (started, open, false)
                return started
            } catch {
                await complain(error, open)
                if await !pause(.seconds(1)) { return nil }
            }
        }
        return nil
    }

    /// The consumer has ended, with its connection or by itself.
    private func ended(_ error: AMQPError) async {
        let open = connection
        deliveries = nil
        connection = nil
        inHand = [:]
        if let open { await complain(error, open) }
        // The queue was deleted, and who deletes one needs a moment to declare it anew.
        if error.kind == .consumerCancelled { _ = await pause(.seconds(1)) }
    }

    /// The queue may be missing or its leader moving: said once. A connection that broke has been logged by the link.
    private func complain(_ error: AMQPError, _ open: AMQPConnection) async {
        guard !isComplaining, await open.closedReason == nil else { return }
        isComplaining = true
        logger.warning(.brokerLost, metadata: ["reason": "\(error)"])
    }

    /// Returns whether it was not cut short by cancellation.
    private func pause(_ duration: Duration) async -> Bool {
        do {
            try await Task.sleep(for: duration)
            return true
        } catch {
            return false
        }
    }

    private func take(_ delivery: Delivery) -> RequestDelivery {
        inHand[Hand(tag: delivery.tag, incarnation: delivery.incarnation)] = delivery
        return RequestDelivery(
            body: delivery.body, length: Int(clamping: delivery.bodySize), isRedelivered: delivery.isRedelivered,
            token: delivery.tag, incarnation: delivery.incarnation)
    }

    private func settle(
        _ request: RequestDelivery, _ body: (AMQPConnection, Delivery) async throws(AMQPError) -> Void
    ) async {
        guard let delivery = inHand.removeValue(forKey: Hand(tag: request.token, incarnation: request.incarnation)),
            let connection, delivery.incarnation == deliveries?.incarnation
        else { return }
        do throws(AMQPError) {
            try await body(connection, delivery)
        } catch {
            // Its connection is gone: the broker delivers it again.
        }
    }
}
