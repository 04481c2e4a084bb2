import AMQP
import CaseRouting
import TestSupport
import Testing

@testable import Broker

@Suite struct FailedQueueTests {
    private static func handle() throws -> RetryHandle {
        RetryHandle(
            caseKey: CaseKey(org: "main", caseID: try RecordID("500Hs00001kP3xQIAS")), failureNumber: 3)
    }

    @Test func `a handle lies where queue tooling finds it, counts, and retries when it is moved`() async throws {
        try await VirtualHost.run { host in
            let failed = host.failedQueue()
            let handle = try Self.handle()
            #expect(try await failed.handleCount() == 0)
            try await failed.publish(handle, cause: .workgroupUnknown, failedAt: Timestamp(microseconds: 0))
            #expect(try await failed.handleCount() == 1)
            let found = try #require(try await host.connection.get(BrokerTopology.failed))
            // As a tool moves it: the body alone.
            try await host.connection.publish(found.body, to: BrokerTopology.requests)
            try await host.connection.acknowledge(found)
            let consumer = host.consumer()
            let delivery = try await consumer.next()
            #expect(try RequestMessage(delivery.body) == .retry(handle))
            await consumer.acknowledge(delivery)
            await consumer.close()
            await failed.close()
        }
    }

    @Test func `a handle goes by itself when its time is over`() async throws {
        try await VirtualHost.run { host in
            try await host.limit(BrokerTopology.failed, "message-ttl", 300)
            let failed = host.failedQueue()
            // The policy takes a moment; a message published before it keeps the long time.
            try await eventually("a handle has gone") {
                try await failed.publish(
                    Self.handle(), cause: .cicNoAnswer, failedAt: Timestamp(microseconds: 0))
                try await Task.sleep(for: .milliseconds(500))
                return try await failed.handleCount() == 0
            }
            #expect(try await host.count(BrokerTopology.dead) == 0)
            await failed.close()
        }
    }

    @Test func `dead messages are taken one by one, kept or removed`() async throws {
        try await VirtualHost.run { host in
            for name in ["a", "b"] { try await host.connection.publish(body(name), to: BrokerTopology.dead) }
            let failed = host.failedQueue()
            let first = try #require(try await failed.takeDead())
            let second = try #require(try await failed.takeDead())
            #expect(text(first) == "a" && text(second) == "b")
            #expect(try await failed.takeDead() == nil)
            try await failed.removeDead(first)
            try await failed.keepDead(second)
            try await eventually("one is left") { try await host.count(BrokerTopology.dead) == 1 }
            let again = try #require(try await failed.takeDead())
            #expect(text(again) == "b" && again.isRedelivered)
            try await failed.removeDead(again)
            await failed.close()
            #expect(try await host.count(BrokerTopology.dead) == 0)
        }
    }

    @Test func `a dead message that is kept a hundred times is still there`() async throws {
        try await VirtualHost.run { host in
            try await host.connection.publish(body("a"), to: BrokerTopology.dead)
            let failed = host.failedQueue()
            for _ in 0..<100 { try await failed.keepDead(try #require(try await failed.takeDead())) }
            #expect(try #require(try await failed.takeDead()).body == body("a"))
            await failed.close()
            try await eventually("it is back") { try await host.count(BrokerTopology.dead) == 1 }
        }
    }

    @Test func `settling a dead message whose connection broke is an error, and it is still there`() async throws {
        try await VirtualHost.run { host in
            let (proxy, address) = try host.proxied()
            defer { proxy.close() }
            try await host.connection.publish(body("a"), to: BrokerTopology.dead)
            let failed = host.failedQueue(address)
            let taken = try #require(try await failed.takeDead())
            proxy.cutAll()
            try await eventually("it is back") { try await host.count(BrokerTopology.dead) == 1 }
            let failure = await failure { () async throws(RoutingFailure) in try await failed.removeDead(taken) }
            #expect(failure?.kind == .own)
            let again = try #require(try await failed.takeDead())
            #expect(again.body == taken.body && again.incarnation != taken.incarnation)
            try await failed.removeDead(again)
            await failed.close()
        }
    }

    @Test func `messages of a case are removed, not those of another org's case with the same id`() async throws {
        try await VirtualHost.run { host in
            let failed = host.failedQueue()
            let handle = try Self.handle()
            let other = RetryHandle(
                caseKey: CaseKey(org: "sandbox", caseID: handle.caseKey.caseID), failureNumber: 1)
            for one in [handle, other, handle] {
                try await failed.publish(one, cause: .workgroupUnknown, failedAt: Timestamp(microseconds: 0))
            }
            // Nobody can say whose this is.
            try await host.connection.publish(
                Array("{ \(handle.caseKey.caseID)".utf8), to: BrokerTopology.failed)
            let messages = BrokerCaseMessages(address: host.address, loop: host.loop)
            #expect(try await messages.remove(naming: handle.caseKey, from: .failed) == 3)
            try await eventually("what was not removed is there again") { try await failed.handleCount() == 1 }
            let left = try #require(try await host.connection.get(BrokerTopology.failed))
            #expect(try RequestMessage(left.body) == .retry(other))
            try await host.connection.acknowledge(left)
            await failed.close()
        }
    }
}
