import CaseRouting
import Logging
import TestSupport
import Testing

/// Sweeps that a person asks for, and settings that change under them: the real `Ingest` beside the real router.
struct AskedSweepTraceTests {
    private static let onlyA = Sample.configuration(mappings: [Sample.mapping(1, Sample.queueA, Sample.workgroupA)])

    private final class Org {
        let site: SimulatedSite
        let source: MemoryOrg
        private(set) var ingest: Ingest
        private(set) var store: MemoryIngestStore
        private var life = Life()
        private var task: Task<Void, Never>?
        private var settings: IngestSettings
        private var version: Int64 = 10
        private var asked: Int64 = 0

        init(
            _ seed: UInt64, _ configuration: RoutingConfiguration, monitored: Set<RecordID>,
            prepare: (Org) -> Void = { _ in }
        ) {
            site = SimulatedSite(seed: seed, configuration: configuration)
            site.startWorker()
            site.startWorker()
            site.startWatch()
            source = MemoryOrg(site.simulation)
            settings = IngestSettings(monitoredQueues: monitored)
            (ingest, store) = Self.make(site, source, settings, life, seed)
            prepare(self)
            start()
        }

        private static func make(
            _ site: SimulatedSite, _ source: MemoryOrg, _ settings: IngestSettings, _ life: Life, _ seed: UInt64
        ) -> (Ingest, MemoryIngestStore) {
            let store = MemoryIngestStore(site.shared, life: life)
            let ingest = Ingest(
                org: Sample.org, settings: settings, source: source, store: store,
                publisher: MemoryPublisher(site.broker, site.simulation),
                leases: MemoryLeases(site.shared, life: life, owner: "ingest-\(seed)"),
                budget: PublishBudget(executor: site.simulation.executor), clock: site.simulation.clock,
                random: SeededRandom(seed: seed), logger: Logger(label: "ingest") { _ in SwiftLogNoOpLogHandler() },
                executor: site.simulation.executor)
            return (ingest, store)
        }

        private func start() {
            // Ended by `stop`, or with the process.
            task = Task(executorPreference: site.simulation.executor) { [ingest] in await ingest.run() }
            site.run(for: .seconds(5))
        }

        /// The process dies, and another one takes its place.
        func restart(seed: UInt64) {
            life.isOver = true
            task?.cancel()
            site.run(for: .seconds(40))
            life = Life()
            (ingest, store) = Self.make(site, source, settings, life, seed)
            start()
        }

        /// What people set: in force at once, heard of by ingest at once and by the workers later.
        func set(
            _ configuration: RoutingConfiguration, monitored: Set<RecordID>, heardAfter delay: Duration = .seconds(1),
            ingestHears: Bool = true
        ) {
            site.set(configuration, heardAfter: delay)
            settings = IngestSettings(
                configuration: site.shared.tables.configuration, monitoredQueues: monitored)
            if ingestHears { tellIngest() }
        }

        func tellIngest() {
            // Ends by itself.
            Task(executorPreference: site.simulation.executor) { [ingest, settings] in await ingest.use(settings) }
        }

        func ask(queue: RecordID? = nil, isDryRun: Bool = false) {
            asked += 1
            site.shared.tables.askedSweeps.append(
                (AskedSweep(id: asked, queue: queue, isDryRun: isDryRun), site.shared.tables.configuration, false))
        }

        var isAnswered: Bool { site.shared.tables.askedSweeps.allSatisfy(\.isFinished) }

        func commit(
            _ kind: ChangeKind, owner: RecordID = Sample.queueB, caseID: RecordID = Sample.caseID,
            writesRow: Bool = true
        ) {
            version += 1
            let row = Sample.id("a00A000000000\(version)")
            var change = Sample.change(kind, version, owner: owner, key: "o:\(row)", caseID: caseID)
            change.occurredAt = Sample.start + site.simulation.clock.monotonic
            change.row = row
            source.commit(change, writesRow: writesRow)
        }

        func stop() {
            task?.cancel()
            site.stop()
        }
    }

    private static let both: Set<RecordID> = [Sample.queueA, Sample.queueB]

