import AMQP
import CaseRouting
import Polling
import TestSupport
import Testing

@testable import Broker

@Suite struct PublisherTests {
    @Test func `a request that is confirmed is in the queue, persistent and typed`() async throws {
        try await VirtualHost.run { host in
            let publisher = host.publisher()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<200 { group.addTask { try await publisher.publish(body("\(number)")) } }
                try await group.waitForAll()
            }
            #expect(try await host.count(BrokerTopology.requests) == 200)
            let delivery = try #require(try await host.connection.get(BrokerTopology.requests))
            #expect(delivery.properties.contentType == "application/cloudevents+json")
            #expect(delivery.properties.deliveryMode == .persistent)
            #expect(await publisher.isReady())
            await publisher.close()
            #expect(await !publisher.isReady())
        }
    }

    @Test func `a request that reaches no queue is an error`() async throws {
        try await VirtualHost.run { host in
            let publisher = host.publisher()
            try await host.connection.deleteQueue(BrokerTopology.requests)
            let failure = await failure { () async throws(RoutingFailure) in try await publisher.publish(body("x")) }
            #expect(failure?.kind == .own && failure?.cause == .broker)
            #expect(failure?.summary.contains("unroutable") == true)
            await publisher.close()
        }
    }

    @Test func `a full queue refuses, and what it confirmed before is there`() async throws {
        try await VirtualHost.run { host in
            try await host.limit(BrokerTopology.requests, "max-length", 10)
            let publisher = host.publisher()
            var confirmed = 0
            var refusal: RoutingFailure?
            // The policy takes a moment, and a quorum queue lets some more in before it closes.
            for number in 0..<2_000 where refusal == nil {
                refusal = await failure { () async throws(RoutingFailure) in
                    try await publisher.publish(body("\(number)"))
                }
                if refusal == nil { confirmed += 1 }
            }
            #expect(refusal?.kind == .own)
            #expect(refusal?.summary.contains("nacked") == true)
            try await eventually("what was confirmed is there") {
                try await host.count(BrokerTopology.requests) >= confirmed
            }
            // Room again: the same publisher goes on.
            try await host.connection.purgeQueue(BrokerTopology.requests)
            try await eventually("there is room again") {
                await failure { () async throws(RoutingFailure) in try await publisher.publish(body("again")) } == nil
            }
            await publisher.close()
        }
    }

    @Test func `a publish whose connection breaks is an error, and the next goes over a new connection`() async throws {
        try await VirtualHost.run { host in
            let (proxy, address) = try host.proxied()
            defer { proxy.close() }
            let publisher = host.publisher(address)
            try await publisher.publish(body("one"))
            proxy.set(.stall)
            async let second = failure { () async throws(RoutingFailure) in try await publisher.publish(body("two")) }
            try await Task.sleep(for: .milliseconds(100))
            proxy.cutAll()
            #expect(await second?.kind == .own)
            proxy.set(.none)
            try await publisher.publish(body("three"))
            #expect(try await host.count(BrokerTopology.requests) >= 2)
            await publisher.close()
        }
    }

    @Test(.timeLimit(.minutes(1))) func `without a broker a publish fails in time, and one cancelled fails at once`()
        async throws
    {
        try await VirtualHost.run { host in
            var address = host.address
            address.hosts = [AMQPAddress.Host(name: "127.0.0.1", port: try #require(try freePorts(1).first))]
            let publisher = host.publisher(address)
            let start = MonotonicTime.now
            // Whoever asks first does the opening no harm by giving up.
            let cancelled = Task {
                let error = await failure { () async throws(RoutingFailure) in
                    try await publisher.publish(body("x"))
                }
                return (error, MonotonicTime.now - start)
            }
            try await Task.sleep(for: .milliseconds(50))
            cancelled.cancel()
            let (error, after) = await cancelled.value
            #expect(error?.kind == .own && after < .seconds(5))
            let late = await failure { () async throws(RoutingFailure) in try await publisher.publish(body("x")) }
            let waited = MonotonicTime.now - start
            #expect(late?.kind == .own && waited > .seconds(9) && waited < .seconds(15))
            await publisher.close()
            let closed = await failure { () async throws(RoutingFailure) in try await publisher.publish(body("x")) }
            #expect(closed?.kind == .own)
        }
    }
}
