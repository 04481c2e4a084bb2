import CaseRouting
import Foundation
import JSON
import TestSupport
import Testing

@testable import CIC

extension SiteTests {
    /// Calls in a session: what becomes of them without a server, without an answer in time, and all at once.
    @Suite(.timeLimit(.minutes(3)))
    struct CallTests {
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
    }
}
