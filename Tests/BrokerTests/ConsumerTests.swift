import AMQP
import CaseRouting
import Polling
import TestSupport
import Testing

@testable import Broker

@Suite struct ConsumerTests {
    @Test func `requests come in order and are gone when acknowledged`() async throws {
        try await VirtualHost.run { host in
            for number in 0..<20 { try await host.connection.publish(body("\(number)"), to: BrokerTopology.requests) }
            let consumer = host.consumer()
            for number in 0..<20 {
                let delivery = try await consumer.next()
                #expect(text(delivery) == "\(number)" && !delivery.isRedelivered)
                await consumer.acknowledge(delivery)
            }
            #expect(await consumer.isReady())
            await consumer.close()
            #expect(try await host.count(BrokerTopology.requests) == 0)
        }
    }

    @Test func `a quarter more than the cases in flight is fetched, and no more`() async throws {
        try await VirtualHost.run { host in
            for number in 0..<20 { try await host.connection.publish(body("\(number)"), to: BrokerTopology.requests) }
            let consumer = host.consumer(casesInFlight: 8)
            let first = try await consumer.next()
            try await eventually("ten are in hand") { try await host.count(BrokerTopology.requests) == 10 }
            await consumer.acknowledge(first)
            try await eventually("the next follows") { try await host.count(BrokerTopology.requests) == 9 }
            await consumer.close()
            try await eventually("the rest goes back") { try await host.count(BrokerTopology.requests) == 19 }
        }
    }

    @Test func `a message that cannot be used lands in the dead queue as it was`() async throws {
        try await VirtualHost.run { host in
            try await host.connection.publish(body("not JSON"), to: BrokerTopology.requests)
            let consumer = host.consumer()
            await consumer.deadLetter(try await consumer.next())
            try await eventually("it is dead") { try await host.count(BrokerTopology.dead) == 1 }
            let dead = try #require(try await host.connection.get(BrokerTopology.dead))
            #expect(dead.body == body("not JSON"))
            await consumer.close()
            #expect(try await host.count(BrokerTopology.requests) == 0)
        }
    }

    @Test func `a message handed out for the twenty-first time and given back lands in the dead queue`() async throws {
        try await VirtualHost.run { host in
            try await host.connection.publish(body("poison"), to: BrokerTopology.requests)
            for _ in 0..<21 {
                let delivery = try #require(try await host.connection.get(BrokerTopology.requests))
                try await host.connection.reject(delivery, requeue: true)
            }
            try await eventually("it is dead") { try await host.count(BrokerTopology.dead) == 1 }
            #expect(try await host.count(BrokerTopology.requests) == 0)
        }
    }

    @Test func `of an oversized message the beginning comes, with the length of the whole`() async throws {
        try await VirtualHost.run { host in
            let large = [UInt8](repeating: 0x61, count: RequestMessage.maximumLength + 1_000)
            try await host.connection.publish(large, to: BrokerTopology.requests)
            try await host.connection.publish(body("neighbour"), to: BrokerTopology.requests)
            let consumer = host.consumer()
            let delivery = try await consumer.next()
            #expect(delivery.body.count == RequestMessage.maximumLength && delivery.length == large.count)
            await consumer.deadLetter(delivery)
            let neighbour = try await consumer.next()
            #expect(text(neighbour) == "neighbour")
            await consumer.acknowledge(neighbour)
            try await eventually("it is dead, whole") { try await host.count(BrokerTopology.dead) == 1 }
            await consumer.close()
        }
    }

