import CaseRouting
import JSON
import Testing

@testable import CIC

extension SiteTests {
    @Suite(.timeLimit(.minutes(3)))
    struct SessionTests {
        @Test func `a backup that refuses leads to the host that takes sessions`() async throws {
            try await TestSite.run { site in
                let settings = try site.settings(hosts: ["127.0.0.2:\(site.ports[1])"])
                try await site.withServer(settings) { server in
                    _ = try await server.create(newAttempt(), attributes())
                    let connects = try site.ledger("request").filter {
                        $0["path"]?.string?.contains("icws/connection") == true
                    }
                    #expect(connects.compactMap { $0["status"]?.int } == [503, 201])
                }
            }
        }

        @Test(arguments: [true, false])
        func `after a switchover the session is opened on the other host`(_ isAnnounced: Bool) async throws {
            try await TestSite.run { site in
                try await site.withServer(try site.settings(.handler, messaging: .sse)) { server in
                    let attempt = newAttempt()
                    let old = try await server.create(attempt, attributes())
                    try await site.control(
                        "switchover", ["window": 400, "announce": .bool(isAnnounced), "announceLead": 20])
                    try await eventually("the loss is seen") { await server.unavailability != nil }
                    let began = ContinuousClock.now
                    let failed = await failure { () throws(RoutingFailure) in
                        try await server.create(newAttempt(), attributes(2))
                    }
                    #expect(failed?.kind == .held && failed?.cause == .cicUnreachable)
                    #expect(ContinuousClock.now - began < .milliseconds(100))
                    try #require(await server.isOpen(within: .seconds(10)))
                    // The same interaction under a new id; the old one is gone.
                    #expect(try await server.read(old, attempt) == .gone)
                    let held = try #require(try await site.interactions().first)
                    #expect(held.id != old.description)
                    #expect(try await server.assign(order(InteractionID(held.id), attempt, number: 1)) == .assigned)
                }
            }
        }

