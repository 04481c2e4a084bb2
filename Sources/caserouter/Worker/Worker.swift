import AMQP
import Broker
import CaseRouting
import Foundation
import HTTPClient
import Logging
import Operations
import Polling
import Postgres
import Store
import Synchronization

/// What all duties of one process share: one loop, its database, its HTTP, its settings.
final class Worker: Sendable {
    let role: String
    let name: String
    let surroundings: Surroundings
    let loop: PollExecutor
    let database: PostgresDatabase
    let transport: HTTPTransport
    let configurationStore: PostgresConfigurationStore
    let credentials: CredentialStore
    let cases: PostgresCaseStore
    let leases: PostgresLeases
    let broker: AMQPAddress
    let clock: SystemClock
    let logger: Logger
    /// Unique per process: what leases and cursors are held by.
    let owner: String
    private let ending = Mutex(Ending())

    private struct Ending {
        var problem: Misconfigured?
        var signals: Task<Void, Never>?
    }

    init(role: String, _ surroundings: Surroundings) throws {
        DescriptorLimit.raise()
        self.role = role
        self.surroundings = surroundings
        name = surroundings.workerName
        owner = "\(name)/\(UUID().uuidString.prefix(8))"
        let (level, isJSON) = (try surroundings.logLevel, try surroundings.logsJSON)
        LoggingSystem.bootstrap { label in LogOutput(label: label, isJSON: isJSON, logLevel: level) }
        var logger = Logger(label: "caserouter")
        logger[metadataKey: "worker"] = "\(name)"
        self.logger = logger

        let address = try surroundings.database
        broker = try surroundings.broker
        let keys = try surroundings.keys
        _ = try surroundings.casesInFlight
        loop = PollExecutor(name: "caserouter")
        database = PostgresDatabase.forCases(
            address, PostgresSettings(applicationName: "caserouter \(role) \(name)"), on: loop,
            batchers: role == "route" || role == "all" ? 3 : 1)
        var http = HTTPTransport.Settings()
        http.allowInsecure = try surroundings.allowsInsecure
        http.connectionsPerHost = 512
        if let file = try surroundings.caFile { http.trust = .systemAndFile(file) }
        transport = HTTPTransport(on: loop, settings: http)
        configurationStore = PostgresConfigurationStore(database: database)
        credentials = CredentialStore(
            database: database, keys: keys, newerKeys: { [surroundings] in try surroundings.keys })
        cases = PostgresCaseStore(database, worker: name, host: Surroundings.host, encode: RequestMessage.encode)
        leases = PostgresLeases(database, owner: owner)
        clock = SystemClock(loop: loop)
    }

    /// Runs duties until SIGTERM or SIGINT, then lets each finish what is in hand for at most 20 s.
    func run(_ duties: [any Duty]) async throws {
        async let sessions: Void = database.run()
        do {
            try await database.waitUntilUp(atMost: .seconds(30))
        } catch {
            await database.close()
            await sessions
            throw error
        }
        await withTaskGroup(of: Void.self) { background in
            let settings = SettingsFollower(self, duties)
            background.addTask(executorPreference: loop) { await self.announce() }
            background.addTask(executorPreference: loop) { await self.followTimeline(duties) }
            background.addTask(executorPreference: loop) { await self.followDatabase() }
            // Also before the first settings a signal ends the process.
            let terminated = Task { await Termination.wait() }
            ending.withLock { $0.signals = terminated }
            let interrupted = Task {
                await terminated.value
                await settings.interrupt()
            }
            let hasSettings = await settings.begin()
            guard hasSettings else { return background.cancelAll() }
            background.addTask(executorPreference: loop) { await settings.run() }
            await withTaskGroup(of: Void.self) { working in
                for duty in duties { working.addTask(executorPreference: loop) { await duty.run() } }
                logger.info(.workerReady, metadata: ["role": "\(role)", "version": "\(CaseRouterVersion.text)"])
                await terminated.value
                logger.info(.workerStopping)
                let deadline = cutOffAfterGrace()
                await interrupted.value
                for duty in duties { await duty.stop() }
                await working.waitForAll()
                deadline.cancel()
            }
            background.cancelAll()
        }
        for duty in duties { await duty.close() }
        await transport.close()
        let roundTrips = await database.roundTrips
        await database.close()
        await sessions
        logger.info(.workerStopped, metadata: ["round_trips": "\(roundTrips)"])
        if let problem = ending.withLock({ $0.problem }) { throw problem }
    }

