import CaseRouting
import Logging
import TestSupport
import Testing

/// From the outbox to the interaction: stream, sweep and write-back with the real `Ingest` beside the real router.
struct IngestTraceTests {
    private final class Org {
        let site: SimulatedSite
        let source: MemoryOrg
        let store: MemoryIngestStore
        private var task: Task<Void, Never>?
        private var version: Int64 = 10

        init(seed: UInt64, prepare: (MemoryOrg) -> Void = { _ in }) {
            let site = SimulatedSite(seed: seed)
            self.site = site
            site.startWorker()
            site.startWorker()
            site.startWatch()
            source = MemoryOrg(site.simulation)
            prepare(source)
            store = MemoryIngestStore(site.shared, life: Life())
            startIngest(seed: seed)
            site.run(for: .seconds(5))
        }

        /// Another process for the org, beside the one before or after it.
        func startIngest(seed: UInt64) {
            let life = Life()
            let ingest = Ingest(
                org: Sample.org, settings: IngestSettings(monitoredQueues: [Sample.queueA, Sample.queueB]),
                source: source, store: MemoryIngestStore(site.shared, life: life),
                publisher: MemoryPublisher(site.broker, site.simulation),
                leases: MemoryLeases(site.shared, life: life, owner: "ingest"),
                budget: PublishBudget(executor: site.simulation.executor), clock: site.simulation.clock,
                random: SeededRandom(seed: seed), logger: Logger(label: "ingest") { _ in SwiftLogNoOpLogHandler() },
                executor: site.simulation.executor)
            // Ended by `stop`.
            task = Task(executorPreference: site.simulation.executor) { await ingest.run() }
        }

        func commit(
            _ kind: ChangeKind, owner: RecordID = Sample.queueA, previousOwner: RecordID? = nil, isClosed: Bool = false,
            writesRow: Bool = true
        ) {
            source.commit(
                change(kind, owner: owner, previousOwner: previousOwner, isClosed: isClosed), writesRow: writesRow)
        }

        func change(
            _ kind: ChangeKind, owner: RecordID = Sample.queueA, previousOwner: RecordID? = nil, isClosed: Bool = false
        ) -> CaseChange {
            version += 1
            let row = Sample.id("a00A000000000\(version)")
            var change = Sample.change(
                kind, version, owner: owner, previousOwner: previousOwner, isClosed: isClosed, key: "o:\(row)")
            change.occurredAt = Sample.start + site.simulation.clock.monotonic + source.ahead
            change.row = row
            return change
        }

        func stop() {
            task?.cancel()
            site.stop()
        }
    }

    @Test(arguments: RoutingTraceTests.seeds.prefix(2))
    func `a change comes by the stream, is routed, and its row is marked`(_ seed: UInt64) {
        let org = Org(seed: seed)
        org.commit(.created)
        #expect(org.site.run(until: { org.site.offered != nil && org.site.isAtRest }))
        #expect(org.site.run(until: { org.source.rows.values.allSatisfy { !$0.isNew } }, limit: .seconds(120)))
        #expect(org.store.cursors[org.source.channel]?.replayID == 1)
        #expect(org.site.shared.tables.requests.count == 1)
        org.stop()
    }

