import AMQP
import CaseRouting

/// The three queues of Case Router: names and arguments. No exchange, binding or policy of our own.
public enum BrokerTopology {
    /// Ingest publishes here, workers take from here, queue tooling moves handles here.
    public static let requests = "caserouter.requests"
    /// A handle for every failed case, for queue tooling.
    public static let failed = "caserouter.failed"
    /// Messages that no worker can use.
    public static let dead = "caserouter.dead"

    /// Bytes of `caserouter.requests`; full means that ingest stops reading Salesforce: about two million requests.
    public static let requestBytes: Int64 = 1 << 30
    /// How long a handle lies in `caserouter.failed` before housekeeping renews it.
    public static let handleTimeToLive: Duration = .seconds(300)

    static let arguments: [(queue: String, arguments: [String: AMQPField])] = [
        // First, because the requests queue dead-letters into it.
        (dead, ["x-queue-type": "quorum"]),
        (
            requests,
            [
                "x-queue-type": "quorum", "x-delivery-limit": 20, "x-dead-letter-exchange": "",
                "x-dead-letter-routing-key": .string(dead), "x-dead-letter-strategy": "at-least-once",
                "x-overflow": "reject-publish", "x-max-length-bytes": .integer(requestBytes),
            ]
        ),
        (failed, ["x-queue-type": "classic", "x-message-ttl": .integer(handleTimeToLive.components.seconds * 1_000)]),
    ]

    /// Declares the three queues, or finds them as they should be.
    ///
    /// - Throws: when a queue exists with other arguments; the broker's text names the argument. Nothing is deleted.
    public static func declare(on connection: AMQPConnection) async throws(RoutingFailure) {
        for (queue, arguments) in arguments {
            do throws(AMQPError) {
                _ = try await connection.declareQueue(queue, arguments: arguments)
            } catch {
                guard case .closedByBroker = error.kind else { throw RoutingFailure(broker: error) }
                throw RoutingFailure(
                    .configuration, at: .broker, cause: .broker,
                    "Queue \(queue) cannot be declared as it has to be: \(error.text)")
            }
        }
    }

    /// Sees that the queues are there; a passive look cannot see their arguments.
    public static func check(on connection: AMQPConnection) async throws(RoutingFailure) {
        for (queue, _) in arguments {
            do throws(AMQPError) {
                _ = try await connection.queueState(queue)
            } catch {
                guard case .closedByBroker(let code) = error.kind else { throw RoutingFailure(broker: error) }
                throw RoutingFailure(
                    .configuration, at: .broker, cause: .broker,
                    code == 404
                        ? "Queue \(queue) is not there. Run: caserouter migrate"
                        : "Queue \(queue) cannot be used: \(error.text)")
            }
        }
    }
}
