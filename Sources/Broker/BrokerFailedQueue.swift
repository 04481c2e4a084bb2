import AMQP
import CaseRouting
import Logging
import Polling

/// Handles in `caserouter.failed`, and what lies in `caserouter.dead`, for housekeeping.
public actor BrokerFailedQueue: FailedQueue {
    public nonisolated let loop: PollExecutor
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    private let link: BrokerLink
    /// What was taken from `caserouter.dead` over the newest connection and is not settled, by tag, without bodies.
    /// What an earlier connection had taken is back in the queue by itself.
    private var taken: [UInt64: Delivery] = [:]
    private var holder: AMQPConnection?
    private var incarnation: UInt64 = 0

    /// As many as housekeeping keeps in one round, and some on their way.
    private static let mostUnsettled = DeadRound.mostKept + 100

    public init(address: AMQPAddress, name: String, loop: PollExecutor, logger: Logger) {
        self.loop = loop
        var settings = AMQPSettings()
        settings.maximumUnsettledGets = Self.mostUnsettled
        link = BrokerLink(address: address, name: name, loop: loop, logger: logger, settings: settings)
    }

    public func publish(
        _ handle: RetryHandle, cause: FailureCause, failedAt: Timestamp
    ) async throws(RoutingFailure) {
        let body = RequestMessage.encode(handle, cause: cause, failedAt: failedAt)
        try await run { connection throws(AMQPError) in
            try await connection.publish(
                body, to: BrokerTopology.failed,
                properties: AMQPProperties(contentType: "application/cloudevents+json"))
        }
    }

    public func handleCount() async throws(RoutingFailure) -> Int { try await count(BrokerTopology.failed) }

    public func deadCount() async throws(RoutingFailure) -> Int { try await count(BrokerTopology.dead) }

    private func count(_ queue: String) async throws(RoutingFailure) -> Int {
        try await run { connection throws(AMQPError) in try await connection.queueState(queue).messageCount }
    }

    public func takeDead() async throws(RoutingFailure) -> RequestDelivery? {
        let (connection, delivery) = try await run { connection throws(AMQPError) in
            (connection, try await connection.get(BrokerTopology.dead))
        }
        guard let delivery else { return nil }
        if delivery.incarnation != incarnation { taken = [:] }
        (holder, incarnation) = (connection, delivery.incarnation)
        taken[delivery.tag] = delivery.withoutBody
        return RequestDelivery(
            body: delivery.body, length: Int(clamping: delivery.bodySize), isRedelivered: delivery.isRedelivered,
            token: delivery.tag, incarnation: delivery.incarnation)
    }

    public func removeDead(_ delivery: RequestDelivery) async throws(RoutingFailure) {
        try await settle(delivery) { connection, delivery throws(AMQPError) in
            try await connection.acknowledge(delivery)
        }
    }

    public func keepDead(_ delivery: RequestDelivery) async throws(RoutingFailure) {
        try await settle(delivery) { connection, delivery throws(AMQPError) in
            try await connection.reject(delivery, requeue: true)
        }
    }

    public func close() async { await link.close() }

    /// Deliveries in hand, for tests.
    var unsettledCount: Int { taken.count }

    private func run<Value: Sendable>(
        _ body: (AMQPConnection) async throws(AMQPError) -> Value
    ) async throws(RoutingFailure) -> Value {
        guard let connection = await link.current(within: BrokerLink.patience) else { throw .brokerGone }
        do throws(AMQPError) {
            return try await body(connection)
        } catch {
            throw RoutingFailure(broker: error)
        }
    }

    private func settle(
        _ request: RequestDelivery, _ body: (AMQPConnection, Delivery) async throws(AMQPError) -> Void
    ) async throws(RoutingFailure) {
        guard request.incarnation == incarnation, let holder, let delivery = taken.removeValue(forKey: request.token)
        else { throw .brokerGone }
        do throws(AMQPError) {
            try await body(holder, delivery)
        } catch {
            // Its connection is gone, and with it all that it had taken.
            taken = [:]
            throw RoutingFailure(broker: error)
        }
    }
}
