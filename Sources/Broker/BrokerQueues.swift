import AMQP
import CaseRouting

/// The three queues as people look at them, and the one thing that people move.
public enum BrokerQueues {
    public struct Figures: Equatable, Sendable {
        public let name: String
        /// Messages that wait; those that a consumer has in hand are not counted.
        public let messages: Int
        public let consumers: Int
    }

    public static let purposes = [
        BrokerTopology.requests: "changes for routing workers, and handles that are to be retried",
        BrokerTopology.failed: "a handle for every failed case; one that is no longer needed goes within 5 minutes",
        BrokerTopology.dead: "what no worker can read; why is in caserouter.undecodable",
    ]

    public static func figures(on connection: AMQPConnection) async throws(RoutingFailure) -> [Figures] {
        var all: [Figures] = []
        for queue in [BrokerTopology.requests, BrokerTopology.failed, BrokerTopology.dead] {
            let state = try await looking(at: queue) { () throws(AMQPError) in
                try await connection.queueState(queue)
            }
            all.append(Figures(name: queue, messages: state.messageCount, consumers: state.consumerCount))
        }
        return all
    }

    /// Moves handles from `caserouter.failed` to `caserouter.requests`, at most as many as lie there now, because
    /// housekeeping renews those that are still failed. Each is removed when its copy is confirmed, so that a broken
    /// connection leaves it twice rather than not at all: a second one does nothing.
    ///
    /// - Returns: how many were moved, and how many of these are no handles.
    public static func moveFailed(
        limit: Int?, on connection: AMQPConnection
    ) async throws(RoutingFailure) -> (moved: Int, strangers: Int) {
        let there = try await looking(at: BrokerTopology.failed) { () throws(AMQPError) in
            try await connection.queueState(BrokerTopology.failed).messageCount
        }
        var (moved, strangers) = (0, 0)
        do throws(AMQPError) {
            while moved < min(limit ?? there, there), let delivery = try await connection.get(BrokerTopology.failed) {
                if !isHandle(delivery.body) { strangers += 1 }
                try await connection.publish(
                    delivery.body, to: BrokerTopology.requests,
                    properties: AMQPProperties(contentType: "application/cloudevents+json"))
                try await connection.acknowledge(delivery)
                moved += 1
            }
        } catch {
            throw failure(error)
        }
        return (moved, strangers)
    }

    private static func isHandle(_ body: [UInt8]) -> Bool {
        do throws(UnreadableMessage) {
            if case .retry = try RequestMessage(body) { return true }
            return false
        } catch {
            return false
        }
    }

    private static func looking<Value: Sendable>(
        at queue: String, _ body: () async throws(AMQPError) -> Value
    ) async throws(RoutingFailure) -> Value {
        do throws(AMQPError) {
            return try await body()
        } catch {
            guard case .closedByBroker(404) = error.kind else { throw failure(error) }
            throw RoutingFailure(
                .configuration, at: .broker, cause: .broker, "Queue \(queue) is not there. Run: caserouter migrate")
        }
    }

    /// A right that is missing is for a person to grant; the broker says which.
    private static func failure(_ error: AMQPError) -> RoutingFailure {
        guard case .closedByBroker(403) = error.kind else { return RoutingFailure(broker: error) }
        return RoutingFailure(
            .configuration, at: .broker, cause: .broker,
            "\(error.text): this user of the broker needs the rights to read and write the queues caserouter.*")
    }
}
