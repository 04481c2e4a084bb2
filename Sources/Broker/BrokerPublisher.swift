import AMQP
import CaseRouting
import Logging
import Polling

/// Publishes requests: persistent, mandatory, confirmed.
public actor BrokerPublisher: RequestPublisher {
    public nonisolated let loop: PollExecutor
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    private let link: BrokerLink

    public init(address: AMQPAddress, name: String, loop: PollExecutor, logger: Logger) {
        self.loop = loop
        link = BrokerLink(address: address, name: name, loop: loop, logger: logger)
    }

    public func publish(_ body: [UInt8]) async throws(RoutingFailure) {
        guard let connection = await link.current(within: BrokerLink.patience) else { throw .brokerGone }
        do throws(AMQPError) {
            try await connection.publish(body, to: BrokerTopology.requests, properties: Self.properties)
        } catch {
            throw RoutingFailure(broker: error)
        }
    }

    /// Sees that the queues are there, once the broker is; waits for it.
    public func check() async throws(RoutingFailure) {
        guard let connection = await link.current() else { throw .brokerGone }
        try await BrokerTopology.check(on: connection)
    }

    /// Whether the broker is there and takes messages.
    public func isReady() async -> Bool {
        guard let connection = await link.ifOpen() else { return false }
        return await !connection.isBlocked
    }

    public func meter() async -> BrokerMeter { await link.meter() }

    public func close() async { await link.close() }

    private static let properties = AMQPProperties(contentType: "application/cloudevents+json")
}
