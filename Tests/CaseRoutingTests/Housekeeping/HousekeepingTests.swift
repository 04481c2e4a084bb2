import CaseRouting
import Logging
import Synchronization
import TestSupport
import Testing

struct HousekeepingTests {
    /// Housekeeping on a database of a simulation, running.
    private final class House {
        let simulation = Simulation(seed: 1)
        let shared: SharedTables
        let queue = MemoryFailedQueue()
        let store: MemoryHousekeepingStore
        let task: Task<Void, Never>

        let log = CountedLog()

        init(merges: Bool = true, knows: Bool = true, prepare: (SharedTables, MemoryFailedQueue) -> Void) {
            let shared = SharedTables(simulation, seed: 2)
            self.shared = shared
            store = MemoryHousekeepingStore(shared)
            prepare(shared, queue)
            let life = Life()
            let cases = MemoryCaseStore(shared, life: life)
            let housekeeping = Housekeeping(
                store: store, cases: cases, queue: queue, leases: MemoryLeases(shared, life: life, owner: "one"),
                clock: simulation.clock, random: SeededRandom(seed: 3),
                logger: Logger(label: "housekeeping") { [log] _ in log }, executor: simulation.executor,
                knows: { _ in knows }
            ) { change in
                guard merges else { return false }
                shared.tables.requests[RequestKey(change)]?.isSeen = true
                return true
            }
            // Ended by `stop`.
            task = Task(executorPreference: simulation.executor) { await housekeeping.run() }
        }

        func stop() {
            task.cancel()
            simulation.run(for: .seconds(30))
        }
    }

