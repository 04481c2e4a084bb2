import CaseRouting
import Foundation
import JSON
import Polling
import Simulators
import TestSupport
import Testing

@testable import CIC

extension SiteTests {
    @Suite(.timeLimit(.minutes(3)))
    struct FeedTests {
        /// Follows what a feed tells.
        final class Follower {
            let feed: CICFeed
            var queues: [String: [InteractionID: SeenInteraction]] = [:]
            var fulls: [String: Int] = [:]
            var sessions: [String] = []
            var losses = 0
            var unreadable: [String: String] = [:]
            var removed: [InteractionID] = []

            init(_ feed: CICFeed) { self.feed = feed }

            func step() async throws {
                for message in try await feed.next() {
                    switch message {
                    case .session(let host, let server):
                        sessions.append("\(host) \(server)")
                        queues = [:]
                    case .lost: losses += 1
                    case .unreadable(let queue, let reason): unreadable[queue] = reason
                    case .content(let content):
                        if content.isFull {
                            queues[content.queue] = [:]
                            fulls[content.queue, default: 0] += 1
                            unreadable[content.queue] = nil
                        }
                        for seen in content.present { queues[content.queue]?[seen.interaction] = seen }
                        for id in content.removed { queues[content.queue]?[id] = nil }
                        removed += content.removed
                    }
                }
            }

            func until(_ what: String, _ condition: () throws -> Bool) async throws {
                let deadline = ContinuousClock.now + .seconds(240)
                while try !condition() {
                    guard ContinuousClock.now < deadline else {
                        Issue.record("not within 240 s: \(what); \(queues), \(unreadable)")
                        return
                    }
                    try await step()
                }
            }
        }

        private func withFeed(
            _ site: TestSite, messaging: CICServerSettings.Messaging = .sse, limits: CICLimits = TestSite.limits,
            _ body: (Follower) async throws -> Void
        ) async throws {
            let feed = CICFeed(
                try site.settings(.handler, messaging: messaging), on: PollExecutor(name: "cic-watch"),
                clock: LiveClock(),
                random: SystemRandom(), logger: TestSite.logger, limits: limits)
            do { try await body(Follower(feed)) } catch {
                await feed.close()
                throw error
            }
            await feed.close()
        }

        @Test(arguments: [CICServerSettings.Messaging.sse, .poll])
        func `the watch sees an interaction through its life`(_ messaging: CICServerSettings.Messaging) async throws {
            try await TestSite.run({ $0.lingering = 300 }) { site in
                try await site.withServer(try site.settings(.handler)) { server in
                    try await withFeed(site, messaging: messaging) { watch in
                        try await watch.feed.follow(["Support", "Sales Team"])
                        try await watch.until("all listed") { watch.fulls.count == 3 }
                        #expect(watch.sessions == ["127.0.0.1:\(site.ports[0]) CIC1"])
                        try await site.control("interactions", ["workgroup": "Support", "count": 5])
                        let attempt = newAttempt()
                        let id = try await server.create(attempt, attributes(7))
                        try await watch.until("in holding") { watch.queues["Holding"]?[id] != nil }
                        #expect(
                            watch.queues["Holding"]?[id]
                                == SeenInteraction(
                                    interaction: id, episode: episode(7), attempt: attempt, assignNumber: 0,
                                    state: .waiting))
                        _ = try await server.assign(order(id, attempt, number: 12))
                        try await watch.until("placed") {
                            watch.queues["Support"]?[id]?.assignNumber == 12 && watch.queues["Holding"]?[id] == nil
                        }
                        try await site.control("interactions/\(id)/offer", ["agent": "caserouter"])
                        try await watch.until("alerting") { watch.queues["Support"]?[id]?.state == .alerting }
                        try await site.control("interactions/\(id)/giveback")
                        try await watch.until("waiting again") { watch.queues["Support"]?[id]?.state == .waiting }
                        try await server.disconnect(id, attempt)
                        try await watch.until("ended") { watch.queues["Support"]?[id]?.state == .ended }
                        try await watch.until("gone") { watch.queues["Support"]?[id] == nil }
                        // The other five are nobody's business.
                        #expect(watch.queues["Support"]?.isEmpty == true)
                        try await watch.feed.follow(["Support"])
                        try await eventually("unsubscribed") {
                            try site.requests("DELETE", suffix: "queue-2") + site.requests("DELETE", suffix: "queue-3")
                                == 1
                        }
                    }
                }
            }
        }

