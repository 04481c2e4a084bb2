import CaseRouting
import JSON
import Simulators
import TestSupport
import Testing

@testable import CIC

extension SiteTests {
    /// How the messages of a session are read.
    @Suite(.timeLimit(.minutes(3)))
    struct MessagingTests {
        @Test func `an event stream is kept alive by heartbeats`() async throws {
            try await TestSite.run { site in
                try await site.withServer(try site.settings(.handler, messaging: .sse)) { server in
                    try await eventually("beats") { try site.requests("POST", suffix: "/heartbeat") >= 2 }
                    #expect(try site.requests("GET", suffix: "/messages") == 1)
                    let version = try await server.ping(nonce: 5)
                    #expect(version == "1")
                }
            }
        }

        @Test(arguments: [CICServerSettings.Messaging.sse, .poll])
        func `a server that stands still is given up, and looked for again`(
            _ messaging: CICServerSettings.Messaging
        ) async throws {
            try await TestSite.run { site in
                var limits = TestSite.limits
                limits.call = .milliseconds(400)
                try await site.withServer(try site.settings(messaging: messaging), limits: limits) { server in
                    for operation in ["heartbeat", "messages"] {
                        try await site.fault(operation, do: "wait", ms: 20_000, count: 3)
                    }
                    try await eventually("opened again") {
                        try site.ledger("session").count { $0["event"]?.string == "opened" } >= 2
                    }
                    try await site.control("faults", method: .delete)
                    try await eventually("usable") { await server.unavailability == nil }
                    let id = try await server.create(newAttempt(), attributes())
                    #expect(!id.description.isEmpty)
                }
            }
        }

        @Test func `a server without event streams is polled`() async throws {
            try await TestSite.run({ $0.features["messaging"] = 1 }) { site in
                try await site.withServer(try site.settings(.handler, messaging: .sse)) { server in
                    let version = try await server.ping(nonce: 5)
                    #expect(version == "1")
                    #expect(try site.requests("GET", suffix: "/messages") >= 1)
                }
            }
        }

        @Test func `event streams that break again and again give way to polling`() async throws {
            try await TestSite.run { site in
                try await site.fault("messages", when: "after", count: 3)
                try await site.withServer(try site.settings(.handler, messaging: .sse)) { server in
                    for nonce in 1...6 {
                        let answered = await failureOrNil { () throws(RoutingFailure) in
                            try await server.ping(nonce: UInt64(nonce))
                        }
                        if answered == nil { break }
                    }
                    try await eventually("polled") {
                        guard try await site.control("state", method: .get)["faults"]?.int == 0 else { return false }
                        guard try site.requests("GET", suffix: "/messages") > 3 else { return false }
                        return try await server.ping(nonce: 9) == "1"
                    }
                }
            }
        }

        private func failureOrNil(_ body: () async throws(RoutingFailure) -> some Any) async -> RoutingFailure? {
            do {
                _ = try await body()
                return nil
            } catch {
                return error
            }
        }
    }
}
