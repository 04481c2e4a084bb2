import CaseRouting
import JSON
import TestSupport
import Testing

@testable import CIC

extension SiteTests {
    /// A switchover pair, of which one server is in force: the one that the watch has written down.
    @Suite(.timeLimit(.minutes(3)))
    struct StandingTests {
        /// The name that the server of now gives itself.
        private func identity(_ server: CICServer) async throws -> String {
            try #require(await server.session.connection).server
        }

        @Test(arguments: [CICServerSettings.Creation.handler, .generic])
        func `a server that switched over does not end what it does not know, before the watch has noticed`(
            _ creation: CICServerSettings.Creation
        ) async throws {
            try await TestSite.run { site in
                try await site.withServer(try site.settings(creation)) { server in
                    let guarded = GuardedCICServer(server)
                    let unsettled = await failure { () throws(RoutingFailure) in
                        try await guarded.create(newAttempt(), attributes())
                    }
                    #expect(unsettled?.kind == .held)
                    let first = try await identity(server)
                    server.use(standing: WatchedServer(identity: first, holds: []))
                    let attempt = newAttempt()
                    let interaction = try await guarded.create(attempt, attributes())
                    #expect(try await guarded.read(interaction, attempt) != .gone)

                    try await site.control("switchover", ["window": 300, "emails": "none"])
                    try await eventually("the session is with the other server") {
                        await server.session.connection.map { $0.server != first } ?? false
                    }
                    try #require(await server.isOpen(within: .seconds(120)))
                    let second = try await identity(server)
                    // The watch itself is held back as well, until it has written the other server down.
                    #expect(
                        await failure { () throws(RoutingFailure) in
                            try await server.read(interaction, attempt)
                        }?.kind == .held)
                    try await expectHeld(guarded, interaction, attempt)
                    server.use(standing: WatchedServer(identity: second, holds: [.switchover]))
                    try await expectHeld(guarded, interaction, attempt)
                    #expect(try await server.read(interaction, attempt) == .gone)
                    server.use(standing: WatchedServer(identity: second, holds: []))
                    #expect(try await guarded.read(interaction, attempt) == .gone)
                    _ = try await guarded.create(newAttempt(), attributes(2))
                }
            }
        }

        @Test func `after a switchover no attempt is opened before it can be sent`() async throws {
            try await TestSite.run { site in
                try await site.withServer(try site.settings(.handler)) { server in
                    let guarded = GuardedCICServer(server)
                    let workgroup = "Support"
                    let first = try await identity(server)
                    server.use(standing: WatchedServer(identity: first, holds: []))
                    _ = try await guarded.resolve(workgroup: workgroup, skills: "")
                    let entry = CICDirectory.WorkgroupEntry(
                        name: workgroup, isActive: true, hasQueue: true, isACD: true, takesEmail: true)
                    server.use(directory: CICDirectory(workgroups: [entry], skills: [], users: []))
                    #expect(guarded.knows(workgroup: workgroup, skills: ""))
                    func expectHeldBack() async {
                        #expect(
                            await failure { () throws(RoutingFailure) in
                                try await guarded.resolve(workgroup: workgroup, skills: "")
                            }?.kind == .held)
                    }
                    server.use(standing: WatchedServer(identity: first, holds: [.switchover]))
                    #expect(!guarded.knows(workgroup: workgroup, skills: ""))
                    await expectHeldBack()
                    server.use(standing: WatchedServer(identity: "another", holds: []))
                    await expectHeldBack()
                    server.use(standing: WatchedServer(identity: first, holds: []))
                    _ = try await guarded.resolve(workgroup: workgroup, skills: "")
                }
            }
        }

        @Test func `a deposed server that never steps down is left for the one in force, and no other`() async throws {
            var limits = TestSite.limits
            limits.deposed = .milliseconds(500)
            try await TestSite.run { [limits] site in
                try await site.withServer(try site.settings(.handler), limits: limits) { server in
                    let first = try await identity(server)
                    let generation = try #require(await server.session.connection).generation
                    server.use(standing: WatchedServer(identity: first, holds: []))
                    try await site.control(
                        "switchover",
                        ["emails": "all", "window": 1, "overlap": 100_000, "overlapSessions": "all"])
                    try await Task.sleep(for: limits.deposed * 3)
                    // Nobody has said yet that another one is in force.
                    #expect(await server.session.connection?.generation == generation)
                    server.use(standing: WatchedServer(identity: "\(first)-2", holds: [.switchover]))
                    try await Task.sleep(for: limits.deposed * 3)
                    #expect(await server.session.connection?.generation == generation)
                    server.use(standing: WatchedServer(identity: "\(first)-2", holds: []))
                    try await eventually("the session is with the server in force") {
                        await server.session.connection?.server == "\(first)-2"
                    }
                    try #require(await server.isOpen(within: .seconds(120)))
                    _ = try await GuardedCICServer(server).create(newAttempt(), attributes())
                }
            }
        }

        private func expectHeld(
            _ guarded: GuardedCICServer, _ interaction: InteractionID, _ attempt: AttemptID
        ) async throws {
            let failures = [
                await failure { () throws(RoutingFailure) in try await guarded.read(interaction, attempt) },
                await failure { () throws(RoutingFailure) in try await guarded.create(newAttempt(), attributes(3)) },
                await failure { () throws(RoutingFailure) in
                    try await guarded.assign(order(interaction, attempt, number: 1))
                },
                await failure { () throws(RoutingFailure) in try await guarded.disconnect(interaction, attempt) },
                await failure { () throws(RoutingFailure) in try await guarded.findInHolding(episode()) },
            ]
            for failure in failures {
                #expect(failure?.kind == .held && failure?.summary.contains("switched over") == true)
            }
        }

        @Test func `gone counts only if no switchover was noticed while it was asked`() async throws {
            try await TestSite.run { site in
                try await site.withServer { server in
                    let name = try await identity(server)
                    server.use(standing: WatchedServer(identity: name, holds: []))
                    let guarded = GuardedCICServer(server)
                    try await site.fault("read", do: "wait", ms: 600, count: nil)
                    var wasSent = false
                    // On a slow machine the switchover may be noticed before anything is sent.
                    for _ in 0..<20 where !wasSent {
                        server.use(standing: WatchedServer(identity: name, holds: []))
                        async let reading = failure { () throws(RoutingFailure) in
                            try await guarded.read(InteractionID("77"), newAttempt())
                        }
                        try await Task.sleep(for: .milliseconds(200))
                        server.use(standing: WatchedServer(identity: name, holds: [.switchover]))
                        #expect(await reading?.kind == .held)
                        wasSent = try site.ledger("request").contains {
                            $0["path"]?.string?.contains("interactions/77") == true
                        }
                    }
                    #expect(wasSent)
                }
            }
        }
    }
}
