import Foundation
import TestSupport
import Testing

/// An operator ends a worker: it goes in order, soon, and without alarming anybody.
@Suite struct ShutdownTests {
    @Test func `every kind of worker ends on SIGTERM within two seconds when it is idle`() async throws {
        try await Installation.with { installation in
            for role in ["ingest", "route", "serve", "all"] {
                // Once is enough: in a moment in which the machine is full with other tests, nobody is that quick.
                var took: [Duration] = []
                for _ in 1...3 where took.allSatisfy({ $0 >= .seconds(2) }) {
                    took.append(try await end(role, installation))
                }
                #expect(try #require(took.min()) < .seconds(2), "\(role): \(took)")
            }
        }
    }

    /// Starts a worker and ends it. Returns how long its end took.
    private func end(_ role: String, _ installation: Installation) async throws -> Duration {
        let worker = try await installation.start(role)
        // In the midst of its pauses, not before the first of them.
        try await eventually("\(role) follows its settings") { try worker.log.contains("configuration changed") }
        let began = ContinuousClock.now
        worker.process.signal(SIGTERM)
        let status = try await worker.process.wait(atMost: .seconds(240))
        let took = ContinuousClock.now - began
        let log = try worker.log
        #expect(status == 0, "\(role): \(log)")
        #expect(log.contains("info worker stopped"), "\(role)")
        #expect(!log.contains(" error "), "\(role): \(log)")
        #expect(!log.contains(" warning "), "\(role): \(log)")
        return took
    }

    @Test func `a worker that holds an org and a CIC server ends as soon, and gives both back`() async throws {
        try await Installation.with { installation in
            let salesforce = try await installation.simulate("salesforce")
            let cic = try await installation.simulate("cic")
            let (org, server) = (
                try salesforce.ports(as: [String: UInt16].self)["acme"], try cic.ports(as: [UInt16].self).first
            )
            try await installation.apply(
                """
                orgs:
                  - {name: acme, login_url: 'http://127.0.0.1:\(try #require(org))', organization_id: 00D000000000001EAA}
                cic: [{name: east, hosts: ['127.0.0.1:\(try #require(server))'], tls: false, holding: Case Holding}]
                mappings: [{org: acme, queue: Support, cic: east, workgroup: Support}]
                """)
            for (target, parts) in [
                ("org:acme", #"{"client_id": "case-router", "client_secret": "secret"}"#),
                ("cic:east", #"{"user": "caserouter", "password": "secret"}"#),
            ] {
                let outcome = try await installation.run(["credentials", "set", target], input: parts)
                try #require(outcome.status == 0, "\(outcome.errors)")
            }
            let worker = try await installation.start("all")
            // One session for the cases, and one for the watch, which then waits for news that do not come.
            try await eventually("it is at work") {
                let log = try worker.log
                return log.contains("info org subscribed") && log.contains("info sweep finished")
                    && log.ranges(of: "info cic session opened").count >= 2
            }
            try await Task.sleep(for: .seconds(1))
            let began = ContinuousClock.now
            worker.process.signal(SIGTERM)
            let status = try await worker.process.wait(atMost: .seconds(240))
            let took = ContinuousClock.now - began
            let log = try worker.log
            #expect(status == 0, "\(log)")
            // Two farewells over the network are in it; on a quiet machine it is a tenth of a second.
            #expect(took < .seconds(4), "\(log)")
            #expect(try await installation.query("SELECT kind FROM caserouter.leases WHERE until > now()") == [])
            #expect(!log.contains("Z error "), "\(log)")
        }
    }
}
