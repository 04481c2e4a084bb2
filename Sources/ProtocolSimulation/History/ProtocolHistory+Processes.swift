import CaseRouting
import Logging

/// A process of a history: what it runs, and its life. Touched on the simulation's thread only.
final class SimulatedProcess: @unchecked Sendable {
    enum Role { case route, ingest }

    let role: Role
    let life: Life
    var tasks: [Task<Void, Never>] = []
    var router: CaseRouter?
    var watches: [InteractionWatch] = []
    var isReplaced = false

    init(_ role: Role, _ life: Life) {
        self.role = role
        self.life = life
    }
}

extension ProtocolHistory {
    private static let quietLogger = Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() }

    func start(_ role: SimulatedProcess.Role) {
        started += 1
        let life = Life("\(role)-\(started)")
        if bounds.kinds.contains(.skew) { life.skew = .seconds(Int.random(in: -86_400...86_400, using: &random)) }
        life.slowness = Int.random(in: 1...6, using: &random)
        let process = SimulatedProcess(role, life)
        life.onDeath = { [unowned self, unowned process] in
            trace.say("death", text: "\(process.life.name) dies")
            kill(process)
        }
        processes.append(process)
        trace.say("start", text: "\(life.name) starts")
        switch role {
        case .route: startRoute(process)
        case .ingest: startIngest(process)
        }
    }

    private func random(_ salt: UInt64) -> SeededRandom { SeededRandom(seed: seed &* 31 &+ started &* 17 &+ salt) }

    private func startRoute(_ process: SimulatedProcess) {
        let life = process.life
        let clock = ProcessClock(simulation.clock, life)
        let leases = MemoryLeases(shared, life: life, owner: life.name)
        var cases: any CaseStore = MemoryCaseStore(shared, life: life)
        var queue: any RequestQueue = MemoryRequestQueue(broker: broker, life: life, clock: simulation.clock)
        if let broken {
            cases = broken.cases(cases, shared)
            queue = broken.queue(queue)
        }
        let router = CaseRouter(
            store: cases, queue: queue, clock: clock, random: random(3), logger: Self.quietLogger, casesInFlight: 20,
            executor: simulation.executor)
        process.router = router
        var ports: [String: any InteractionServer] = [:]
        for server in servers {
            let port = MemoryInteractionServer(server, life: life, shared: shared)
            ports[server.name] = broken?.server(port, server, shared) ?? port
        }
        let configuration = configuration
        run(process) { [ports] in
            await router.use(configuration)
            await router.use(servers: ports)
            await router.run()
        }
        let housekeeping = Housekeeping(
            store: MemoryHousekeepingStore(shared), cases: cases, queue: failed, leases: leases, clock: clock,
            random: random(5), logger: Self.quietLogger, executor: simulation.executor
        ) { await router.mergeAlone($0) }
        run(process) { await housekeeping.run() }
        // The watch makes its feeds itself, and must not keep the history.
        let simulation = simulation
        for server in servers {
            let workgroups = configuration.mappings.values.filter { $0.cic == server.name }.map(\.workgroup)
            let delay = Duration.milliseconds(Int.random(in: 20...800, using: &random))
            let watch = InteractionWatch(
                cic: server.name, settings: WatchSettings(holding: MemoryCIC.holding, workgroups: Set(workgroups)),
                feed: MemoryFeed(server, simulation, life: life, delay: delay),
                server: MemoryInteractionServer(server, life: life, shared: shared, isOfWatch: true),
                store: MemoryWatchStore(shared, life: life),
                leases: leases, clock: clock, random: random(7), logger: Self.quietLogger,
                executor: simulation.executor)
            process.watches.append(watch)
            run(process) { await watch.run() }
        }
    }

    private func startIngest(_ process: SimulatedProcess) {
        let life = process.life
        var source: any SalesforceOrg = OrgConnection(org, life: life)
        let store = MemoryIngestStore(shared, life: life)
        var publisher: any RequestPublisher = MemoryPublisher(broker, simulation, life: life)
        if let broken { (source, publisher) = broken.ingest(source, publisher, store, shared, life) }
        let ingest = Ingest(
            org: Sample.org,
            settings: IngestSettings(
                monitoredQueues: [Sample.queueA, Sample.queueB], sweepEvery: .seconds(120)),
            source: source, store: store, publisher: publisher,
            leases: MemoryLeases(shared, life: life, owner: life.name),
            budget: PublishBudget(executor: simulation.executor), clock: ProcessClock(simulation.clock, life),
            random: random(9), logger: Self.quietLogger, executor: simulation.executor)
        run(process) { await ingest.run() }
    }

    func run(_ process: SimulatedProcess, _ body: @escaping @Sendable () async -> Void) {
        // Ended by `kill`.
        process.tasks.append(Task(executorPreference: simulation.executor) { await body() })
    }

    /// At once: nothing that it does from now on has an effect, and what it had not acknowledged is delivered again.
    func kill(_ process: SimulatedProcess) {
        process.life.isOver = true
        for task in process.tasks { task.cancel() }
        broker.lose(process.life)
        failed.loseTaken()
    }

    /// As after SIGTERM: what is in hand is finished or given back, for twenty seconds.
    func stop(_ process: SimulatedProcess) {
        if let router = process.router {
            run(process) { await router.stop() }
            for task in process.tasks.dropFirst().dropLast() { task.cancel() }
        } else {
            for task in process.tasks { task.cancel() }
        }
        simulation.clock.schedule(after: .seconds(20)) { [unowned self, unowned process] in kill(process) }
    }

    /// A process for every one that has died.
    func replaceDead() {
        for process in processes where process.life.isOver && !process.isReplaced {
            process.isReplaced = true
            start(process.role)
        }
    }

    var living: [SimulatedProcess] { processes.filter { !$0.life.isOver } }
}
