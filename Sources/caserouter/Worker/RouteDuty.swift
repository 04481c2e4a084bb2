import Broker
import CIC
import CaseRouting
import Logging
import Operations
import Polling
import Store

/// Routes cases: the router, its deliveries, and a session with every CIC server.
actor RouteDuty: Duty {
    private let worker: Worker
    private let consumer: BrokerConsumer
    nonisolated let router: CaseRouter
    /// The watch has a loop of its own: a snapshot of 50,000 interactions must not delay the answers to workers.
    private let watchLoop = PollExecutor(name: "watch")
    private var servers: [String: Running] = [:]
    /// What the watches have written down, as the servers were told last.
    private let directory: PostgresDirectory
    private var namesChangedAt: [String: Timestamp] = [:]
    private var isStopped = false

    private struct Running {
        let setup: CICServerSetup
        let credential: [UInt8]
        let server: CICServer
        let serving: Task<Void, Never>
        let feeds: FeedSource
        let watch: InteractionWatch
        let watching: Task<Void, Never>

        func cancel() {
            serving.cancel()
            watching.cancel()
        }

        func wait() async {
            await serving.value
            await watching.value
        }
    }

    init(_ worker: Worker) throws {
        self.worker = worker
        directory = PostgresDirectory(worker.database)
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
        var problem: (any Error)?
        for setup in settings.stored.servers {
            guard let credential = settings.credentials["cic:\(setup.name)"] else { continue }
            let workgroups = Set(settings.stored.workgroups(on: setup.name))
            let running = servers[setup.name]
            guard running?.setup != setup || running?.credential != credential else {
                wanted[setup.name] = running
                continue
            }
            do {
                wanted[setup.name] = try start(setup, credential, workgroups, settings.stored)
            } catch {
                // It goes on as it was, and so do the others; what is wrong is tried again with the next change.
                wanted[setup.name] = running
                problem = error
            }
        }
        for running in wanted.values {
            running.server.use(orgs: orgs)
            await running.feeds.use(orgs: orgs)
            await running.watch.use(workgroups: Set(settings.stored.workgroups(on: running.setup.name)))
            running.server.use(aliases: settings.stored.skillAliases(on: running.setup.name))
        }
        let outdated = servers.filter { name, running in wanted[name]?.server !== running.server }
        for name in outdated.keys { namesChangedAt[name] = nil }
        servers = wanted
        // Before anything is sent to a new one.
        await tellStandings()
        await router.use(servers: wanted.mapValues { GuardedCICServer($0.server) })
        for running in outdated.values { running.cancel() }
        if let problem { throw problem }
    }

    private func start(
        _ setup: CICServerSetup, _ credential: [UInt8], _ workgroups: Set<String>, _ stored: StoredConfiguration
    ) throws -> Running {
        let settings = try CICServerSettings(setup, credential, stored, worker.surroundings)
        let server = CICServer(
            settings, on: worker.loop, clock: worker.clock, random: SystemRandom(), logger: worker.logger)
        let feeds = FeedSource(settings, loop: watchLoop, clock: worker.clock, logger: worker.logger)
        let watch = InteractionWatch(
            cic: setup.name,
            settings: WatchSettings(holding: setup.holding, workgroups: workgroups, recoveryWait: setup.recoveryWait),
            feed: feeds.make(), server: server,
            store: PostgresWatchStore(worker.database, cases: worker.cases, worker: worker.name), leases: worker.leases,
            clock: worker.clock, random: SystemRandom(), logger: worker.logger, executor: watchLoop)
        return Running(
            setup: setup, credential: credential, server: server,
            serving: Task(executorPreference: worker.loop) { await server.run() }, feeds: feeds, watch: watch,
            watching: Task(executorPreference: watchLoop) { await watch.run() })
    }

    func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask(executorPreference: worker.loop) { await self.route() }
            group.addTask(executorPreference: worker.loop) { await self.tellStandingsOnTime() }
            // The router ends when it was stopped and nothing is in hand.
            await group.next()
            group.cancelAll()
        }
    }

    /// Takes nothing before there are sessions to send it over: what is claimed without one is held, and since its attempt
    /// is written down, others wait for the time in which it might take effect. A server that is away holds up the start
    /// for a while only.
    private func route() async {
        let deadline = worker.clock.monotonic + Self.patienceForSessions
        for running in servers.values {
            while !isStopped, worker.clock.monotonic < deadline,
                !(await running.server.isOpen(within: .milliseconds(100)))
            {}
        }
        await router.run()
    }

    private static let patienceForSessions: Duration = .seconds(10)

    // MARK: What the watches have written down

    private func tellStandingsOnTime() async {
        while !Task.isCancelled {
            await tellStandings()
            // Cancellation ends the loop.
            try? await worker.clock.sleep(for: .seconds(1))
        }
    }

    /// Which server of each pair is in force, and which names it has: as soon as settings take effect.
    private func tellStandings() async {
        do throws(RoutingFailure) {
            for (name, standing) in try await directory.standings() {
                guard let running = servers[name] else { continue }
                running.server.use(standing: standing.server)
                guard let changedAt = standing.namesChangedAt, changedAt != namesChangedAt[name],
                    let mirror = try await directory.mirror(cic: name)
                else { continue }
                running.server.use(directory: mirror.directory)
                namesChangedAt[name] = changedAt
                worker.logger.info(
                    .namesRead,
                    metadata: [
                        "cic": "\(name)", "workgroups": "\(mirror.directory.workgroups.count)",
                        "skills": "\(mirror.directory.skills.count)", "age_s": "\(mirror.age.components.seconds)",
                    ])
            }
        } catch {
            worker.logger.debug(.storeFailed, failure: error)
        }
    }

    func metrics() async -> [MetricSample] {
        let (meter, broker) = (await router.meter, await consumer.meter())
        var samples = [
            MetricSample(.merges, meter.merges), MetricSample(.casesInFlight, meter.inHand),
            MetricSample(.casesInFlightLimit, router.limit),
            MetricSample(.brokerUp, ["connection": "consume"], broker.isUp),
            MetricSample(.brokerOpenings, ["connection": "consume"], broker.openings),
        ]
        for result in RoutingMeter.Result.allCases {
            samples.append(MetricSample(.attempts, ["result": result.rawValue], meter.attempts[result.index]))
        }
        for (name, running) in servers {
            let session = await running.server.meter
            samples.append(MetricSample(.cicSession, ["cic": name], session.isOpen))
            samples.append(MetricSample(.cicOpenings, ["cic": name], session.openings))
        }
        return samples
    }

    func problems() async -> [String] {
        var problems = await consumer.isReady() ? [] : ["the broker's queue is not consumed"]
        // One server that is away holds up its own cases only.
        var away: [String] = []
        for (name, running) in servers where !(await running.server.meter.isOpen) { away.append(name) }
        if !servers.isEmpty && away.count == servers.count {
            problems.append("no CIC server has a session: \(away.sorted().joined(separator: ", "))")
        }
        return problems
    }

    func loseRows() async {
        for running in servers.values { await running.watch.loseRows() }
        await router.dropWhatWasBegun()
    }

    func stop() async {
        isStopped = true
        await router.stop()
    }

    func close() async {
        for running in servers.values { running.cancel() }
        for running in servers.values { await running.wait() }
        await consumer.close()
    }
}
