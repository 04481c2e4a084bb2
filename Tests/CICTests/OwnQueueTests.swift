import CaseRouting
import JSON
import Polling
import Simulators
import TestSupport
import Testing

@testable import CIC

extension SiteTests {
    /// Users' own queues: placed there, followed there, ended there.
    @Suite(.timeLimit(.minutes(5)))
    struct OwnQueueTests {
        private static let anna = UserQueue(user: "anna").place

        private static func people(_ configuration: inout CICSimulatorConfiguration) {
            configuration.users += ["anna", "bert"].map { .init(name: $0, password: "secret") }
        }

        @Test(arguments: [CICServerSettings.Creation.handler, .generic])
        func `an interaction is placed in a user's own queue, taken back there, and moved on`(
            _ creation: CICServerSettings.Creation
        ) async throws {
            try await TestSite.run(Self.people) { site in
                try await site.withServer(try site.settings(creation)) { server in
                    let attempt = newAttempt()
                    let id = try await server.create(attempt, attributes())
                    #expect(try await server.assign(order(id, attempt, number: 2, on: Self.anna)) == .assigned)
                    var held = try #require(try await site.interactions().first)
                    #expect(held.agent == "anna" && held.workgroup == "" && held.state == "A")
                    #expect(held["CR_Assign"] == "2" && held["CR_UserQueue"] == "anna")
                    // It rings there, and nobody has it.
                    let waiting = InteractionReading.alive(isWithAgent: false, assignNumber: 2, workgroup: Self.anna)
                    #expect(try await server.read(id, attempt) == waiting)
                    try await site.control("interactions/\(id)/pickup")
                    let taken = InteractionReading.alive(isWithAgent: true, assignNumber: 2, workgroup: Self.anna)
                    #expect(try await server.read(id, attempt) == taken)
                    // Not to be taken back: it stays with her.
                    _ = try await server.assign(order(id, attempt, number: 3, on: Self.anna, takesBack: false))
                    #expect(try await site.interactions().first?.state == "C")
                    _ = try await server.assign(order(id, attempt, number: 4, on: Self.anna))
                    #expect(try await site.interactions().first?.state == "A")

                    _ = try await server.assign(order(id, attempt, number: 5, on: UserQueue(user: "bert").place))
                    held = try #require(try await site.interactions().first)
                    #expect(held.agent == "bert" && held["CR_UserQueue"] == "bert" && held["CR_Assign"] == "5")
                    _ = try await server.assign(order(id, attempt, number: 6))
                    held = try #require(try await site.interactions().first)
                    #expect(held.workgroup == "Support" && held.agent == nil && held["CR_UserQueue"] == "")
                    // Offered by ACD to her, it is the workgroup's.
                    try await site.control("interactions/\(id)/offer", ["agent": "anna"])
                    let offered = InteractionReading.alive(
                        isWithAgent: true, isAlerting: true, assignNumber: 6, workgroup: "Support")
                    #expect(try await server.read(id, attempt) == offered)
                    try await server.disconnect(id, attempt)
                    try await eventually("it is gone") { try await server.read(id, attempt) == .gone }
                }
            }
        }

        @Test func `a transfer names the queue by its type and bare name, and there are no skills`() async throws {
            try await TestSite.run(Self.people) { site in
                try await site.withServer { server in
                    let body = String(decoding: QueueSubscription.body(place: Self.anna), as: UTF8.self)
                    #expect(body.hasPrefix(#"{"queueIds":[{"queueType":1,"queueName":"anna"}],"#))
                    #expect(body.contains("CR_UserQueue"))
                    let workgroup = String(decoding: QueueSubscription.body(place: "Support"), as: UTF8.self)
                    #expect(workgroup.hasPrefix(#"{"queueIds":[{"queueType":2,"queueName":"Support"}],"#))
                    #expect(!workgroup.contains("CR_UserQueue"))
                    let target = try await server.resolve(workgroup: Self.anna, skills: "English")
                    #expect(target == ResolvedTarget(workgroup: Self.anna, skills: []))
                }
            }
        }

        @Test(arguments: [CICServerSettings.Creation.handler, .generic])
        func `who is not there is no case's, and CIC is asked before that is said`(
            _ creation: CICServerSettings.Creation
        ) async throws {
            try await TestSite.run(Self.people) { site in
                try await site.withServer(try site.settings(creation)) { server in
                    // Other names were read before, without users.
                    _ = await failure { () throws(RoutingFailure) in
                        try await server.resolve(workgroup: "Suport", skills: "")
                    }
                    let failed = await failure { () throws(RoutingFailure) in
                        try await server.resolve(workgroup: "user:ana", skills: "")
                    }
                    #expect(failed?.kind == .configuration && failed?.cause == .workgroupUnknown)
                    #expect(failed?.summary.contains("no user “ana”. Did you mean “anna”?") == true, "\(failed as Any)")
                    #expect(try await server.resolve(workgroup: Self.anna, skills: "").workgroup == Self.anna)
                    #expect(server.knows(workgroup: Self.anna, skills: ""))
                    // CIC itself refuses who is gone.
                    let attempt = newAttempt()
                    let id = try await server.create(attempt, attributes())
                    let refused = await failure { () throws(RoutingFailure) in
                        try await server.assign(order(id, attempt, number: 1, on: "user:gone"))
                    }
                    #expect(refused?.kind == .configuration && refused?.stage == .assign)
                    #expect(try await site.interactions().first?.workgroup == "Holding")
                }
            }
        }