    @Test func `what was in hand when the connection broke is delivered again, and settling the old one does nothing`()
        async throws
    {
        try await VirtualHost.run { host in
            let (proxy, address) = try host.proxied()
            defer { proxy.close() }
            for name in ["a", "b"] { try await host.connection.publish(body(name), to: BrokerTopology.requests) }
            let consumer = host.consumer(address)
            let old = try await consumer.next()
            #expect(text(old) == "a")
            let waiting = try await consumer.next()
            proxy.cutAll()
            var again = try await consumer.next()
            #expect(again.isRedelivered && again.incarnation != old.incarnation)
            // The tags are the same on both connections: only the incarnation tells them apart.
            await consumer.acknowledge(old)
            await consumer.deadLetter(waiting)
            var names = [text(again)]
            await consumer.acknowledge(again)
            again = try await consumer.next()
            names.append(text(again))
            #expect(names.sorted() == ["a", "b"] && again.isRedelivered)
            // The second is still ours: it goes back when the connection closes.
            await consumer.close()
            try await eventually("one is left") { try await host.count(BrokerTopology.requests) == 1 }
            #expect(try await host.count(BrokerTopology.dead) == 0)
        }
    }

    @Test func `after stop nothing new comes, and what was delivered can be acknowledged`() async throws {
        try await VirtualHost.run { host in
            for number in 0..<5 { try await host.connection.publish(body("\(number)"), to: BrokerTopology.requests) }
            let consumer = host.consumer()
            let first = try await consumer.next()
            let second = try await consumer.next()
            await consumer.stop()
            await #expect(throws: CancellationError.self) { try await consumer.next() }
            try await eventually("three went back") { try await host.count(BrokerTopology.requests) == 3 }
            await consumer.acknowledge(first)
            await consumer.deadLetter(second)
            try await eventually("one is dead") { try await host.count(BrokerTopology.dead) == 1 }
            await consumer.close()
            #expect(try await host.count(BrokerTopology.requests) == 3)
        }
    }

    @Test(.timeLimit(.minutes(1))) func `whoever waits for a delivery ends with stop and with cancellation`()
        async throws
    {
        try await VirtualHost.run { host in
            let consumer = host.consumer()
            let cancelled = Task { try await consumer.next() }
            try await eventually("it consumes") { await consumer.isReady() }
            cancelled.cancel()
            await #expect(throws: CancellationError.self) { try await cancelled.value }
            // The one that was cancelled took nothing with it.
            async let next = consumer.next()
            try await host.connection.publish(body("x"), to: BrokerTopology.requests)
            await consumer.acknowledge(try await next)
            let stopped = Task { try await consumer.next() }
            await consumer.stop()
            await #expect(throws: CancellationError.self) { try await stopped.value }
            await consumer.close()
            #expect(try await host.count(BrokerTopology.requests) == 0)
        }
    }

    @Test(.timeLimit(.minutes(1)), arguments: [true, false])
    func `stop and cancellation end the waiting also while there is no broker`(stops: Bool) async throws {
        try await VirtualHost.run { host in
            let (proxy, address) = try host.proxied()
            defer { proxy.close() }
            proxy.set(.refuse)
            let consumer = host.consumer(address)
            let waiting = Task { try await consumer.next() }
            try await eventually("it has tried") { proxy.counts.accepted > 0 }
            let start = MonotonicTime.now
            if stops { await consumer.stop() } else { waiting.cancel() }
            await #expect(throws: CancellationError.self) { try await waiting.value }
            #expect(MonotonicTime.now - start < .seconds(1))
            if !stops {
                // Others are not harmed by the one that gave up.
                proxy.set(.none)
                try await host.connection.publish(body("x"), to: BrokerTopology.requests)
                await consumer.acknowledge(try await consumer.next())
            }
            await consumer.close()
        }
    }

    @Test func `a queue that is deleted and declared again is consumed again`() async throws {
        try await VirtualHost.run { host in
            let consumer = host.consumer()
            async let next = consumer.next()
            try await eventually("it consumes") { await consumer.isReady() }
            try await host.connection.deleteQueue(BrokerTopology.requests)
            // RabbitMQ 3.10 gets confused by less than this: it hands what is published to the consumer of the deleted
            // queue, and delivers it to nobody until that connection ends.
            try await eventually("it notices") { await !consumer.isReady() }
            try await BrokerTopology.declare(on: host.connection)
            try await host.connection.publish(body("x"), to: BrokerTopology.requests)
            let delivery = try await next
            #expect(text(delivery) == "x")
            await consumer.acknowledge(delivery)
            await consumer.close()
        }
    }
}
