import AMQP
import Polling
import TestSupport
import Testing

@Suite struct ConsumerTests {
    private func publish(_ count: Int, _ connection: AMQPConnection, _ queue: String) async throws {
        _ = try await connection.declareQueue(queue)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<count {
                group.addTask { try await connection.publish(Array("\(number)".utf8), to: queue) }
            }
            try await group.waitForAll()
        }
    }

    @Test func `a stuck delivery holds nobody up, and is alone in the queue at the end`() async throws {
        try await withConnection { connection, queue in
            try await publish(500, connection, queue)
            let deliveries = try await connection.consume(queue, prefetch: 10)
            var iterator = deliveries.makeAsyncIterator()
            let stuck = try #require(try await iterator.next())
            for _ in 1..<500 { try await connection.acknowledge(try #require(try await iterator.next())) }
            await deliveries.stop()
            #expect(try await iterator.next() == nil)
            // Settling the last one ends the consumer's channel; nothing comes back but what is rejected.
            try await connection.reject(stuck, requeue: true)
            try await eventually("one message is ready") { try await connection.queueState(queue).messageCount == 1 }
            let again = try #require(try await connection.get(queue))
            #expect(again.body == stuck.body)
        }
    }

    @Test func `stragglers are acknowledged after a tenth of a second`() async throws {
        try await withConnection { connection, queue in
            try await publish(3, connection, queue)
            let deliveries = try await connection.consume(queue, prefetch: 100)
            var iterator = deliveries.makeAsyncIterator()
            _ = try await iterator.next()
            for _ in 0..<2 { try await connection.acknowledge(try #require(try await iterator.next())) }
            try await Task.sleep(for: .milliseconds(300))
            // Cutting the connection returns what the broker holds as unsettled: the first only.
            let loop = PollExecutor(name: "second")
            defer { loop.stop() }
            let second = try await AMQPConnection.open(SharedBroker.address(), on: loop, name: "second")
            await connection.close()
            try await eventually("one message is ready") { try await second.queueState(queue).messageCount == 1 }
            try await second.deleteQueue(queue)
            await second.close()
        }
    }

    @Test func `what was acknowledged stays so when the connection is closed at once, also behind one in hand`()
        async throws
    {
        try await withConnection { connection, queue in
            try await publish(3, connection, queue)
            let kept = try #require(try await connection.get(queue))
            for _ in 0..<2 { try await connection.acknowledge(try #require(try await connection.get(queue))) }
            await connection.close()
            let loop = PollExecutor(name: "second")
            defer { loop.stop() }
            let second = try await AMQPConnection.open(SharedBroker.address(), on: loop, name: "second")
            try await eventually("one message is ready") { try await second.queueState(queue).messageCount == 1 }
            #expect(try await second.get(queue)?.body == kept.body)
            try await second.deleteQueue(queue)
            await second.close()
        }
    }

    @Test func `acknowledging a delivery of an earlier incarnation throws and leaves the channel open`() async throws {
        try await withConnection { connection, queue in
            try await publish(2, connection, queue)
            let first = try await connection.consume(queue, prefetch: 1)
            var iterator = first.makeAsyncIterator()
            let old = try #require(try await iterator.next())
            // The connection is lost with the delivery in hand, and another takes its place.
            let loop = PollExecutor(name: "second")
            defer { loop.stop() }
            let second = try await AMQPConnection.open(SharedBroker.address(), on: loop, name: "second")
            await connection.close()
            let deliveries = try await second.consume(queue, prefetch: 10)
            var again = deliveries.makeAsyncIterator()
            let new = try #require(try await again.next())
            #expect(new.tag == old.tag)  // Equal numbers: the broker could not tell them apart.
            for connection in [connection, second] {
                let errors = [
                    await failure { () async throws(AMQPError) in try await connection.acknowledge(old) },
                    await failure { () async throws(AMQPError) in try await connection.reject(old) },
                ]
                #expect(errors.map(\.?.kind) == [.staleDelivery, .staleDelivery])
            }
            try await second.acknowledge(new)
            let twice = await failure { () async throws(AMQPError) in try await second.acknowledge(new) }
            #expect(twice?.kind == .staleDelivery)
            try await second.acknowledge(try #require(try await again.next()))
            await deliveries.stop()
            #expect(try await second.deleteQueue(queue) == 0)
            await second.close()
        }
    }

    @Test func `the same holds for two consumers of one connection`() async throws {
        try await withConnection { connection, queue in
            try await publish(2, connection, queue)
            let first = try await connection.consume(queue, prefetch: 1)
            var iterator = first.makeAsyncIterator()
            let old = try #require(try await iterator.next())
            try await connection.acknowledge(old)
            await first.stop()
            #expect(try await iterator.next() == nil)
            let second = try await connection.consume(queue, prefetch: 1)
            #expect(second.incarnation != first.incarnation)
            var again = second.makeAsyncIterator()
            let new = try #require(try await again.next())
            let error = await failure { () async throws(AMQPError) in try await connection.acknowledge(old) }
            #expect(error?.kind == .staleDelivery)
            try await connection.acknowledge(new)
        }
    }

    @Test func `deleting the queue ends its consumer with an error`() async throws {
        try await withConnection { connection, queue in
            try await publish(1, connection, queue)
            let deliveries = try await connection.consume(queue, prefetch: 10)
            var iterator = deliveries.makeAsyncIterator()
            let delivery = try #require(try await iterator.next())
            async let next = failure { () async throws(AMQPError) in
                var iterator = deliveries.makeAsyncIterator()
                return try await iterator.next()
            }
            try await connection.deleteQueue(queue)
            #expect(await next?.kind == .consumerCancelled)
            // Its message is gone, but the channel is not, until this was the last.
            try await connection.acknowledge(delivery)
            for _ in 0..<2 {
                let again = await failure { () async throws(AMQPError) in
                    var iterator = deliveries.makeAsyncIterator()
                    _ = try await iterator.next()
                }
                #expect(again?.kind == .consumerCancelled)
                _ = try await connection.deleteQueue(queue)
            }
            #expect(await connection.closedReason == nil)
        }
    }

    @Test func `a body beyond the limit comes as its first bytes and can be dead-lettered`() async throws {
        try await withConnection { connection, queue in
            _ = try await connection.declareQueue(queue + ".dead", isDurable: false, deletesWhenUnused: true)
            _ = try await connection.declareQueue(
                queue, arguments: ["x-dead-letter-exchange": "", "x-dead-letter-routing-key": .string(queue + ".dead")])
            let large = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 / 1_000) }
            try await connection.publish(large, to: queue)
            try await connection.publish([7], to: queue)
            try await connection.publish([], to: queue)
            let deliveries = try await connection.consume(queue, prefetch: 10, maximumBody: 2_000)
            var iterator = deliveries.makeAsyncIterator()
            let first = try #require(try await iterator.next())
            #expect(first.isOversized && first.bodySize == 1_000_000)
            #expect(first.body == Array(large.prefix(2_000)))
            try await connection.reject(first)
            let second = try #require(try await iterator.next())
            let third = try #require(try await iterator.next())
            #expect(second.body == [7] && !second.isOversized)
            #expect(third.body == [] && !third.isOversized)
            let whole = try await connection.consume(queue + ".dead", prefetch: 1, maximumBody: 1_000_000)
            var dead = whole.makeAsyncIterator()
            #expect(try await dead.next()?.body == large)
        }
    }

    @Test func `no more than the prefetch is handed out`() async throws {
        try await withConnection { connection, queue in
            try await publish(20, connection, queue)
            let deliveries = try await connection.consume(queue, prefetch: 5)
            try await eventually("five are taken") { try await connection.queueState(queue).messageCount == 15 }
            await deliveries.stop()
            try await eventually("all are given back") { try await connection.queueState(queue).messageCount == 20 }
        }
    }

    @Test func `a cancelled consumer ends at once and takes nothing with it`() async throws {
        try await withConnection { connection, queue in
            _ = try await connection.declareQueue(queue)
            let deliveries = try await connection.consume(queue, prefetch: 5)
            let task = Task {
                var count = 0
                for try await _ in deliveries { count += 1 }
                return count
            }
            try await Task.sleep(for: .milliseconds(50))
            task.cancel()
            #expect(try await task.value == 0)
            try await connection.publish([1], to: queue)
            var iterator = deliveries.makeAsyncIterator()
            #expect(try await iterator.next()?.body == [1])
        }
    }

    @Test func `a cancelled publish returns at once, is delivered all the same, and its slot is freed by the confirm`()
        async throws
    {
        var settings = AMQPSettings()
        settings.maximumOutstandingPublishes = 4
        try await withConnection(settings: settings) { connection, queue in
            _ = try await connection.declareQueue(queue)
            for number in UInt8(0)..<20 {
                let task = Task {
                    await failure { () async throws(AMQPError) in try await connection.publish([number], to: queue) }
                }
                if number % 2 == 0 { task.cancel() }
                let error = await task.value
                #expect(error == nil || error?.kind == .cancelled || error?.kind == .overloaded)
                if number % 2 == 1 { #expect(error == nil) }
            }
        }
    }
}

/// Publishes many messages at once, on the connection's loop.
actor Burst {
    nonisolated let loop: PollExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    let connection: AMQPConnection

    init(_ connection: AMQPConnection) {
        self.connection = connection
        loop = connection.executor
    }

    func publish(_ count: Int, size: Int = 1, to queue: String) async -> [AMQPError?] {
        let body = [UInt8](repeating: 1, count: size)
        return await withTaskGroup(of: AMQPError?.self) { group in
            for _ in 0..<count {
                group.addTask(executorPreference: loop) { [connection] in
                    await failure { () async throws(AMQPError) in try await connection.publish(body, to: queue) }
                }
            }
            var errors: [AMQPError?] = []
            for await error in group { errors.append(error) }
            return errors
        }
    }
}
