import AMQP
import CaseRouting
import Polling
import TestSupport
import Testing

@testable import Broker

/// What a broker of one's own is needed for.
@Suite(.serialized) struct BrokerRestartTests {
    @Test(.timeLimit(.minutes(4)))
    func `a broker that restarts loses no request, and everybody goes on by themselves`() async throws {
        let broker = try await PrivateBroker.start()
        defer { broker.stop() }
        let loop = PollExecutor(name: "test")
        defer { loop.stop() }
        let address = try AMQPAddress(url: broker.url)
        let connection = try await AMQPConnection.open(address, on: loop, name: "test")
        try await BrokerTopology.declare(on: connection)
        let publisher = BrokerPublisher(address: address, name: "publisher", loop: loop, logger: .silent)
        let consumer = BrokerConsumer(
            address: address, name: "consumer", casesInFlight: 1, loop: loop, logger: .silent)
        for name in ["a", "b", "c"] { try await publisher.publish(body(name)) }
        let inHand = try await consumer.next()
        #expect(text(inHand) == "a")

        try await broker.stopNode()
        try await eventually("the loss is noticed") { await !publisher.isReady() }
        try await broker.startNode()

        // In the middle of the start-up the queue may still have no leader: an error, never a false success.
        try await eventually("publishing goes on") {
            await failure { () async throws(RoutingFailure) in try await publisher.publish(body("d")) } == nil
        }
        var seen: Set<String> = []
        while seen.count < 4 {
            let delivery = try await consumer.next()
            if text(delivery) == "a" { #expect(delivery.isRedelivered) }
            seen.insert(text(delivery))
            await consumer.acknowledge(delivery)
        }
        #expect(seen == ["a", "b", "c", "d"])
        #expect(await publisher.isReady())
        #expect(await consumer.isReady())
        await publisher.close()
        await consumer.close()
        await connection.close()
    }
}
