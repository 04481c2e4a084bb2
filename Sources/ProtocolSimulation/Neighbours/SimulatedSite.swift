import CaseRouting
import Logging

/// Routing workers and a watch on one database, one broker and one CIC site, in virtual time. Touched by the test while
/// nothing is running.
public final class SimulatedSite: @unchecked Sendable {
    public let simulation: Simulation
    public let shared: SharedTables
    public let broker: MemoryBroker
    public let cic: MemoryCIC
    public var recoveryWait: Duration = .seconds(60)
    private var configuration: RoutingConfiguration
    private var routers: [CaseRouter] = []
    private var watches: [InteractionWatch] = []
    private let seed: UInt64
    private var processes: [(life: Life, task: Task<Void, Never>)] = []

    public init(seed: UInt64 = 1, configuration: RoutingConfiguration = Sample.configuration()) {
        self.seed = seed
        self.configuration = configuration
        simulation = Simulation(seed: seed)
        broker = MemoryBroker(simulation.clock)
        shared = SharedTables(simulation, seed: seed &+ 1)
        cic = MemoryCIC(simulation, seed: seed &+ 2)
    }

    public var state: CaseState { shared.tables.state(Sample.caseKey) }

    /// - Returns: what `kill` takes.
    @discardableResult
    public func startWorker() -> Life {
        let life = Life()
        let random = SeededRandom(seed: seed &+ UInt64(processes.count) &* 17 &+ 3)
        let router = CaseRouter(
            store: MemoryCaseStore(shared, life: life),
            queue: MemoryRequestQueue(broker: broker, life: life, clock: simulation.clock), clock: simulation.clock,
            random: random, logger: Logger(label: "worker") { _ in SwiftLogNoOpLogHandler() }, casesInFlight: 50,
            executor: simulation.executor)
        let server = MemoryInteractionServer(cic, life: life, shared: shared)
        routers.append(router)
        let configuration = configuration
        start(life) {
            await router.use(configuration)
            await router.use(servers: [Sample.cic: server])
            await router.run()
        }
        return life
    }

    @discardableResult
    public func startWatch() -> Life {
        let life = Life()
        // The watch makes its feeds itself, and must not keep the site.
        let (cic, simulation) = (cic, simulation)
        let watch = InteractionWatch(
            cic: Sample.cic,
            settings: WatchSettings(
                holding: MemoryCIC.holding, workgroups: [Sample.workgroupA, Sample.workgroupB],
                recoveryWait: recoveryWait),
            feed: MemoryFeed(cic, simulation, life: life),
            server: MemoryInteractionServer(cic, life: life, shared: shared, isOfWatch: true),
            store: MemoryWatchStore(shared, life: life),
            leases: MemoryLeases(shared, life: life, owner: "watch-\(processes.count)"),
            clock: ProcessClock(simulation.clock, life),
            random: SeededRandom(seed: seed &+ UInt64(processes.count) &* 31 &+ 5),
            logger: Logger(label: "watch") { _ in SwiftLogNoOpLogHandler() }, executor: simulation.executor)
        watches.append(watch)
        start(life) { await watch.run() }
        return life
    }

    /// The database goes on from an earlier moment, and the watches hear of it.
    public func loseRows(since older: CaseTables) {
        shared.fallBack(to: older)
        // Ends by itself.
        Task(executorPreference: simulation.executor) { [watches] in
            for watch in watches { await watch.loseRows() }
        }
    }

    /// People set something: it is in force at once, and the workers hear of it one after the other.
    public func set(_ new: RoutingConfiguration, heardAfter delay: Duration = .seconds(1)) {
        shared.tables.configuration += 1
        configuration = new
        configuration.version = shared.tables.configuration
        for (number, router) in routers.enumerated() {
            // Ends by itself.
            Task(executorPreference: simulation.executor) { [configuration, clock = simulation.clock] in
                do throws(CancellationError) { try await clock.sleep(for: delay * (number + 1)) } catch { return }
                await router.use(configuration)
            }
        }
    }

    private func start(_ life: Life, _ body: @escaping @Sendable () async -> Void) {
        // Ended by `kill` or `stop`.
        processes.append((life, Task(executorPreference: simulation.executor) { await body() }))
    }

    /// The process dies at once: nothing that it does from now on has an effect, and what it had not acknowledged is
    /// delivered again.
    public func kill(_ life: Life) {
        life.isOver = true
        broker.lose(life)
        for process in processes where process.life === life { process.task.cancel() }
    }

    public func stop() {
        for process in processes { kill(process.life) }
        simulation.run(for: .seconds(60))
    }

    public func run(for duration: Duration) { simulation.run(for: duration) }

    public func run(until condition: () -> Bool, limit: Duration = .seconds(600)) -> Bool {
        simulation.run(until: condition, limit: limit)
    }

    /// Nothing is left to do for anybody: no message, no due case, nothing of ours in holding.
    public var isAtRest: Bool {
        let now = Sample.start + simulation.clock.monotonic
        return broker.count == 0
            && shared.tables.cases.values.allSatisfy { row in
                !row.state.isDue && row.leaseUntil.map { $0 <= now } ?? true
            }
            && !cic.model.interactions.values.contains { $0.place == .holding }
    }

    /// The one interaction of the sample case that is not in holding.
    public var offered: (id: InteractionID, live: HandlerModel.Live)? {
        let routable = cic.routable.filter { $0.value.episode.caseKey == Sample.caseKey }
        return routable.count == 1 ? routable.first.map { ($0.key, $0.value) } : nil
    }
}
