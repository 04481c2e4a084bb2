import CaseRouting
import Foundation
import JSON
import Simulators
import TestSupport
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
                    try #require(await server.isOpen(within: .seconds(120)))
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
                    // Where the session's own poll meets the 401 before any reading is sent, all are held at once: again then.
                    var (readings, openings) = ([InteractionReading](), 1)
                    while readings.isEmpty && openings < 20 {
                        try await site.control("sessions/expire")
                        openings += 1
                        do {
                            readings = try await withThrowingTaskGroup(of: InteractionReading.self) { group in
                                for _ in 0..<20 { group.addTask { try await server.read(id, attempt) } }
                                return try await group.reduce(into: []) { $0.append($1) }
                            }
                        } catch let error as RoutingFailure where error.kind == .held {
                            try #require(await server.isOpen(within: .seconds(120)))
                        }
                    }
                    #expect(readings.count == 20 && !readings.contains(.gone))
                    #expect(try site.ledger("session").count { $0["event"]?.string == "opened" } == openings)
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
                    // It was sent: it is looked for before another one takes its place.
                    #expect(failed?.mayHaveBeenSent == true)
                    #expect(try await site.interactions().isEmpty)
                    #expect(try site.requests("POST", suffix: "/interactions") == 1)
                    try #require(await server.isOpen(within: .seconds(120)))
                    _ = try await server.create(newAttempt(), attributes())
                }
            }
        }

        @Test func `a create is certain not to have been sent only where nothing was written to a connection`()
            async throws
        {
            try await TestSite.run { site in
                let proxy = try CuttingProxy(to: site.ports[0])
                defer { proxy.close() }
                var limits = TestSite.limits
                // The session's own reading does not find out first.
                limits.poll = .seconds(300)
                let settings = try site.settings(hosts: ["127.0.0.1:\(proxy.port)"])
                try await site.withServer(settings, limits: limits) { server in
                    func create() async -> RoutingFailure? {
                        await failure { () throws(RoutingFailure) in
                            try await server.create(newAttempt(), attributes())
                        }
                    }
                    try await site.fault("create", when: "before", do: "cut")
                    let dropped = await create()
                    #expect(dropped?.kind == .unknown && dropped?.mayHaveBeenSent == true)
                    try await site.fault("create", when: "after", do: "cut")
                    let unanswered = await create()
                    #expect(unanswered?.kind == .unknown && unanswered?.mayHaveBeenSent == true)

                    proxy.close()
                    // What is left of kept connections is used up.
                    try await eventually("connections are refused") {
                        await failure { () throws(RoutingFailure) in
                            try await server.read(InteractionID("1"), newAttempt())
                        }?.kind == .held
                    }
                    let refused = await create()
                    #expect(refused?.kind == .held && refused?.mayHaveBeenSent == false)
                    #expect(await server.unavailability == nil)
                }
                #expect(try await site.interactions().count == 1)
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
                let created = await failure { () throws(RoutingFailure) in
                    try await server.create(newAttempt(), attributes())
                }
                #expect(created?.mayHaveBeenSent == false)
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
                    #expect(await server.isOpen(within: .seconds(120)))
                }
            }
        }

        @Test func `a server is trusted by its authority alone`() async throws {
            let authority = try ThrowawayCA()
            let file = NSTemporaryDirectory() + "cic-tests-\(UUID().uuidString).pem"
            try authority.writeCertificate(to: file)
            defer { unlink(file) }
            try await TestSite.run(authority: authority) { site in
                for (caFile, isTrusted) in [(file, true), (nil, false)] {
                    let settings = try CICServerSettings(
                        name: "cic1", hosts: ["127.0.0.1:\(site.ports[0])"], creation: .generic,
                        holdingWorkgroup: "Holding", installation: "test-installation", orgs: TestSite.orgs,
                        user: "caserouter", password: "secret", caFile: caFile)
                    try await site.withServer(settings, isOpen: isTrusted) { server in
                        if isTrusted {
                            let id = try await server.create(newAttempt(), attributes())
                            #expect(!id.description.isEmpty)
                        } else {
                            try await eventually("not trusted") {
                                await server.unavailability?.summary.contains("no secure connection") == true
                            }
                        }
                    }
                }
            }
        }

        @Test func `a certificate that is exchanged needs no restart, and neither does an authority that is added`()
            async throws
        {
            let (known, other) = (try ThrowawayCA(), try ThrowawayCA())
            let file = NSTemporaryDirectory() + "cic-tests-\(UUID().uuidString).pem"
            try known.writeCertificate(to: file)
            defer { unlink(file) }
            @Sendable func created(_ site: TestSite) throws -> Int {
                try site.ledger("interaction").count { $0["event"]?.string == "created" }
            }
            try await TestSite.run(authority: known) { before in
                try await TestSite.run(authority: known) { after in
                    try await TestSite.run(authority: other) { strange in
                        let proxy = try CuttingProxy(to: before.ports[0])
                        defer { proxy.close() }
                        let settings = try CICServerSettings(
                            name: "cic1", hosts: ["127.0.0.1:\(proxy.port)"], creation: .generic,
                            holdingWorkgroup: "Holding", installation: "test-installation", orgs: TestSite.orgs,
                            user: "caserouter", password: "secret", caFile: file)
                        try await before.withServer(settings) { server in
                            _ = try await server.create(newAttempt(), attributes())
                            proxy.retarget(to: after.ports[0])
                            // What is open stays open, with the certificate that it began with.
                            _ = try await server.create(newAttempt(), attributes())
                            #expect(try created(before) == 2 && created(after) == 0)
                            proxy.cutAll()
                            try await eventually("a session under the new certificate") {
                                try after.requests("POST", suffix: "/connection") >= 1
                            }
                            #expect(await server.isOpen(within: .seconds(120)))
                            _ = try await server.create(newAttempt(), attributes())
                            #expect(try created(before) == 2 && created(after) == 1)

                            proxy.retarget(to: strange.ports[0])
                            proxy.cutAll()
                            try await eventually("another authority's is refused") {
                                await server.unavailability?.summary.contains("no secure connection") == true
                            }
                            await #expect(throws: RoutingFailure.self) {
                                try await server.create(newAttempt(), attributes())
                            }
                            #expect(try strange.ledger("request").isEmpty)

                            // The next connection reads the file again.
                            try Data("\(known.certificatePEM)\n\(other.certificatePEM)\n".utf8)
                                .write(to: URL(fileURLWithPath: file), options: .atomic)
                            try await eventually("it is trusted now") {
                                try strange.requests("POST", suffix: "/connection") >= 1
                            }
                            #expect(await server.isOpen(within: .seconds(120)))
                            _ = try await server.create(newAttempt(), attributes())
                            #expect(try created(after) == 1 && created(strange) == 1)
                        }
                    }
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

        @Test func `interactions of another installation or org are not found`() async throws {
            try await TestSite.run { site in
                try await site.withServer { server in
                    for change in [("CR_Installation", "other"), ("CR_Org", "00D000000000002AAA")] {
                        var carried = FeedTests.ours(newAttempt()).object ?? JSONObject()
                        carried[change.0] = .string(change.1)
                        try await site.control(
                            "interactions", ["workgroup": "Holding", "attributes": .object(carried)])
                    }
                    let attempt = newAttempt()
                    try await site.control(
                        "interactions", ["workgroup": "Holding", "attributes": FeedTests.ours(attempt)])
                    let found = try await server.findInHolding(episode())
                    #expect(found.map(\.attempt) == [attempt])
                }
            }
        }

        @Test(arguments: CICServerSettings.Creation.allCases)
        func `five hundred cases at once each get an interaction of their own`(
            _ creation: CICServerSettings.Creation
        ) async throws {
            try await TestSite.run { site in
                try await site.withServer(try site.settings(creation, messaging: .sse), limits: CICLimits()) { server in
                    let began = ContinuousClock.now
                    let ids = try await withThrowingTaskGroup(of: InteractionID.self) { group in
                        for number in 1...500 {
                            group.addTask {
                                let attempt = newAttempt()
                                let id = try await server.create(attempt, attributes(case: number))
                                let answer = try await server.assign(order(id, attempt, number: 1))
                                #expect(answer == .assigned)
                                return id
                            }
                        }
                        var ids: Set<InteractionID> = []
                        for try await id in group { ids.insert(id) }
                        return ids
                    }
                    print("500 created and placed by \(creation) in \(ContinuousClock.now - began)")
                    let held = try await site.interactions("?workgroup=Support")
                    #expect(ids.count == 500 && held.count == 500)
                    #expect(Set(held.compactMap { $0["CR_CaseId"] }).count == 500)
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