    /// Ends the process as SIGTERM does, but with this problem: a duty cannot do what it is there for.
    func end(because problem: Misconfigured) {
        ending.withLock {
            $0.problem = problem
            $0.signals?.cancel()
        }
    }

    /// Whoever is not done in time is cut off; what was in hand is found again by others.
    private func cutOffAfterGrace() -> Task<Void, Never> {
        Task { [logger] in
            do {
                try await Task.sleep(for: .seconds(20))
            } catch {
                return
            }
            logger.warning(.workerStopped, metadata: ["reason": "not done within 20 s"])
            exit(1)
        }
    }

    /// Says once that the database is gone and once that it is back: what fails meanwhile is logged as `debug` only. That
    /// it is there and has no session left is said as well, because it is for a person to mend, and why the sessions
    /// before ended does not tell.
    private func followDatabase() async {
        var wasUp = true
        var saidFull = false
        while !Task.isCancelled {
            let isUp = await database.isUp
            let error = await database.lastError
            let isFull = !isUp && error?.isOutOfSessions == true
            if isUp && !wasUp { logger.info(.databaseRegained) }
            if !isUp && (wasUp || isFull && !saidFull) {
                logger.warning(.databaseLost, metadata: ["reason": "\(error?.description ?? "-")"])
            }
            saidFull = !isUp && (saidFull || isFull)
            wasUp = isUp
            // Cancellation ends the loop.
            try? await clock.sleep(for: .seconds(1))
        }
    }

    /// Another timeline than before: what was committed last may be missing, and the duties drop what they had begun. That
    /// the servers and orgs are on hold was written by the session that saw it first.
    private func followTimeline(_ duties: [any Duty]) async {
        var known: String?
        for await timeline in database.timelineChanges {
            if let known, known != timeline {
                logger.error(.timelineChanged, metadata: ["from": "\(known)", "to": "\(timeline)"])
                for duty in duties { await duty.loseRows() }
            }
            known = timeline
        }
    }

    /// Tells the others that this process is alive, for reports only.
    private func announce() async {
        while !Task.isCancelled {
            do throws(PostgresError) {
                _ = try await database.query(
                    """
                    INSERT INTO caserouter.workers (name, role, host, pid, version) VALUES ($1, $2, $3, $4, $5)
                    ON CONFLICT (name) DO UPDATE SET role = excluded.role, host = excluded.host, pid = excluded.pid,
                        version = excluded.version, seen_at = now(),
                        started_at = CASE WHEN workers.pid = excluded.pid THEN workers.started_at ELSE now() END
                    """,
                    [
                        .text(name), .text(role), .text(Surroundings.host),
                        .int4(ProcessInfo.processInfo.processIdentifier), .text(CaseRouterVersion.text),
                    ], name: "announce")
            } catch {
                logger.debug("announce failed", metadata: ["reason": "\(error)"])
            }
            // Cancellation ends the loop above.
            try? await clock.sleep(for: .seconds(10))
        }
    }
}

/// A part of a worker that runs until it is stopped.
protocol Duty: Sendable {
    /// Takes over what people have set; called at the start and whenever it changed.
    func use(_ settings: WorkerSettings) async throws
    func run() async
    /// Rows of the database may have been lost: what was begun before is dropped.
    func loseRows() async
    /// Takes nothing new; `run` returns when what is in hand is done.
    func stop() async
    func close() async
    /// What it has counted and what it holds now.
    func metrics() async -> [MetricSample]
    /// Sentences that say what keeps it from working; none when nothing does.
    func problems() async -> [String]
}

extension Duty {
    func loseRows() {}
    func metrics() async -> [MetricSample] { [] }
    func problems() async -> [String] { [] }
}

/// What people have set, with the secrets that this process needs.
struct WorkerSettings: Sendable {
    let stored: StoredConfiguration
    /// By target, `org:NAME` and `cic:NAME`.
    let credentials: [String: [UInt8]]
}
