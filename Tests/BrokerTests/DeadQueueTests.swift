import AMQP
import CaseRouting
import Foundation
import FoundationNetworking
import Logging
import Polling
import Synchronization
import TestSupport
import Testing

@testable import Broker

/// What lies in `caserouter.dead` of a real broker, as housekeeping works through it.
@Suite(.serialized) struct DeadQueueTests {
    private static func change(_ number: Int) throws -> CaseChange {
        CaseChange(
            key: "o:\(number)", org: "main", caseID: try RecordID("500Hs00001kP3xQ"), kind: .created,
            version: Int64(number), occurredAt: Timestamp(microseconds: 1_800_000_000_000_000), caseNumber: "1",
            owner: try RecordID("00GHs00001kP3xQ"), previousOwner: nil, isClosed: false, skills: "", priority: "")
    }

    /// Runs housekeeping until the condition holds.
    private static func keepHouse(
        _ host: VirtualHost, merged: Merged, until what: Comment, _ condition: () async throws -> Bool
    ) async throws {
        let queue = host.failedQueue()
        let store = NoStore()
        let housekeeping = Housekeeping(
            store: store, cases: merged, queue: queue, leases: store, clock: LoopClock(),
            random: SeededRandom(seed: 1), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            executor: host.loop
        ) { change in merged.merge(change) }
        let task = Task(executorPreference: host.loop) { await housekeeping.run() }
        do {
            try await eventually(what, condition)
        } catch {
            task.cancel()
            await task.value
            await queue.close()
            throw error
        }
        task.cancel()
        await task.value
        #expect(await queue.unsettledCount == 0)
        await queue.close()
    }

    @Test(.timeLimit(.minutes(3)))
    func `looking thirty times at each queue loses nothing and leaves dead empty within a minute`() async throws {
        try await VirtualHost.run { host in
            let handle = RetryHandle(caseKey: try Self.change(0).caseKey, failureNumber: 3)
            let body = RequestMessage.encode(handle, cause: .cicNoAnswer, failedAt: Timestamp(microseconds: 0))
            for number in 1...5 {
                try await host.connection.publish(
                    RequestMessage.encode(try Self.change(number)), to: BrokerTopology.requests)
            }
            // A handle that somebody has moved, and one that waits.
            try await host.connection.publish(body, to: BrokerTopology.requests)
            try await host.connection.publish(body, to: BrokerTopology.failed)
            for _ in 0..<30 {
                for queue in [BrokerTopology.requests, BrokerTopology.failed, BrokerTopology.dead] {
                    try await host.look(at: queue)
                }
            }
            try await eventually("they were looked at too often") {
                try await host.count(BrokerTopology.dead) == 6
            }
            #expect(try await host.count(BrokerTopology.failed) == 1)
            let merged = Merged()
            let start = MonotonicTime.now
            try await Self.keepHouse(host, merged: merged, until: "dead is empty") {
                let left = try await host.count(BrokerTopology.dead)
                return left == 0 && merged.changes.count == 5
            }
            #expect(MonotonicTime.now - start < .seconds(60))
            #expect(Set(merged.changes) == ["o:1", "o:2", "o:3", "o:4", "o:5"])
            #expect(merged.handles == [handle])
            #expect(try await host.count(BrokerTopology.requests) == 0)
        }
    }

