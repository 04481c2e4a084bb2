import AMQP
import CaseRouting
import Operations
import TestSupport
import Testing

@testable import Broker

/// Each fault of a broker that can be made in a virtual host, and the line that finds it.
@Suite struct InspectionTests {
    private static func examine(_ host: VirtualHost, _ change: (inout AMQPAddress) -> Void = { _ in }) async
        -> [DoctorLine]
    {
        var address = host.address
        change(&address)
        return await BrokerInspection(.success(address), loop: host.loop).examine()
    }

    @Test func `queues as declared are good, and nothing is left in them`() async throws {
        try await VirtualHost.run { host in
            let lines = await Self.examine(host)
            #expect(lines.allSatisfy { $0.verdict == .ok }, "\(lines)")
            let checks = Set(lines.map(\.check))
            for check in DoctorCheck.allCases where check.rawValue.hasPrefix("broker-") {
                #expect(checks.contains(check), "\(check)")
            }
            for queue in [BrokerTopology.requests, BrokerTopology.failed, BrokerTopology.dead] {
                let count = try await host.count(queue)
                #expect(count == 0)
            }
        }
    }

    @Test func `a queue that is missing, and one declared otherwise, are told apart`() async throws {
        try await VirtualHost.run(declares: false) { host in
            _ = try await host.connection.declareQueue(BrokerTopology.failed, arguments: ["x-queue-type": "quorum"])
            let lines = await Self.examine(host).filter { $0.verdict != .ok }
            #expect(lines.map(\.check) == [.brokerQueue, .brokerQueue, .brokerArguments], "\(lines)")
            #expect(lines.contains { $0.sentence == "caserouter.requests is not there" })
            #expect(
                lines.last?.sentence.contains("x-queue-type") == true
                    || lines.last?.sentence.contains("x-message-ttl") == true)
            // Looked for, and not made.
            let again = await Self.examine(host).filter { $0.check == .brokerQueue && $0.verdict == .failure }
            #expect(again.count == 2)
        }
    }

    @Test func `messages that wait are not taken`() async throws {
        try await VirtualHost.run { host in
            try await host.connection.publish(Array("x".utf8), to: BrokerTopology.dead)
            let lines = await Self.examine(host)
            let line = try #require(lines.first { $0.verdict != .ok })
            #expect(line.check == .brokerRead && line.sentence.contains("cannot be seen while messages wait"))
            #expect(try await host.count(BrokerTopology.dead) == 1)
        }
    }

    @Test func `a user without rights is told which are missing`() async throws {
        try await VirtualHost.run { host in
            try await host.permit(#"{"configure":"^$","write":"^$","read":"^$"}"#)
            let lines = await Self.examine(host)
            let bad = Set(lines.filter { $0.verdict != .ok }.map(\.check))
            #expect(bad == [.brokerArguments, .brokerRead, .brokerWrite], "\(lines)")
            #expect(lines.first { $0.check == .brokerWrite }?.remedy?.contains("amq.default") == true)
            try await host.permit(#"{"configure":".*","write":".*","read":".*"}"#)
        }
    }

    @Test func `a wrong password, a missing virtual host and a broker that is away are told apart`() async throws {
        try await VirtualHost.run { host in
            let refused = await Self.examine(host) { $0.password = "wrong" }
            #expect(refused.map(\.check) == [.brokerReachable])
            #expect(refused.first?.remedy?.contains("correct user and password") == true)
            let missing = await Self.examine(host) { $0.virtualHost = "nowhere" }
            #expect(missing.first?.remedy?.contains("virtual host") == true, "\(missing)")
            let away = await Self.examine(host) { $0.hosts = [AMQPAddress.Host(name: "127.0.0.1", port: 1)] }
            #expect(away.map(\.verdict) == [.failure])
        }
    }
}
