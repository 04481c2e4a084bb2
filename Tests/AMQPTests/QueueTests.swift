import AMQP
import Polling
import TestSupport
import Testing

@Suite struct QueueTests {
    @Test func `declaring again with other arguments names the argument and breaks nothing`() async throws {
        try await withConnection { connection, queue in
            let arguments: [String: AMQPField] = [
                "x-queue-type": "quorum", "x-delivery-limit": 20, "x-dead-letter-exchange": "",
                "x-dead-letter-routing-key": "dead", "x-overflow": "reject-publish", "x-max-length-bytes": 1_000_000,
                "x-dead-letter-strategy": "at-least-once",
            ]
            let state = try await connection.declareQueue(queue, arguments: arguments)
            #expect(state.name == queue && state.messageCount == 0 && state.consumerCount == 0)
            _ = try await connection.declareQueue(queue, arguments: arguments)
            let other = arguments.merging(["x-delivery-limit": 21]) { $1 }
            async let wrong = failure { () async throws(AMQPError) in
                try await connection.declareQueue(queue, arguments: other)
            }
            async let right = connection.queueState(queue)
            let error = await wrong
            #expect(error?.kind == .closedByBroker(code: 406))
            #expect(error?.text.contains("inequivalent arg 'x-delivery-limit'") == true)
            #expect(error?.operation == "declare queue \(queue)")
            #expect(try await right.messageCount == 0)
        }
    }

    @Test func `a queue that does not exist is 404 in every operation`() async throws {
        try await withConnection { connection, queue in
            let errors = [
                await failure { () async throws(AMQPError) in try await connection.queueState(queue) },
                await failure { () async throws(AMQPError) in try await connection.purgeQueue(queue) },
                await failure { () async throws(AMQPError) in try await connection.get(queue) },
                await failure { () async throws(AMQPError) in try await connection.consume(queue, prefetch: 1) },
            ]
            for error in errors {
                #expect(error?.kind == .closedByBroker(code: 404))
                #expect(error?.text.contains(queue) == true)
            }
            let deleted = try await connection.deleteQueue(queue)
            #expect(deleted == 0)
        }
    }

    @Test func `messages are counted, purged and deleted`() async throws {
        try await withConnection { connection, queue in
            _ = try await connection.declareQueue(queue)
            for number in UInt8(0)..<5 { try await connection.publish([number], to: queue) }
            #expect(try await connection.queueState(queue).messageCount == 5)
            #expect(try await connection.purgeQueue(queue) == 5)
            try await connection.publish([9], to: queue)
            let error = await failure { () async throws(AMQPError) in
                try await connection.deleteQueue(queue, ifEmpty: true)
            }
            #expect(error?.kind == .closedByBroker(code: 406))
            #expect(try await connection.deleteQueue(queue) == 1)
        }
    }

    @Test func `get takes one at a time and what is not settled comes back`() async throws {
        try await withConnection { connection, queue in
            _ = try await connection.declareQueue(queue)
            #expect(try await connection.get(queue) == nil)
            for number in UInt8(1)...3 { try await connection.publish([number], to: queue) }
            let first = try #require(try await connection.get(queue))
            let second = try #require(try await connection.get(queue))
            #expect([first.body, second.body] == [[1], [2]])
            try await connection.acknowledge(first)
            try await connection.reject(second, requeue: true)
            // A 404 closes the channel that gets use.
            _ = await failure { () async throws(AMQPError) in try await connection.get(queue + ".absent") }
            let again = try #require(try await connection.get(queue))
            #expect(again.body == [2] && again.isRedelivered)
            let error = await failure { () async throws(AMQPError) in try await connection.acknowledge(second) }
            #expect(error?.kind == .staleDelivery)
            try await connection.acknowledge(again)
            let third = try #require(try await connection.get(queue))
            #expect(third.body == [3])
        }
    }

    @Test func `a cancelled get gives its message back`() async throws {
        try await withConnection { connection, queue in
            _ = try await connection.declareQueue(queue)
            try await connection.publish([1], to: queue)
            for _ in 0..<20 {
                let task = Task { try await connection.get(queue) }
                task.cancel()
                if let delivery = try await task.value { try await connection.reject(delivery, requeue: true) }
            }
            try await eventually("the message is ready again") {
                try await connection.queueState(queue).messageCount == 1
            }
        }
    }

    @Test func `a full queue refuses a message`() async throws {
        try await withConnection { connection, queue in
            _ = try await connection.declareQueue(
                queue, arguments: ["x-max-length": 1, "x-overflow": "reject-publish"])
            try await connection.publish([1], to: queue)
            let error = await failure { () async throws(AMQPError) in try await connection.publish([2], to: queue) }
            #expect(error?.kind == .nacked)
        }
    }

    @Test func `an exchange that does not exist closes the publishing channel, and the next publish opens another`()
        async throws
    {
        try await withConnection { connection, queue in
            _ = try await connection.declareQueue(queue)
            let error = await failure { () async throws(AMQPError) in
                try await connection.publish([1], to: queue, exchange: "absent")
            }
            #expect(error?.kind == .closedByBroker(code: 404))
            #expect(error?.operation == "publish to absent/\(queue)")
            try await connection.publish([2], to: queue)
            #expect(try await connection.queueState(queue).messageCount == 1)
        }
    }

    @Test func `what AMQP cannot express is refused before it is sent`() async throws {
        try await withConnection { connection, queue in
            let long = String(repeating: "q", count: 256)
            let errors = [
                await failure { () async throws(AMQPError) in try await connection.publish([], to: long) },
                await failure { () async throws(AMQPError) in
                    try await connection.publish([], to: queue, properties: AMQPProperties(messageID: long))
                },
                await failure { () async throws(AMQPError) in try await connection.queueState(long) },
                await failure { () async throws(AMQPError) in try await connection.consume(long, prefetch: 1) },
                await failure { () async throws(AMQPError) in
                    try await connection.declareQueue(
                        queue, arguments: ["x": .string(String(repeating: "a", count: 40_000))])
                },
                await failure { () async throws(AMQPError) in
                    try await connection.publish(Array(repeating: 0, count: (16 << 20) + 1), to: queue)
                },
            ]
            #expect(errors.map(\.?.kind) == Array(repeating: .invalidArgument, count: 6))
            #expect(await connection.closedReason == nil)
        }
    }

    @Test func `too many operations at once are refused, not queued without end`() async throws {
        var settings = AMQPSettings()
        settings.maximumChannels = 4
        try await withConnection(settings: settings) { connection, queue in
            _ = try await connection.declareQueue(queue)
            let errors = await withTaskGroup(of: AMQPError?.self) { group in
                for _ in 0..<50 {
                    group.addTask {
                        await failure { () async throws(AMQPError) in try await connection.queueState(queue) }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(errors.contains { $0?.kind == .overloaded })
            #expect(errors.allSatisfy { $0 == nil || $0?.kind == .overloaded })
            // A channel is free again when the broker has confirmed that it is closed.
            try await eventually("an operation is taken again") {
                await failure { () async throws(AMQPError) in try await connection.queueState(queue) } == nil
            }
        }
    }
}