        @Test(arguments: [CICServerSettings.Messaging.sse, .poll])
        func `every queue tells its full content once more when it is asked to`(
            _ messaging: CICServerSettings.Messaging
        ) async throws {
            try await TestSite.run { site in
                try await site.withServer { server in
                    try await withFeed(site, messaging: messaging) { watch in
                        try await watch.feed.follow(["Support"])
                        let id = try await server.create(newAttempt(), attributes())
                        try await watch.until("seen") {
                            watch.queues["Holding"]?[id] != nil && watch.fulls["Support"] != nil
                        }
                        let before = watch.fulls
                        await watch.feed.listAgain()
                        try await watch.until("listed again") { before.allSatisfy { watch.fulls[$0, default: 0] > $1 } }
                        #expect(watch.queues["Holding"]?[id] != nil)
                        #expect(watch.sessions.count == 1)
                    }
                }
            }
        }

        @Test func `a queue that may not be seen is named, and followed once it may`() async throws {
            try await TestSite.run({ $0.unreadableWorkgroups = ["Sales Team"] }) { site in
                try await withFeed(site) { watch in
                    try await watch.feed.follow(["Support", "Sales Team"])
                    try await watch.until("told") { watch.unreadable["Sales Team"] != nil }
                    #expect(watch.unreadable["Sales Team"]?.contains("right") == true)
                    try await site.control("configuration", ["unreadableWorkgroups": []], method: .patch)
                    try await watch.until("listed") {
                        watch.unreadable.isEmpty && watch.fulls["Sales Team"] != nil && watch.fulls["Support"] != nil
                    }
                }
            }
        }

        @Test(arguments: [CICServerSettings.Messaging.sse, .poll])
        func `messages that are lost after they were taken are made good by a full listing`(
            _ messaging: CICServerSettings.Messaging
        ) async throws {
            // Both faults may meet the watch's reader, one right after the other.
            var limits = TestSite.limits
            limits.failedReadings = 3
            try await TestSite.run { [limits] site in
                try await site.withServer { server in
                    try await withFeed(site, messaging: messaging, limits: limits) { watch in
                        try await watch.until("listed") { watch.fulls["Holding"] == 1 }
                        try await site.fault("messages", when: "after")
                        // The watch's reader or the worker's takes the fault; then the next of the watch's.
                        try await site.fault("messages", when: "after")
                        let id = try await server.create(newAttempt(), attributes())
                        try await watch.until("seen") { watch.queues["Holding"]?[id] != nil }
                        #expect(watch.sessions.count == 1)
                    }
                }
            }
        }