        @Test(arguments: [true, false])
        func `the watch sees what is in an own queue, and not what its user has taken from a workgroup`(
            _ listsAssigned: Bool
        ) async throws {
            try await TestSite.run({ configuration in
                Self.people(&configuration)
                configuration.listsAssigned = listsAssigned
                configuration.lingering = 300
            }) { site in
                let feed = CICFeed(
                    try site.settings(.handler), on: PollExecutor(name: "cic-watch"), clock: LiveClock(),
                    random: SystemRandom(), logger: TestSite.logger, limits: TestSite.limits)
                do {
                    try await follow(site, FeedTests.Follower(feed))
                } catch {
                    await feed.close()
                    throw error
                }
                await feed.close()
            }
        }

        private func follow(_ site: TestSite, _ watch: FeedTests.Follower) async throws {
            for (number, creation) in [CICServerSettings.Creation.handler, .generic].enumerated() {
                let key = Int32(number * 2)
                try await watch.feed.follow(["Support", Self.anna])
                try await watch.until("all listed") { watch.fulls.count == 3 }
                let attempts = [newAttempt(), newAttempt()]
                let ids = try await place(site, creation, attempts, key)
                try await watch.until("it waits in her queue") {
                    watch.queues[Self.anna]?[ids[0]]
                        == SeenInteraction(
                            interaction: ids[0], episode: episode(key + 1), attempt: attempts[0], assignNumber: 2,
                            state: .waiting)
                }
                try await site.control("interactions/\(ids[0])/pickup")
                try await watch.until("she has it") { watch.queues[Self.anna]?[ids[0]]?.state == .withAgent }
                #expect(watch.queues["Support"]?[ids[0]] == nil)
                // What she takes from the workgroup is that workgroup's.
                try await site.control("interactions/\(ids[1])/pickup", ["agent": "anna"])
                try await site.control("interactions/\(ids[0])/end")
                try await watch.until("she has finished it") { watch.queues[Self.anna]?[ids[0]]?.state == .ended }
                try await watch.until("it is gone") { watch.queues[Self.anna]?[ids[0]] == nil }
                #expect(watch.queues[Self.anna]?.isEmpty == true)
                try await site.control("interactions/\(ids[1])/end")
                try await watch.until("the other one is gone") { watch.queues["Support"]?.isEmpty == true }
            }
        }

        /// The first in her own queue, the second on the workgroup.
        private func place(
            _ site: TestSite, _ creation: CICServerSettings.Creation, _ attempts: [AttemptID], _ key: Int32
        ) async throws -> [InteractionID] {
            let (made, make) = AsyncStream.makeStream(of: [InteractionID].self)
            try await site.withServer(try site.settings(creation)) { server in
                let own = try await server.create(attempts[0], attributes(key + 1))
                _ = try await server.assign(order(own, attempts[0], number: 2, on: Self.anna))
                let shared = try await server.create(attempts[1], attributes(key + 2))
                _ = try await server.assign(order(shared, attempts[1], number: 2))
                make.yield([own, shared])
            }
            return try #require(await made.first { _ in true })
        }

        @Test func `an own queue that may not be seen is named`() async throws {
            try await TestSite.run({ configuration in
                Self.people(&configuration)
                configuration.unreadableWorkgroups = [Self.anna]
            }) { site in
                let feed = CICFeed(
                    try site.settings(.handler), on: PollExecutor(name: "cic-watch"), clock: LiveClock(),
                    random: SystemRandom(), logger: TestSite.logger, limits: TestSite.limits)
                let watch = FeedTests.Follower(feed)
                do {
                    try await watch.feed.follow([Self.anna, "user:nobody"])
                    try await watch.until("both are named") { watch.unreadable.count == 2 }
                    #expect(Set(watch.unreadable.keys) == [Self.anna, "user:nobody"])
                } catch {
                    await feed.close()
                    throw error
                }
                await feed.close()
            }
        }

        @Test func `a user's own queue is no holding workgroup`() throws {
            #expect(throws: RoutingFailure.self) {
                try CICServerSettings(
                    name: "cic1", hosts: ["a:1"], holdingWorkgroup: Self.anna, installation: "x", user: "u",
                    password: "p")
            }
        }
    }
}