    @Test(.timeLimit(.minutes(3)))
    func `a good message behind thousands that nobody can read is merged, and they stay`() async throws {
        try await VirtualHost.run { host in
            let count = 3_000
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<count {
                    group.addTask {
                        try await host.connection.publish(body("nonsense \(number)"), to: BrokerTopology.dead)
                    }
                }
                try await group.waitForAll()
            }
            try await host.connection.publish(RequestMessage.encode(try Self.change(1)), to: BrokerTopology.dead)
            let merged = Merged()
            try await Self.keepHouse(host, merged: merged, until: "it is merged") {
                let left = try await host.count(BrokerTopology.dead)
                return merged.changes == ["o:1"] && left == count
            }
            #expect(merged.unreadable >= count)
            // One that was merged comes again when its acknowledgement was cut off with the connection.
            let good = RequestMessage.encode(try Self.change(1))
            var seen: Set<[UInt8]> = []
            while let one = try await host.connection.get(BrokerTopology.dead) {
                if one.body != good { seen.insert(one.body) }
                try await host.connection.acknowledge(one)
            }
            #expect(seen.count == count)
        }
    }

    @Test(.timeLimit(.minutes(3)))
    func `a connection that breaks in a round loses nothing, and the next round goes on`() async throws {
        try await VirtualHost.run { host in
            for number in 0..<200 {
                try await host.connection.publish(body("nonsense \(number)"), to: BrokerTopology.dead)
            }
            let (proxy, address) = try host.proxied()
            defer { proxy.close() }
            let failed = host.failedQueue(address)
            var taken: [RequestDelivery] = []
            for _ in 0..<100 { taken.append(try #require(try await failed.takeDead())) }
            proxy.cutAll()
            try await eventually("they are back") {
                try await host.count(BrokerTopology.dead) == 200
            }
            let failure = await failure { () async throws(RoutingFailure) in try await failed.keepDead(taken[0]) }
            #expect(failure?.kind == .own)
            #expect(await failed.unsettledCount == 0)
            let again = try #require(try await failed.takeDead())
            #expect(again.incarnation != taken[0].incarnation)
            #expect(await failed.unsettledCount == 1)
            try await failed.keepDead(again)
            await failed.close()
            try await eventually("all are there") {
                try await host.count(BrokerTopology.dead) == 200
            }
        }
    }
}

/// Remembers what was merged, retried and put aside.
private final class Merged: CaseStore {
    private let state = Mutex((changes: [String](), handles: [RetryHandle](), unreadable: 0))

    var changes: [String] { state.withLock { $0.changes } }
    var handles: [RetryHandle] { state.withLock { $0.handles } }
    /// How often the reason of one that cannot be read was written down.
    var unreadable: Int { state.withLock { $0.unreadable } }

    func merge(_ change: CaseChange) -> Bool {
        state.withLock { $0.changes.append(change.key) }
        return true
    }

    func retry(_ handle: RetryHandle) -> Bool {
        state.withLock { $0.handles.append(handle) }
        return true
    }

    func raiseTaken(_ request: RequestKey) -> Int { 1 }

    private static let unexpected = RoutingFailure(.own, at: .store, cause: .database, "Housekeeping does not do this.")

    func read(_ change: CaseChange) throws(RoutingFailure) -> CaseSnapshot { throw Self.unexpected }
    func merge(_ merge: Merge) throws(RoutingFailure) -> MergeResult { throw Self.unexpected }
    func claimDue(limit: Int, servers: [String]) throws(RoutingFailure) -> [Claim] { throw Self.unexpected }
    func beginCreate(_ claim: Claim, attempt: AttemptID, opensEpisode: Bool) throws(RoutingFailure) -> Claim? {
        throw Self.unexpected
    }
    func win(_ claim: Claim, _ interaction: InteractionID, _ attempt: AttemptID) throws(RoutingFailure) -> Claim? {
        throw Self.unexpected
    }
    func beginAssign(_ claim: Claim) throws(RoutingFailure) -> Bool { throw Self.unexpected }
    func recordPlaced(_ claim: Claim, workgroup: String, skills: String) throws(RoutingFailure) -> Bool {
        throw Self.unexpected
    }
    func finish(_ claim: Claim) throws(RoutingFailure) -> Bool { throw Self.unexpected }
    func beginEnding(_ claim: Claim) throws(RoutingFailure) -> Bool { throw Self.unexpected }
    func end(_ end: EpisodeEnd) throws(RoutingFailure) -> Bool { throw Self.unexpected }
    func endUnborn(_ claim: Claim) throws(RoutingFailure) -> Bool { throw Self.unexpected }
    func park(
        _ claim: Claim, _ failure: RoutingFailure, delay: Duration, create: FailedCreate?
    ) throws(RoutingFailure) -> Bool { throw Self.unexpected }
    func refresh(_ claim: Claim) throws(RoutingFailure) -> Claim? { throw Self.unexpected }
    func release(_ claim: Claim, delay: Duration) throws(RoutingFailure) { throw Self.unexpected }
    func placeHold(_ hold: Hold) throws(RoutingFailure) { throw Self.unexpected }
    func failPoisonous(_ request: RequestKey, _ failure: RoutingFailure) throws(RoutingFailure) {
        throw Self.unexpected
    }
    func takeUnseen(limit: Int) throws(RoutingFailure) -> [TakenRequest] { throw Self.unexpected }
    func recordUndecodable(_ message: UndecodableMessage) { state.withLock { $0.unreadable += 1 } }
}

/// Nothing else is to be kept.
private struct NoStore: HousekeepingStore, Leases {
    func takeDueHandles(limit: Int) -> [DueHandle] { [] }
    func maintainPartitions() -> [String] { [] }
    func liftSweptOrgs() -> [String] { [] }
    func advanceRetries() -> [String] { [] }
    func accountingDifferences() -> [AccountingDifference] { [] }
    func take(_ kind: Lease.Kind, _ name: String) -> Lease? { Lease(kind: kind, name: name, term: 1) }
    func release(_ lease: Lease) {}
}

/// This machine's clocks.
private struct LoopClock: RoutingClock {
    var monotonic: Duration { .nanoseconds(MonotonicTime.now.nanoseconds) }
    var wall: Timestamp { Timestamp(microseconds: 0) }

    func sleep(for duration: Duration) async throws(CancellationError) {
        do {
            try await Task.sleep(for: duration)
        } catch {
            throw CancellationError()
        }
    }
}