    /// Row and request are gone from the database, the row is marked in Salesforce, the position has passed the event:
    /// only the sweep of cases knows.
    @Test(arguments: RoutingTraceTests.seeds.prefix(2))
    func `what the database lost the sweep of a gap brings back, from 72 hours on, before the org goes on`(
        _ seed: UInt64
    ) throws {
        let org = Org(seed: seed)
        let older = org.site.shared.tables
        org.commit(.created)
        #expect(org.site.run(until: { org.site.offered != nil && org.site.isAtRest }))
        let interaction = try #require(org.site.offered).id
        #expect(org.site.run(until: { org.source.rows.values.allSatisfy { !$0.isNew } }, limit: .seconds(120)))
        org.commit(.closed, isClosed: true, writesRow: false)
        org.site.shared.fallBack(to: older)
        let now = Sample.start + org.site.simulation.clock.monotonic
        let hold = CaseTables.HoldKey(kind: .org, name: Sample.org, reason: .lostRows)
        org.site.shared.tables.holds[hold] = Hold(kind: .org, name: Sample.org, reason: .lostRows, detail: "-")
        org.site.shared.ingest.openGaps = [("lost rows", now - .seconds(72 * 3_600), now + .seconds(125))]
        let asked = org.source.askedSince.count
        org.site.run(for: .seconds(120))
        #expect(org.store.openGaps.count == 1)
        #expect(org.site.run(until: { org.store.openGaps.isEmpty && org.site.broker.count == 0 }, limit: .seconds(60)))
        #expect(org.source.askedSince.dropFirst(asked).contains { $0 <= now - .seconds(72 * 3_600) })
        #expect(org.site.offered?.id == interaction)
        #expect(org.site.state.facts?.isClosed == true)
        org.site.shared.tables.holds[hold] = nil
        #expect(org.site.run(until: { org.site.isAtRest && org.site.cic.model.interactions.isEmpty }))
        #expect(org.site.cic.calls[.create] == 1)
        org.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds.prefix(2))
    func `the same row by the stream and by the sweep is one request`(_ seed: UInt64) {
        let org = Org(seed: seed) { $0.refusesPosition = true }
        org.commit(.created)
        org.source.cutStream()
        org.site.run(for: .seconds(1_300))
        #expect(org.site.shared.tables.requests.count == 1)
        #expect(org.site.cic.calls[.create] == 1)
        org.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds.prefix(2))
    func `an event that the stream lost is found by its row`(_ seed: UInt64) {
        let org = Org(seed: seed)
        org.source.losesEvents = true
        org.commit(.created)
        org.site.run(for: .seconds(60))
        #expect(org.site.offered == nil)
        #expect(org.site.run(until: { org.site.offered != nil && org.site.isAtRest }, limit: .seconds(900)))
        #expect(org.site.shared.tables.requests.keys.allSatisfy { $0.eventKey.hasPrefix("o:") })
        org.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds.prefix(2))
    func `a case that came to a queue without a row is found by the sweep of cases`(_ seed: UInt64) {
        let org = Org(seed: seed)
        org.commit(.created, writesRow: false)
        #expect(org.site.run(until: { org.site.offered != nil && org.site.isAtRest }, limit: .seconds(1_500)))
        org.stop()
    }