    /// Counts warnings.
    private final class CountedLog: LogHandler {
        private let count = Mutex(0)
        var warnings: Int { count.withLock { $0 } }
        var logLevel: Logger.Level {
            get { .info }
            set {}
        }
        var metadata: Logger.Metadata {
            get { [:] }
            set {}
        }
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { nil }
            set {}
        }
        func log(event: Logging.LogEvent) { if event.level == .warning { count.withLock { $0 += 1 } } }
    }

    @Test func `what fails again and again is said once a minute, and at once when it fails anew`() {
        let house = House { _, queue in queue.isAway = true }
        house.simulation.run(for: .seconds(600))
        #expect((9...11).contains(house.log.warnings))
        house.queue.isAway = false
        house.simulation.run(for: .seconds(60))
        let before = house.log.warnings
        house.queue.isAway = true
        house.simulation.run(for: .seconds(30))
        #expect(house.log.warnings == before + 1)
        house.stop()
    }

    private func failedCase(_ shared: SharedTables, _ number: Int) {
        var row = CaseTables.CaseRow(nextAt: shared.tables.now)
        row.state.attempts = RetryPolicy.attemptLimit
        row.state.failureNumber = 1
        shared.tables.cases[CaseKey(org: Sample.org, caseID: Sample.id("500A0000000\(number + 1_000)"))] = row
    }

    @Test func `every failed case has a handle, renewed before the broker drops it`() {
        let house = House { shared, _ in for number in 0..<450 { failedCase(shared, number) } }
        house.simulation.run(for: .seconds(10))
        #expect(house.queue.handles.count == 450)
        house.simulation.run(for: .seconds(200))
        #expect(house.queue.handles.count == 450)
        house.simulation.run(for: .seconds(100))
        #expect(house.queue.handles.count == 900)
        house.stop()
    }

    @Test func `there are at most ten thousand handles`() {
        let house = House { shared, queue in
            for number in 0..<450 { failedCase(shared, number) }
            queue.others = 9_700
        }
        house.simulation.run(for: .seconds(60))
        #expect(house.queue.handles.count == 300)
        house.stop()
    }

    @Test func `a well-formed dead message is merged once, and an unreadable one stays and is looked at once a pass`() {
        let change = Sample.change(.created, 10)
        let nonsense = Array("nonsense".utf8)
        let house = House { shared, queue in
            shared.tables.record(change)
            queue.dead = [nonsense, RequestMessage.encode(change), nonsense + [0x21]]
        }
        house.simulation.run(for: .seconds(60))
        #expect(house.queue.dead.count == 2)
        #expect((1...2).contains(house.queue.looks[nonsense] ?? 0))
        #expect(house.shared.tables.requests[RequestKey(change)]?.isSeen == true)
        house.simulation.run(for: .seconds(600))
        #expect(house.queue.dead.count == 2)
        #expect((2...3).contains(house.queue.looks[nonsense] ?? 0))
        house.stop()
    }

    @Test func `a dead message that was taken three times fails its case`() {
        let change = Sample.change(.created, 10)
        let house = House { shared, queue in
            shared.tables.record(change)
            shared.tables.requests[RequestKey(change)]?.taken = 2
            queue.dead = [RequestMessage.encode(change)]
        }
        house.simulation.run(for: .seconds(60))
        #expect(house.queue.dead.isEmpty)
        #expect(house.shared.tables.requests[RequestKey(change)]?.isSeen == false)
        #expect(house.shared.tables.cases[Sample.caseKey]?.failure?.cause == .workerDied)
        house.stop()
    }

    @Test func `what is looked at too often in the queue's page is merged within a minute`() {
        let changes = (0..<50).map { Sample.change(.created, 10, key: "o:\($0)") }
        let house = House { shared, _ in for change in changes { shared.tables.record(change) } }
        house.simulation.run(for: .seconds(37))
        house.queue.dead = changes.map { RequestMessage.encode($0) }
        house.simulation.run(for: .seconds(60))
        #expect(house.queue.dead.isEmpty)
        #expect(changes.allSatisfy { house.shared.tables.requests[RequestKey($0)]?.isSeen == true })
        house.stop()
    }

    @Test func `a good message behind nine thousand that nobody can read is merged, with bodies let go`() {
        let change = Sample.change(.created, 10)
        let nonsense = (0..<9_000).map { Array("nonsense \($0)".utf8) }
        let house = House { shared, queue in
            shared.tables.record(change)
            queue.dead = nonsense + [RequestMessage.encode(change)]
        }
        house.simulation.run(for: .seconds(60))
        #expect(house.shared.tables.requests[RequestKey(change)]?.isSeen == true)
        #expect(
            house.queue.dead.sorted { $0.lexicographicallyPrecedes($1) }
                == nonsense.sorted { $0.lexicographicallyPrecedes($1) })
        // In peace while nothing new comes.
        let looks = house.queue.looks.values.reduce(0, +)
        house.simulation.run(for: .seconds(120))
        #expect(house.queue.looks.values.reduce(0, +) == looks)
        house.stop()
    }

    @Test func `more than can be kept in hand are left for later, and none is lost`() {
        let nonsense = (0..<(DeadRound.mostKept + 500)).map { Array("nonsense \($0)".utf8) }
        let house = House { _, queue in queue.dead = nonsense }
        house.simulation.run(for: .seconds(60))
        #expect(house.queue.dead.count == nonsense.count)
        #expect(house.queue.mostTaken == DeadRound.mostKept)
        house.stop()
    }

    @Test func `a round ends with the first message that cannot be given back`() {
        let nonsense = (0..<100).map { Array("nonsense \($0)".utf8) }
        let house = House { _, queue in
            queue.dead = nonsense
            queue.breaksAtSettling = true
        }
        house.simulation.run(for: .seconds(5))
        #expect(house.queue.settlings == 1)
        #expect(house.queue.dead.count == 100)
        house.simulation.run(for: .seconds(60))
        #expect(house.queue.settlings == 101)
        #expect(house.queue.dead.count == 100)
        house.stop()
    }

    @Test func `a change of an org that is not set up stays and is not counted against anybody`() {
        let change = Sample.change(.created, 10, org: "nowhere")
        let house = House(knows: false) { shared, queue in
            shared.tables.record(change)
            queue.dead = [RequestMessage.encode(change)]
        }
        house.simulation.run(for: .seconds(1_800))
        #expect(house.queue.dead.count == 1)
        #expect(house.shared.tables.requests[RequestKey(change)]?.taken == 0)
        #expect(house.shared.tables.cases.isEmpty)
        house.stop()
    }

    @Test func `what cannot be merged now stays`() {
        let change = Sample.change(.created, 10)
        let house = House(merges: false) { shared, queue in
            shared.tables.record(change)
            queue.dead = [RequestMessage.encode(change)]
        }
        house.simulation.run(for: .seconds(30))
        #expect(house.queue.dead.count == 1)
        #expect(house.shared.tables.requests[RequestKey(change)]?.taken == 1)
        house.stop()
    }

    @Test func `a dead message that is being looked at when the database breaks is looked at again`() {
        let change = Sample.change(.created, 10)
        let house = House { shared, _ in shared.tables.record(change) }
        house.simulation.run(for: .seconds(5))
        house.shared.isBroken = true
        house.queue.dead = [RequestMessage.encode(change)]
        _ = house.simulation.run(until: { house.queue.dead.isEmpty }, limit: .seconds(30))
        house.simulation.run(for: .seconds(1))
        house.shared.isBroken = false
        house.simulation.run(for: .seconds(120))
        #expect(house.shared.tables.requests[RequestKey(change)]?.isSeen == true)
        house.stop()
    }

    @Test func `a retry handle that lies there is carried out`() {
        let house = House { shared, queue in
            failedCase(shared, 1)
            let key = CaseKey(org: Sample.org, caseID: Sample.id("500A00000001001"))
            queue.dead = [
                RequestMessage.encode(
                    RetryHandle(caseKey: key, failureNumber: 1), cause: .workerDied, failedAt: Sample.start)
            ]
        }
        house.simulation.run(for: .seconds(60))
        #expect(house.queue.dead.isEmpty)
        #expect(house.shared.tables.cases.values.allSatisfy { $0.state.attempts == 0 })
        house.stop()
    }

    @Test func `partitions are kept hourly`() {
        let house = House { _, _ in }
        house.simulation.run(for: .seconds(3 * 3_600))
        #expect((3...4).contains(house.store.partitionRounds))
        house.stop()
    }
}
