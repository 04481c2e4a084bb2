import AMQP
import CaseRouting
import Logging
import Polling

/// Handles in `caserouter.failed`, and what lies in `caserouter.dead`, for housekeeping.
public actor BrokerFailedQueue: FailedQueue {
    public nonisolated let loop: PollExecutor
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    private let link: BrokerLink
    private var taken: [Hand: (connection: AMQPConnection, delivery: Delivery)] = [:]

    private struct Hand: Hashable {
        let tag: UInt64
        let incarnation: UInt64
    }

    public init(address: AMQPAddress, name: String, loop: PollExecutor, logger: Logger) {
        self.loop = loop
        link = BrokerLink(address: address, name: name, loop: loop, logger: logger)
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

    public func handleCount() async throws(RoutingFailure) -> Int {
        try await run { connection throws(AMQPError) in
            try await connection.queueState(BrokerTopology.failed).messageCount
        }
    }

    public func takeDead() async throws(RoutingFailure) -> RequestDelivery? {
        guard let connection = await link.current(within: BrokerLink.patience) else { throw .brokerGone }
        do throws(AMQPError) {
            guard let delivery = try await connection.get(BrokerTopology.dead) else { return nil }
            taken[Hand(tag: delivery.tag, incarnation: delivery.incarnation)] = (connection, delivery)
            return RequestDelivery(
                body: delivery.body, length: Int(clamping: delivery.bodySize), isRedelivered: delivery.isRedelivered,
                token: delivery.tag, incarnation: delivery.incarnation)
        } catch {
            throw RoutingFailure(broker: error)
        }
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
        guard let held = taken.removeValue(forKey: Hand(tag: request.token, incarnation: request.incarnation)) else {
            return
        }
        do throws(AMQPError) {
            try await body(held.connection, held.delivery)
        } catch {
            throw RoutingFailure(broker: error)
        }
    }
}