    @Test(arguments: [-1_200, 1_200])
    func `a case that came without a row is found as soon although the database has another time than Salesforce`(
        seconds: Int
    ) {
        let org = Org(seed: 5) { $0.ahead = .seconds(seconds) }
        // Later than what the first sweep looks at, and found by one that looks at what is new.
        org.site.run(for: .seconds(700))
        org.commit(.created, writesRow: false)
        #expect(org.site.run(until: { org.site.offered != nil && org.site.isAtRest }, limit: .seconds(800)))
        org.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds.prefix(2))
    func `a case that left the monitored queues without a row is not offered for ever`(_ seed: UInt64) {
        let org = Org(seed: seed)
        org.commit(.created)
        #expect(org.site.run(until: { org.site.offered != nil && org.site.isAtRest }))
        org.commit(.closed, isClosed: true, writesRow: false)
        #expect(org.site.run(until: { org.site.cic.model.interactions.isEmpty }, limit: .seconds(1_500)))
        #expect(org.site.run(until: { org.site.isAtRest }))
        org.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds.prefix(2))
    func `a case whose agent has finished is not offered again by the sweeps`(_ seed: UInt64) throws {
        let org = Org(seed: seed)
        org.commit(.created)
        #expect(org.site.run(until: { org.site.offered != nil && org.site.isAtRest }))
        let interaction = try #require(org.site.offered).id
        org.site.cic.pickUp(interaction)
        org.site.run(for: .seconds(5))
        org.site.cic.end(interaction)
        org.site.run(for: .seconds(8_000))
        #expect(org.site.cic.offered.count == 1)
        #expect(org.store.sweeps.contains { $0.isWhole })
        org.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds.prefix(2))
    func `what a late older row has overwritten is observed again`(_ seed: UInt64) {
        let org = Org(seed: seed)
        org.commit(.created)
        #expect(org.site.run(until: { org.site.offered != nil && org.site.isAtRest }))
        // The row of this one is on its way for long.
        let late = org.change(.queueChanged, owner: Sample.queueB, previousOwner: Sample.queueA)
        org.commit(.ownerChanged, owner: Sample.user, previousOwner: Sample.queueB, writesRow: false)
        #expect(org.site.run(until: { org.site.state.facts?.owner == Sample.user }, limit: .seconds(1_500)))
        org.site.broker.publish(late)
        org.site.run(for: .seconds(10))
        #expect(org.site.state.facts?.owner == Sample.queueB)
        #expect(org.site.run(until: { org.site.state.facts?.owner == Sample.user }, limit: .seconds(8_000)))
        org.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds.prefix(2), [false, true])
    func `what changes while a sweep reads is not taken back by it`(_ seed: UInt64, isReopened: Bool) {
        let org = Org(seed: seed)
        org.commit(.created)
        #expect(org.site.run(until: { org.site.offered != nil && org.site.isAtRest }))
        if isReopened {
            org.commit(.closed, isClosed: true)
            #expect(org.site.run(until: { org.site.offered == nil && org.site.isAtRest }))
        }
        // What is younger is on its way, and no sweep looks at it.
        org.site.run(for: .seconds(300))
        org.source.openCasesDelay = .seconds(5)
        let reads = org.source.openCaseReads
        #expect(org.site.run(until: { org.source.openCaseReads > reads }, limit: .seconds(4_000)))
        org.commit(isReopened ? .reopened : .closed, isClosed: !isReopened)
        #expect(org.site.run(until: { org.site.state.facts?.isClosed == !isReopened }, limit: .seconds(4)))
        for _ in 0..<20 {
            org.site.run(for: .seconds(1))
            #expect(org.site.state.facts?.isClosed == !isReopened)
        }
        #expect((org.site.offered != nil) == isReopened)
        org.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds.prefix(2))
    func `a refused position opens a gap that only a finished sweep closes`(_ seed: UInt64) {
        let org = Org(seed: seed)
        org.commit(.created)
        #expect(org.site.run(until: { org.site.isAtRest && org.store.cursors[org.source.channel] != nil }))
        org.source.refusesPosition = true
        org.source.cutStream()
        #expect(org.site.run(until: { !org.store.openGaps.isEmpty }, limit: .seconds(200)))
        #expect(org.site.run(until: { org.store.openGaps.isEmpty }, limit: .seconds(60)))
        org.commit(.queueChanged, owner: Sample.queueB, previousOwner: Sample.queueA)
        #expect(org.site.run(until: { org.store.cursors[org.source.channel]?.streamEpoch == 2 }, limit: .seconds(60)))
        org.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds.prefix(2))
    func `the position waits for the broker's confirm`(_ seed: UInt64) {
        let org = Org(seed: seed)
        org.site.broker.isBroken = true
        org.commit(.created)
        org.site.run(for: .seconds(60))
        #expect(org.store.cursors.isEmpty)
        #expect(org.site.shared.tables.requests.isEmpty)
        org.site.broker.isBroken = false
        #expect(org.site.run(until: { org.site.offered != nil }, limit: .seconds(120)))
        org.stop()
    }

    /// A sweep of comments has found it without its row, and no event names that.
    @Test(arguments: RoutingTraceTests.seeds.prefix(2))
    func `the row of a comment that was found before its row is marked`(_ seed: UInt64) throws {
        let org = Org(seed: seed)
        org.commit(.created)
        #expect(org.site.run(until: { org.site.offered != nil && org.site.isAtRest }))
        var comment = org.change(.comment)
        comment.row = nil
        org.site.broker.publish(comment)
        #expect(org.site.run(until: { org.site.shared.tables.requests.count == 2 && org.site.isAtRest }))
        comment.row = Sample.id("a00A00000000099")
        org.source.commit(comment, announces: false)
        #expect(org.site.run(until: { org.source.rows.values.allSatisfy { !$0.isNew } }, limit: .seconds(900)))
        #expect(org.site.shared.tables.requests.count == 2)
        org.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds.prefix(2))
    func `a row that cannot be marked is put off by itself`(_ seed: UInt64) {
        let org = Org(seed: seed)
        org.source.unmarkable = [Sample.id("a00A00000000011")]
        org.commit(.created)
        org.commit(.comment)
        #expect(org.site.run(until: { org.store.postponed.count == 1 }, limit: .seconds(120)))
        #expect(org.source.rows.values.count { $0.isNew } == 1)
        org.stop()
    }

    /// The case left while its rows were lost: what is wanted of it was read off CIC, and no sweep finds a difference.
    @Test(arguments: RoutingTraceTests.seeds.prefix(2))
    func `a rebuilt case is read again although the first reading of it fails`(_ seed: UInt64) throws {
        let org = Org(seed: seed)
        let older = org.site.shared.tables
        org.commit(.created)
        #expect(org.site.run(until: { org.site.offered != nil && org.site.isAtRest }))
        org.source.failures = 1
        org.site.shared.fallBack(to: older)
        org.commit(.queueChanged, owner: Sample.unmonitored, previousOwner: Sample.queueA)
        #expect(org.site.run(until: { org.source.failures == 0 }))
        #expect(org.site.state.wanted?.workgroup == Sample.workgroupA)
        #expect(org.site.run(until: { org.site.isAtRest && org.site.cic.model.interactions.isEmpty }))
        #expect(org.site.state.wanted == nil)
        org.stop()
    }