    @Test(arguments: RoutingTraceTests.seeds.prefix(3))
    func `cases that wait in a newly mapped queue are offered when a person asks`(_ seed: UInt64) throws {
        let org = Org(seed, Self.onlyA, monitored: [Sample.queueA])
        org.commit(.created)
        org.site.run(for: .seconds(30))
        org.set(Sample.configuration(), monitored: Self.both)
        // Two sweeps on time.
        org.site.run(for: .seconds(1_300))
        #expect(org.site.cic.offered.isEmpty)
        org.ask(queue: Sample.queueA)
        #expect(org.site.run(until: { org.isAnswered }))
        org.site.run(for: .seconds(30))
        #expect(org.site.cic.offered.isEmpty)
        org.ask(queue: Sample.queueB)
        #expect(org.site.run(until: { org.site.offered != nil && org.site.isAtRest }))
        #expect(try #require(org.site.offered).live.workgroup == Sample.workgroupB)
        #expect(org.isAnswered && org.store.sweeps.last?.offered == 1)
        org.ask()
        #expect(org.site.run(until: { org.isAnswered }))
        org.site.run(for: .seconds(30))
        #expect(org.site.cic.offered.count == 1)
        org.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds.prefix(2))
    func `an org that is taken live has its waiting cases offered when a person asks`(_ seed: UInt64) {
        let org = Org(seed, Sample.configuration(mode: .observe), monitored: Self.both)
        org.commit(.created)
        org.site.run(for: .seconds(30))
        org.ask()
        #expect(org.site.run(until: { org.isAnswered && org.site.isAtRest }))
        org.set(Sample.configuration(), monitored: Self.both)
        org.site.run(for: .seconds(5))
        #expect(org.site.cic.offered.isEmpty)
        org.ask()
        #expect(org.site.run(until: { org.site.offered != nil && org.site.isAtRest }))
        org.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds.prefix(2))
    func `a case that an agent has finished is not offered by an asked sweep, unless something was put aside since`(
        _ seed: UInt64
    ) throws {
        let org = Org(seed, Sample.configuration(), monitored: Self.both)
        org.commit(.created)
        #expect(org.site.run(until: { org.site.offered != nil && org.site.isAtRest }))
        let interaction = try #require(org.site.offered).id
        org.site.cic.pickUp(interaction)
        org.site.run(for: .seconds(5))
        org.site.cic.end(interaction)
        #expect(org.site.run(until: { org.site.state.wanted == nil }))
        org.ask()
        #expect(org.site.run(until: { org.isAnswered }))
        org.site.run(for: .seconds(30))
        #expect(org.site.cic.offered.count == 1)

        org.set(Self.onlyA, monitored: [Sample.queueA])
        org.site.run(for: .seconds(5))
        org.commit(.comment)
        org.site.run(for: .seconds(5))
        org.set(Sample.configuration(), monitored: Self.both)
        org.site.run(for: .seconds(5))
        org.ask()
        #expect(org.site.run(until: { org.site.offered != nil && org.site.isAtRest }))
        #expect(org.site.cic.offered.count == 2)
        org.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds.prefix(3))
    func `an asked sweep whose process dies midway is begun again by the next holder of the org`(_ seed: UInt64) {
        let org = Org(seed, Self.onlyA, monitored: [Sample.queueA])
        org.commit(.created)
        org.site.run(for: .seconds(30))
        org.set(Sample.configuration(), monitored: Self.both)
        org.site.run(for: .seconds(5))
        // It has compared and cannot publish.
        org.site.broker.isBroken = true
        org.ask()
        org.site.run(for: .seconds(20))
        #expect(!org.isAnswered)
        org.restart(seed: seed + 100)
        org.site.broker.isBroken = false
        #expect(org.site.run(until: { org.site.offered != nil && org.site.isAtRest && org.isAnswered }))
        #expect(org.site.cic.mostRoutable == 1)
        org.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `a worker that has not heard of a newly mapped queue does not ignore its sweep for good`(_ seed: UInt64) {
        let org = Org(seed, Self.onlyA, monitored: [Sample.queueA])
        // In the queue for long, and nobody ever told of it.
        org.commit(.created, writesRow: false)
        org.site.run(for: .seconds(200))
        org.set(Sample.configuration(), monitored: Self.both, heardAfter: .seconds(45))
        org.site.run(for: .seconds(40))
        #expect(org.site.shared.tables.requests.count == 1)
        #expect(org.site.shared.tables.requests.values.allSatisfy { !$0.isSeen })
        #expect(org.site.run(until: { org.site.offered != nil && org.site.isAtRest }, limit: .seconds(120)))
        org.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds.prefix(2))
    func `a sweep that was asked for under newer settings waits until ingest has them`(_ seed: UInt64) {
        let org = Org(seed, Self.onlyA, monitored: [Sample.queueA])
        org.commit(.created)
        org.site.run(for: .seconds(30))
        org.set(Sample.configuration(), monitored: Self.both, ingestHears: false)
        org.ask(queue: Sample.queueB)
        org.site.run(for: .seconds(60))
        #expect(!org.isAnswered)
        org.tellIngest()
        #expect(org.site.run(until: { org.site.offered != nil && org.isAnswered }))
        org.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds.prefix(2))
    func `a dry run says what would be published and publishes nothing`(_ seed: UInt64) throws {
        let org = Org(seed, Self.onlyA, monitored: [Sample.queueA])
        org.commit(.created)
        let unheard = Sample.id("500A00000000002")
        org.commit(.created, caseID: unheard, writesRow: false)
        org.site.run(for: .seconds(200))
        org.source.losesEvents = true
        org.commit(.created, owner: Sample.queueA, caseID: Sample.id("500A00000000003"))
        org.set(Sample.configuration(), monitored: Self.both, ingestHears: false)
        let requests = org.site.shared.tables.requests.count
        org.ask(isDryRun: true)
        org.tellIngest()
        #expect(org.site.run(until: { org.store.sweeps.contains { $0.findings != nil } }, limit: .seconds(5)))
        #expect(org.isAnswered)
        let result = try #require(org.store.sweeps.first { $0.findings != nil })
        let found = Dictionary(
            uniqueKeysWithValues: (result.findings ?? []).map { ($0.change.caseID, $0.why) })
        #expect(found == [Sample.caseID: .waits, unheard: .differs, Sample.id("500A00000000003"): .row])
        #expect(result.offered == 1 && result.observed == 2 && result.rows == 1)
        #expect(org.site.shared.tables.requests.count == requests)
        #expect(org.site.broker.count == 0)
        org.stop()
    }
}