        @Test func `all that meet a 401 share one reopening, and what may be repeated is repeated`() async throws {
            try await TestSite.run { site in
                try await site.withServer { server in
                    let attempt = newAttempt()
                    let id = try await server.create(attempt, attributes())
                    try await site.control("sessions/expire")
                    try await withThrowingTaskGroup(of: InteractionReading.self) { group in
                        for _ in 0..<20 { group.addTask { try await server.read(id, attempt) } }
                        for try await reading in group { #expect(reading != .gone) }
                    }
                    #expect(try site.ledger("session").count { $0["event"]?.string == "opened" } == 2)
                }
            }
        }

        @Test func `a create that is answered 401 is held and not sent again`() async throws {
            try await TestSite.run { site in
                try await site.withServer { server in
                    try await site.fault("create", do: "answer", status: 401)
                    let failed = await failure { () throws(RoutingFailure) in
                        try await server.create(newAttempt(), attributes())
                    }
                    #expect(failed?.kind == .held && failed?.stage == .create)
                    #expect(try await site.interactions().isEmpty)
                    #expect(try site.requests("POST", suffix: "/interactions") == 1)
                    try #require(await server.isOpen(within: .seconds(5)))
                    _ = try await server.create(newAttempt(), attributes())
                }
            }
        }

        @Test func `a call that takes too long ends within its deadline`() async throws {
            try await TestSite.run { site in
                var limits = TestSite.limits
                limits.call = .milliseconds(400)
                try await site.withServer(limits: limits) { server in
                    let attempt = newAttempt()
                    let id = try await server.create(attempt, attributes())
                    try await site.fault("create", do: "wait", ms: 900)
                    try await site.fault("read", do: "wait", ms: 900)
                    try await site.fault("transfer", do: "wait", ms: 900)
                    try await site.fault("disconnect", do: "wait", ms: 900)
                    let began = ContinuousClock.now
                    async let created = failure { () throws(RoutingFailure) in
                        try await server.create(newAttempt(), attributes(2))
                    }
                    async let read = failure { () throws(RoutingFailure) in try await server.read(id, attempt) }
                    async let moved = failure { () throws(RoutingFailure) in
                        try await server.assign(order(id, attempt, number: 1))
                    }
                    #expect(await created?.kind == .unknown)
                    #expect(await read?.kind == .transient)
                    #expect(await moved?.kind == .unknown)
                    let ended = await failure { () throws(RoutingFailure) in try await server.disconnect(id, attempt) }
                    #expect(ended?.kind == .transient && ended?.cause == .cicNoAnswer)
                    #expect(ContinuousClock.now - began < .milliseconds(1200))
                }
            }
        }

        @Test func `without a server every call is held at once`() async throws {
            let site = TestSite(ports: [1], ledgerPath: "", transport: .init(on: TestSite.loop))
            try await site.withServer(isOpen: false) { server in
                try await eventually("a host was tried") {
                    await server.unavailability?.summary.contains("cannot be reached") == true
                }
                let began = ContinuousClock.now
                for failed in [
                    await failure { () throws(RoutingFailure) in try await server.create(newAttempt(), attributes()) },
                    await failure { () throws(RoutingFailure) in try await server.findInHolding(episode()) },
                    await failure { () throws(RoutingFailure) in try await server.read(InteractionID("1"), newAttempt())
                    },
                    await failure { () throws(RoutingFailure) in
                        try await server.disconnect(InteractionID("1"), newAttempt())
                    },
                ] {
                    #expect(failed?.kind == .held && failed?.cause == .cicUnreachable)
                }
                #expect(ContinuousClock.now - began < .milliseconds(200))
            }
            await site.transport.close()
        }

        @Test func `a refused login holds every case and says who must act`() async throws {
            try await TestSite.run { site in
                let settings = try site.settings(password: "wrong-password")
                try await site.withServer(settings, isOpen: false) { server in
                    try await eventually("refused") { await server.unavailability?.cause == .cicCredentials }
                    let failed = await failure { () throws(RoutingFailure) in
                        try await server.create(newAttempt(), attributes())
                    }
                    #expect(failed?.kind == .held && failed?.cause == .cicCredentials)
                    #expect(failed?.response?.status == 400)
                    #expect("\(failed, default: "")".contains("wrong-password") == false)
                    try await site.control(
                        "configuration", ["users": [["name": "caserouter", "password": "wrong-password"]]],
                        method: .patch)
                    #expect(await server.isOpen(within: .seconds(5)))
                }
            }
        }

        @Test func `a session logs out when it is closed`() async throws {
            try await TestSite.run { site in
                try await site.withServer { _ in }
                try await eventually("logged out") {
                    try site.ledger("session").contains { $0["event"]?.string == "logged out" }
                }
            }
        }

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

        @Test func `callers who ask at once share a listing, and each listing begins after the call`() async throws {
            try await TestSite.run { site in
                try await site.withServer { server in
                    let attempt = newAttempt()
                    let id = try await server.create(attempt, attributes())
                    try await site.control("interactions", ["workgroup": "Holding", "count": 50])
                    try await withThrowingTaskGroup(of: [FoundInteraction].self) { group in
                        for _ in 0..<50 { group.addTask { try await server.findInHolding(episode()) } }
                        for try await found in group {
                            #expect(found == [FoundInteraction(interaction: id, attempt: attempt)])
                        }
                    }
                    #expect(try await server.findInHolding(episode(2)).isEmpty)
                    let puts = try site.ledger("request").count {
                        $0["method"]?.string == "PUT" && $0["path"]?.string?.contains("holding-") == true
                    }
                    #expect(puts >= 2 && puts <= 4, "\(puts) listings")
                    // None is left behind.
                    let sessions = try await site.control("state", method: .get)["sessions"]?.array ?? []
                    #expect(sessions.allSatisfy { $0["subscriptions"]?.array?.isEmpty == true })
                }
            }
        }

        @Test func `a holding workgroup that may not be seen is named`() async throws {
            try await TestSite.run({ $0.unreadableWorkgroups = ["Holding"] }) { site in
                try await site.withServer { server in
                    let failed = await failure { () throws(RoutingFailure) in try await server.findInHolding(episode())
                    }
                    #expect(failed?.kind == .configuration && failed?.cause == .holdingUnusable)
                }
            }
        }
    }
}