        @Test func `attributes that come late make an interaction ours`() async throws {
            try await TestSite.run { site in
                try await withFeed(site) { watch in
                    try await watch.until("listed") { watch.fulls["Holding"] == 1 }
                    let made = try await site.control("interactions", ["workgroup": "Holding", "state": "A"])
                    let id = InteractionID(try #require(made["interactions"]?[0]?.string))
                    let attempt = newAttempt()
                    try await site.control(
                        "interactions/\(id)/attributes", ["attributes": Self.ours(attempt)])
                    try await watch.until("seen with the state it had before") {
                        watch.queues["Holding"]?[id]?.state == .alerting
                    }
                }
            }
        }

        static func ours(_ attempt: AttemptID, assign: Int = 1) -> JSONValue {
            [
                "CR_Installation": "test-installation", "CR_Org": "00D000000000001AAA",
                "CR_CaseId": .string(episode().caseKey.caseID.description), "CR_Episode": "1",
                "CR_AttemptId": .string(attempt.description), "CR_Assign": .string(String(assign)),
            ]
        }

        @Test func `a switchover is told, and the new listing has the new ids`() async throws {
            try await TestSite.run { site in
                try await site.withServer(try site.settings(.handler)) { server in
                    try await withFeed(site) { watch in
                        let attempt = newAttempt()
                        let old = try await server.create(attempt, attributes())
                        try await watch.until("seen") { watch.queues["Holding"]?[old] != nil }
                        try await site.control("switchover", ["window": 300])
                        try await watch.until("again") {
                            watch.sessions.count == 2 && watch.queues["Holding"]?.values.first?.attempt == attempt
                        }
                        #expect(watch.losses >= 1)
                        #expect(watch.sessions.last?.hasPrefix("127.0.0.2:") == true)
                        #expect(watch.queues["Holding"]?[old] == nil)
                    }
                }
            }
        }

        @Test func `the directory is read page by page`() async throws {
            try await TestSite.run {
                $0.skills = (0..<450).map { "Skill \($0)" }
                var inactive = CICWorkgroup(name: "Ünïcode & Söns/ö")
                inactive.isActive = false
                $0.workgroups.append(inactive)
            } _: { site in
                try await withFeed(site) { watch in
                    try await watch.until("open") { !watch.sessions.isEmpty }
                    let directory = try await watch.feed.directory()
                    #expect(Set(directory.skills) == Set((0..<450).map { "Skill \($0)" }))
                    #expect(directory.skills.count == 450)
                    let support = try #require(directory.workgroups.first { $0.name == "Support" })
                    #expect(support.isACD && support.isActive && support.hasQueue && support.takesEmail)
                    #expect(directory.workgroups.first { $0.name == "Holding" }?.isACD == false)
                    #expect(directory.workgroups.first { $0.name == "Ünïcode & Söns/ö" }?.isActive == false)
                    #expect(directory.users.contains("caserouter"))
                }
            }
        }

        @Test(arguments: [CICServerSettings.Messaging.sse, .poll])
        func `fifty thousand interactions are listed within seconds`(_ messaging: CICServerSettings.Messaging)
            async throws
        {
            try await TestSite.run { site in
                for _ in 0..<5 {
                    try await site.control(
                        "interactions",
                        ["workgroup": "Support", "count": 10_000, "attributes": Self.ours(newAttempt(), assign: 3)])
                }
                try await withFeed(site, messaging: messaging) { watch in
                    try await watch.until("open") { watch.fulls["Holding"] == 1 }
                    let began = ContinuousClock.now
                    try await watch.feed.follow(["Support"])
                    try await watch.until("listed") { watch.fulls["Support"] == 1 }
                    let took = ContinuousClock.now - began
                    #expect(watch.queues["Support"]?.count == 50_000)
                    print("50,000 interactions listed by \(messaging) in \(took), simulator in the same process")
                    // Built for debugging, and beside other tests; what grows with the square takes minutes.
                    #expect(took < .seconds(60))
                }
            }
        }

        @Test func `closing ends a wait`() async throws {
            try await TestSite.run { site in
                try await withFeed(site) { watch in
                    try await watch.until("listed") { watch.fulls["Holding"] == 1 }
                    let feed = watch.feed
                    async let waiting = feed.next()
                    try await Task.sleep(for: .milliseconds(50))
                    let began = ContinuousClock.now
                    await feed.close()
                    #expect(try await waiting.isEmpty)
                    #expect(ContinuousClock.now - began < .seconds(2))
                    let failed = await failure { () throws(RoutingFailure) in try await feed.next() }
                    #expect(failed?.kind == .held)
                }
            }
        }

        @Test func `a wait for news ends when its task is cancelled, and the next one waits again`() async throws {
            try await TestSite.run { site in
                try await withFeed(site) { watch in
                    try await watch.until("listed") { watch.fulls["Holding"] == 1 }
                    let feed = watch.feed
                    let waiting = Task { try await feed.next() }
                    try await Task.sleep(for: .milliseconds(50))
                    let began = ContinuousClock.now
                    waiting.cancel()
                    _ = try await waiting.value
                    #expect(ContinuousClock.now - began < .seconds(2))
                    // Cancelled before it begins to wait.
                    let late = Task { try await feed.next() }
                    late.cancel()
                    _ = try await late.value
                    #expect(ContinuousClock.now - began < .seconds(4))
                }
            }
        }

        @Test func `fifty thousand interactions are decoded quickly and kept once`() throws {
            var body = Array(
                #"[{"__type":"urn:inin.com:queues:queueContentsMessage","isDelta":false,"interactionsAdded":["#.utf8)
            for index in 0..<50_000 {
                body += Array(
                    #"\#(index == 0 ? "" : ","){"interactionId":"\#(1_001_000_000 + index)","attributes":\#(DecodingTests.attributes())}"#
                        .utf8)
            }
            body += Array("]}]".utf8)
            let before = residentKilobytes()
            // Of this thread alone: what others do on the machine judges nothing.
            let began = threadTime()
            let messages = try ICWSMessageReader(installation: "ours", maximumBytes: 64 << 20).messages(body)
            let took = threadTime() - began
            guard case .queue(let queue) = try #require(messages.first) else { throw CancellationError() }
            #expect(queue.added.count == 50_000)
            let grown = residentKilobytes() - before
            print("50,000 interactions decoded: \(body.count) bytes in \(took), \(grown) KiB more resident")
            #expect(took < .seconds(10))
            #expect(grown < 64 << 10)
        }

        private func threadTime() -> Duration {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
        }

        private func residentKilobytes() -> Int {
            // Without /proc there is nothing to compare, and the check holds.
            guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
            return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 4
        }
    }
}
