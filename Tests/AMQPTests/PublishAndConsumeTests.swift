import AMQP
import Polling
import TestSupport
import Testing

@Suite struct PublishAndConsumeTests {
    @Test func `a published message is delivered with its properties and gone once acknowledged`() async throws {
        try await withConnection { connection, queue in
            _ = try await connection.declareQueue(queue)
            try await connection.publish(
                Array("hello".utf8), to: queue,
                properties: AMQPProperties(contentType: "application/json", messageID: "o:1", type: "kind"))
            let deliveries = try await connection.consume(queue, prefetch: 10)
            var iterator = deliveries.makeAsyncIterator()
            let delivery = try #require(try await iterator.next())
            #expect(delivery.body == Array("hello".utf8))
            #expect(!delivery.isOversized && !delivery.isRedelivered)
            #expect(
                delivery.properties == AMQPProperties(contentType: "application/json", messageID: "o:1", type: "kind"))
            try await connection.acknowledge(delivery)
            await deliveries.stop()
            #expect(try await iterator.next() == nil)
            try await eventually("the acknowledgement arrives") {
                try await connection.queueState(queue).consumerCount == 0
            }
            #expect(try await connection.queueState(queue).messageCount == 0)
        }
    }

    @Test func `ten thousand outstanding publishes are all confirmed`() async throws {
        try await withConnection { connection, queue in
            _ = try await connection.declareQueue(queue, arguments: ["x-queue-type": "quorum"])
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<10_000 {
                    group.addTask { try await connection.publish(Array("\(number)".utf8), to: queue) }
                }
                try await group.waitForAll()
            }
            #expect(try await connection.queueState(queue).messageCount == 10_000)
        }
    }

    @Test(.timeLimit(.minutes(4)))
    func `a queue that is deleted under outstanding publishes does not stop those that come after`() async throws {
        let broker = try await PrivateBroker.start()
        defer { broker.stop() }
        var settings = AMQPSettings()
        settings.publishDeadline = .seconds(2)
        try await withConnection(AMQPAddress(url: broker.url), settings: settings) { connection, queue in
            _ = try await connection.declareQueue(queue)
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<3_000 {
                    group.addTask {
                        // Whether it arrived does not matter here; that it is answered does.
                        _ = await failure { () async throws(AMQPError) in
                            try await connection.publish([UInt8(number % 256)], to: queue)
                        }
                    }
                }
                group.addTask {
                    _ = await failure { () async throws(AMQPError) in try await connection.deleteQueue(queue) }
                }
            }
            _ = try await connection.declareQueue(queue)
            try await eventually("messages are confirmed again") {
                await failure { () async throws(AMQPError) in try await connection.publish([1], to: queue) } == nil
            }
        }
    }

    @Test func `a message that no queue takes is an error and its neighbours are confirmed`() async throws {
        try await withConnection { connection, queue in
            _ = try await connection.declareQueue(queue)
            async let before: Void = connection.publish([1], to: queue)
            async let lost = failure { () async throws(AMQPError) in
                try await connection.publish([2], to: queue + ".absent")
            }
            async let after: Void = connection.publish([3], to: queue)
            try await before
            try await after
            let error = await lost
            #expect(error?.kind == .unroutable)
            #expect(error?.text == "312 NO_ROUTE")
            #expect(error?.operation == "publish to \(queue).absent")
        }
    }
}
