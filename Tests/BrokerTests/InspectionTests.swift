import AMQP
import CaseRouting
import Foundation
import Operations
import Polling
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

    @Test func `the right to consume is seen while messages wait, and none of them is touched`() async throws {
        try await VirtualHost.run { host in
            let queues = [BrokerTopology.requests, BrokerTopology.failed, BrokerTopology.dead]
            for queue in queues { try await host.connection.publish(Array("x".utf8), to: queue) }
            for _ in 0..<3 {
                let lines = await Self.examine(host)
                #expect(lines.allSatisfy { $0.verdict == .ok }, "\(lines)")
            }
            for queue in queues {
                // Who takes it now is the first: nobody had it and gave it back.
                let delivery = try #require(try await host.connection.get(queue))
                #expect(!delivery.isRedelivered, "\(queue)")
                try await host.connection.reject(delivery, requeue: true)
            }
            try await host.permit(#"{"configure":".*","write":".*","read":"^$"}"#)
            let bad = await Self.examine(host).filter { $0.verdict != .ok }
            #expect(bad.map(\.check) == [.brokerRead, .brokerRead, .brokerRead], "\(bad)")
            try await host.permit(#"{"configure":".*","write":".*","read":".*"}"#)
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

    @Test func `a broker that is too old is told`() async throws {
        try await VirtualHost.run { host in
            let (proxy, address) = try host.proxied()
            defer { proxy.close() }
            let version = try #require(await host.connection.serverVersion)
            let old = "3.9.29"
            // As long as the real one, because lengths come before texts.
            let padded = old.padding(toLength: version.utf8.count, withPad: ".0", startingAt: 0)
            proxy.set(.replaceInAnswers(Array(version.utf8), with: Array(padded.utf8)))
            let lines = await BrokerInspection(.success(address), loop: host.loop).examine()
            let line = try #require(lines.first { $0.check == .brokerVersion })
            #expect(line.verdict == .failure && line.sentence.contains("3.9.29"), "\(lines)")
            #expect(line.remedy == "move to RabbitMQ 3.10 or later")
        }
    }
}

/// What a broker of one's own is needed for.
@Suite(.serialized) struct AlarmInspectionTests {
    @Test(.timeLimit(.minutes(4))) func `a memory and a disk alarm are told, and are gone when they end`() async throws
    {
        let broker = try await PrivateBroker.start()
        defer { broker.stop() }
        let loop = PollExecutor(name: "test")
        defer { loop.stop() }
        let address = try AMQPAddress(url: broker.url)
        let connection = try await AMQPConnection.open(address, on: loop, name: "test")
        try await BrokerTopology.declare(on: connection)
        func problems() async -> [DoctorLine] {
            await BrokerInspection(.success(address), loop: loop).examine().filter { $0.verdict != .ok }
        }
        #expect(await problems().isEmpty)
        try await broker.setMemoryAlarm(true)
        var found = await problems()
        #expect(found.map(\.check) == [.brokerAlarm] && found.first?.verdict == .failure, "\(found)")
        #expect(found.first?.remedy?.contains("free memory or disk") == true)
        try await broker.setMemoryAlarm(false)
        try await broker.control("set_disk_free_limit", "1000000GB")
        found = await problems()
        #expect(found.map(\.check) == [.brokerAlarm], "\(found)")
        try await broker.control("set_disk_free_limit", "1MB")
        try await eventually("the alarm ends") { await problems().isEmpty }
        await connection.close()
    }
}
