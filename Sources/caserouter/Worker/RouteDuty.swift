import Broker
import CIC
import CaseRouting
import Logging
import Operations

/// Routes cases: the router, its deliveries, and a session with every CIC server.
actor RouteDuty: Duty {
    private let worker: Worker
    private let consumer: BrokerConsumer
    private let router: CaseRouter
    private var servers: [String: Running] = [:]

    private struct Running {
        let setup: CICServerSetup
        let credential: [UInt8]
        let server: CICServer
        let task: Task<Void, Never>
    }

    init(_ worker: Worker) throws {
        self.worker = worker
        let casesInFlight = try worker.surroundings.casesInFlight
        consumer = BrokerConsumer(
            address: worker.broker, name: "caserouter route \(worker.name)", casesInFlight: casesInFlight,
            loop: worker.loop, logger: worker.logger)
        router = CaseRouter(
            store: worker.cases, queue: consumer, clock: worker.clock, random: SystemRandom(), logger: worker.logger,
            casesInFlight: casesInFlight, executor: worker.loop)
    }

    func use(_ settings: WorkerSettings) async throws {
        await router.use(settings.stored.routing)
        let orgs = CICServerSettings.orgs(of: settings.stored)
        var wanted: [String: Running] = [:]
        for setup in settings.stored.servers {
            guard let credential = settings.credentials["cic:\(setup.name)"] else { continue }
            if let running = servers[setup.name], running.setup == setup, running.credential == credential {
                wanted[setup.name] = running
                running.server.use(orgs: orgs)
                continue
            }
            let server = CICServer(
                try CICServerSettings(setup, credential, settings.stored, worker.surroundings), on: worker.loop,
                clock: worker.clock, random: SystemRandom(), logger: worker.logger)
            wanted[setup.name] = Running(
                setup: setup, credential: credential, server: server,
                task: Task(executorPreference: worker.loop) { await server.run() })
        }
        for running in wanted.values {
            running.server.use(directory: nil, aliases: settings.stored.skillAliases(on: running.setup.name))
        }
        let outdated = servers.filter { name, running in wanted[name]?.server !== running.server }
        servers = wanted
        await router.use(servers: wanted.mapValues(\.server))
        for running in outdated.values { running.task.cancel() }
    }

    func run() async { await router.run() }

    func stop() async { await router.stop() }

    func close() async {
        await consumer.close()
        for running in servers.values { running.task.cancel() }
        for running in servers.values { await running.task.value }
    }
}
