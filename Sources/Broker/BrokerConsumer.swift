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
                logger.warning(.brokerLost, metadata: ["reason": "\(error)"])
                forget()
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

    private func consuming() async -> Deliveries? {
        if let deliveries { return deliveries }
        while !isStopped, let open = await link.current() {
            do throws(AMQPError) {
                let started = try await open.consume(
                    BrokerTopology.requests, prefetch: prefetch, maximumBody: RequestMessage.maximumLength)
                (deliveries, connection) = (started, open)
                return started
            } catch {
                // The queue may be missing or its leader moving.
                logger.warning(.brokerLost, metadata: ["reason": "\(error)"])
                await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                    loop.schedule(after: .seconds(1)) { continuation.resume() }
                }
            }
        }
        return nil
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

    private func forget() {
        deliveries = nil
        connection = nil
        inHand = [:]
    }
}
