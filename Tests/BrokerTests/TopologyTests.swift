import AMQP
import CaseRouting
import Foundation
import Testing

@testable import Broker

@Suite struct TopologyTests {
    @Test func `the three queues are declared with their arguments, and declaring again changes nothing`() async throws
    {
        try await VirtualHost.run(declares: false) { host in
            try await BrokerTopology.declare(on: host.connection)
            try await BrokerTopology.declare(on: host.connection)
            try await BrokerTopology.check(on: host.connection)
            let requests: NSDictionary = [
                "x-queue-type": "quorum", "x-delivery-limit": 20, "x-dead-letter-exchange": "",
                "x-dead-letter-routing-key": "caserouter.dead", "x-dead-letter-strategy": "at-least-once",
                "x-overflow": "reject-publish", "x-max-length-bytes": 1 << 30,
            ]
            #expect(try await host.arguments(of: "caserouter.requests") == requests)
            #expect(
                try await host.arguments(of: "caserouter.failed")
                    == ["x-queue-type": "classic", "x-message-ttl": 300_000] as NSDictionary)
            #expect(try await host.arguments(of: "caserouter.dead") == ["x-queue-type": "quorum"] as NSDictionary)
        }
    }

    @Test func `a queue with other arguments is refused and named, and nothing is deleted`() async throws {
        try await VirtualHost.run(declares: false) { host in
            _ = try await host.connection.declareQueue(
                BrokerTopology.failed, arguments: ["x-queue-type": "classic", "x-message-ttl": 1_000_000])
            try await host.connection.publish(body("kept"), to: BrokerTopology.failed)
            let failure = await failure { () async throws(RoutingFailure) in
                try await BrokerTopology.declare(on: host.connection)
            }
            #expect(failure?.kind == .configuration && failure?.stage == .broker)
            #expect(failure?.summary.contains("Queue caserouter.failed cannot be declared") == true)
            #expect(failure?.summary.contains("x-message-ttl") == true)
            #expect(try await host.count(BrokerTopology.failed) == 1)
        }
    }

    @Test func `a missing queue is named with the command that makes it`() async throws {
        try await VirtualHost.run { host in
            let publisher = host.publisher()
            try await publisher.check()
            try await host.connection.deleteQueue(BrokerTopology.dead)
            let failure = await failure { () async throws(RoutingFailure) in try await publisher.check() }
            #expect(failure?.kind == .configuration)
            #expect(failure?.summary == "Queue caserouter.dead is not there. Run: caserouter migrate")
            await publisher.close()
        }
    }

    @Test func `a connection that breaks while declaring is no fault of the configuration`() async throws {
        try await VirtualHost.run { host in
            await host.connection.close()
            let declared = await failure { () async throws(RoutingFailure) in
                try await BrokerTopology.declare(on: host.connection)
            }
            let checked = await failure { () async throws(RoutingFailure) in
                try await BrokerTopology.check(on: host.connection)
            }
            #expect(declared?.kind == .own && checked?.kind == .own)
        }
    }
}