    /// No sweep looks for comments on the cases of users, and this one's row was marked before it was lost.
    @Test(arguments: RoutingTraceTests.seeds.prefix(2))
    func `a comment on a user's case whose request the database lost comes again`(_ seed: UInt64) throws {
        let org = Org(seed: seed)
        let isMarked = { org.source.rows.values.allSatisfy { !$0.isNew } }
        org.commit(.created, owner: Sample.user)
        #expect(org.site.run(until: isMarked, limit: .seconds(120)))
        let (older, olderIngest) = (org.site.shared.tables, org.site.shared.ingest)
        org.commit(.comment, owner: Sample.user)
        #expect(org.site.run(until: isMarked, limit: .seconds(120)))
        let known = Set(org.site.shared.tables.requests.keys)
        org.site.shared.fallBack(to: older)
        org.site.shared.ingest = olderIngest
        org.commit(.comment, owner: Sample.user)
        #expect(org.site.run(until: { known.isSubset(of: org.site.shared.tables.requests.keys) }, limit: .seconds(60)))
        #expect(org.site.run(until: { org.site.isAtRest && org.site.broker.count == 0 }))
        org.stop()
    }

    /// The mapping named a workgroup that CIC does not have.
    @Test(arguments: RoutingTraceTests.seeds.prefix(2))
    func `a failed case whose mapping was corrected is offered by the corrected one`(_ seed: UInt64) throws {
        let org = Org(seed: seed)
        org.site.cic.faults[.assign] = [
            .refused(
                RoutingFailure(.configuration, at: .assign, cause: .workgroupUnknown, "There is no such workgroup."))
        ]
        org.commit(.created)
        #expect(org.site.run(until: { org.site.state.attempts == RetryPolicy.attemptLimit }))
        org.site.set(
            Sample.configuration(mappings: [
                Sample.mapping(1, Sample.queueA, Sample.workgroupB),
                Sample.mapping(2, Sample.queueB, Sample.workgroupB),
            ]))
        org.site.run(for: .seconds(5))
        // As housekeeping does it for a mapping that was changed.
        org.site.shared.tables.cases[Sample.caseKey]?.isToVerify = true
        #expect(org.site.run(until: { org.site.isAtRest && org.site.offered != nil }, limit: .seconds(120)))
        #expect(org.site.offered?.live.workgroup == Sample.workgroupB)
        #expect(org.site.state.attempts == 0)
        org.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `a gap that opens while a sweep begins is not closed without being looked at`(_ seed: UInt64) throws {
        let org = Org(seed: seed)
        let now = Sample.start + org.site.simulation.clock.monotonic
        // One opens every fifth of a millisecond; the later it opens, the earlier changes may be missing.
        let gaps = (0..<10_000).map { number in
            ("\(number)", Timestamp?.some(now - .seconds(3_600 * (number + 1))), now + .microseconds(200 * number))
        }
        org.site.shared.ingest.openGaps = gaps
        let asked = org.source.askedSince.count
        let sweeps = org.store.sweeps.count
        #expect(org.site.run(until: { org.store.sweeps.count > sweeps }, limit: .seconds(10)))
        let since = try #require(org.source.askedSince.dropFirst(asked).min())
        let open = Set(org.store.openGaps)
        let closed = gaps.filter { !open.contains($0.0) }
        #expect(!closed.isEmpty && !open.isEmpty)
        #expect(closed.compactMap(\.1).allSatisfy { $0 >= since })
        org.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds.prefix(2))
    func `comments that nobody told of are asked for since the last sweep, whoever made it`(_ seed: UInt64) throws {
        let org = Org(seed: seed)
        org.site.run(for: .seconds(60))
        let last = try #require(org.store.sweeps.last?.startedAt)
        org.stop()
        org.site.run(for: .seconds(5 * 3_600))
        let asked = org.source.askedSince.count
        org.startIngest(seed: seed)
        org.site.run(for: .seconds(60))
        #expect(try #require(org.source.askedSince.dropFirst(asked).first) <= last)
        org.stop()
    }
}
