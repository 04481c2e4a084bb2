import CaseRouting
import Logging
import Operations
import Store
import Web

/// Serves health and metrics over HTTP: those of this process, and of the whole site where the role says so. Holds no duty
/// for cases.
actor ServeDuty: Duty {
    private let worker: Worker
    private let server: HealthServer

    /// - Parameters:
    ///   - others: the duties of this process, which tell what they counted and what keeps them from working.
    ///   - site: whether the figures of the whole site are shown, too.
    init(_ worker: Worker, beside others: [any Duty] = [], site: Bool = true) throws {
        self.worker = worker
        let address = try worker.surroundings.listen(default: "127.0.0.1:8080") ?? ("127.0.0.1", 8080)
        let (database, figures) = (worker.database, site ? SiteFigures(worker) : nil)
        server = HealthServer(
            host: address.host, port: address.port, logger: worker.logger,
            problems: {
                var problems: [String] = []
                if await !database.isUp {
                    let isFull = await database.lastError?.isOutOfSessions == true
                    problems = ["the database \(isFull ? "has no session left for us" : "cannot be reached")"]
                }
                for duty in others { problems += await duty.problems() }
                return problems
            },
            metrics: {
                var samples = await ProcessMetrics.samples(of: worker)
                for duty in others { samples += await duty.metrics() }
                if let figures { samples += await figures.samples() }
                return PrometheusText.write(samples)
            },
            listening: { [logger = worker.logger] address in
                logger.info(.httpServed, metadata: ["address": "\(address)"])
            })
    }

    /// For a worker that has other duties: only where an address is set.
    static func forWorker(_ worker: Worker, beside others: [any Duty]) throws -> [any Duty] {
        guard try worker.surroundings.listen(default: nil) != nil else { return [] }
        return [try ServeDuty(worker, beside: others, site: false)]
    }

    func use(_ settings: WorkerSettings) {}

    func run() async {
        // A process that looks alive and answers nobody would be worse than one that ends.
        if let problem = await server.run() { worker.end(because: Misconfigured("CASEROUTER_LISTEN: \(problem)")) }
    }

    func stop() async { await server.stop() }

    func close() {}
}

/// The figures of the site, read at most every few seconds however many ask.
actor SiteFigures {
    private let site: LookAtSite
    private let logger: Logger
    private var newest: (samples: [MetricSample], at: ContinuousClock.Instant)?
    private var reading: Task<[MetricSample], Never>?

    /// Younger figures are shown again: two Prometheus servers, and a person who reloads, cost one reading.
    private static let freshness: Duration = .seconds(5)

    init(_ worker: Worker) {
        site = LookAtSite(
            store: PostgresStatusStore(worker.database), broker: BrokerLook(address: worker.broker, loop: worker.loop))
        logger = worker.logger
    }

    func samples() async -> [MetricSample] {
        if let newest, ContinuousClock.now - newest.at < Self.freshness { return newest.samples }
        if let reading { return await reading.value }
        // Not a child task: whoever comes next waits for it too. It ends by itself, at the statements' time-out.
        let reading = Task { await self.read() }
        self.reading = reading
        let samples = await reading.value
        self.reading = nil
        return samples
    }

    private func read() async -> [MetricSample] {
        do {
            let samples = try await site.status(version: CaseRouterVersion.text).metrics
            newest = (samples, .now)
            return samples
        } catch {
            logger.debug("metrics failed", metadata: ["reason": "\(error)"])
            // Nothing that could be taken for a figure of now.
            return [MetricSample(.databaseAnswers, false)]
        }
    }
}
