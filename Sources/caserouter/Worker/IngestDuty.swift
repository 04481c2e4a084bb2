import Broker
import CaseRouting
import Foundation
import Logging
import Operations
import Salesforce
import Store

/// Holds the Salesforce orgs that this process can lease.
actor IngestDuty: Duty {
    private let worker: Worker
    private let publisher: BrokerPublisher
    private let store: PostgresIngestStore
    private let budget: PublishBudget
    private var orgs: [String: Running] = [:]
    private var isStopped = false
    private var waiter: CheckedContinuation<Void, Never>?

    private struct Running {
        let setup: OrgSetup
        let credential: [UInt8]
        let source: OutboxOrg
        let ingest: Ingest
        var task: Task<Void, Never>
    }

    init(_ worker: Worker) {
        self.worker = worker
        publisher = BrokerPublisher(
            address: worker.broker, name: "caserouter ingest \(worker.name)", loop: worker.loop, logger: worker.logger)
        store = PostgresIngestStore(worker.database, owner: worker.owner)
        budget = PublishBudget(executor: worker.loop)
    }

    func use(_ settings: WorkerSettings) async throws {
        for name in orgs.keys where !settings.stored.orgs.contains(where: { $0.name == name }) {
            if let gone = orgs.removeValue(forKey: name) { await end(gone) }
        }
        var problem: (any Error)?
        for setup in settings.stored.orgs where !isStopped {
            guard let credential = settings.credentials["org:\(setup.name)"] else { continue }
            let queues = settings.stored.monitoredQueues(of: setup.name)
            let ingestSettings = IngestSettings(
                configuration: settings.stored.version, monitoredQueues: Set(queues.compactMap(\.queueID)),
                sweepEvery: setup.sweepEvery,
                versionEpoch: setup.versionEpoch)
            if let running = orgs[setup.name], running.setup == setup, running.credential == credential {
                await running.ingest.use(ingestSettings)
                continue
            }
            do {
                try await start(setup, credential, ingestSettings)
            } catch {
                // It goes on with the credential and the settings it had, and so do the others; what is wrong is tried
                // again with the next change.
                await orgs[setup.name]?.ingest.use(ingestSettings)
                problem = error
            }
        }
        if let problem { throw problem }
    }

    private func start(_ setup: OrgSetup, _ credential: [UInt8], _ ingestSettings: IngestSettings) async throws {
        let source = try OutboxOrg(
            settings: SalesforceSettings(setup, credential), transport: worker.transport, logger: worker.logger)
        // The old one has to give its lease back before the new one can take it.
        if let outdated = orgs.removeValue(forKey: setup.name) { await end(outdated) }
        if isStopped { return }
        let ingest = Ingest(
            org: setup.name, settings: ingestSettings, source: source, store: store, publisher: publisher,
            leases: worker.leases, budget: budget, clock: worker.clock, random: SystemRandom(), logger: worker.logger,
            executor: worker.loop)
        orgs[setup.name] = Running(
            setup: setup, credential: credential, source: source, ingest: ingest,
            task: Task(executorPreference: worker.loop) { await ingest.run() })
    }

    /// The orgs have tasks of their own; this duty lasts until they are stopped.
    func run() async {
        await withCheckedContinuation { if isStopped { $0.resume() } else { waiter = $0 } }
    }

    /// The stored positions may be older than what is in hand: every org is begun anew, from its position.
    func loseRows() async {
        for (name, running) in orgs {
            await end(running)
            guard !isStopped, orgs[name]?.ingest === running.ingest else { continue }
            orgs[name]?.task = Task(executorPreference: worker.loop) { [ingest = running.ingest] in await ingest.run() }
        }
    }

    func metrics() async -> [MetricSample] {
        let broker = await publisher.meter()
        var samples = [
            MetricSample(.published, await budget.confirmed), MetricSample(.unconfirmed, await budget.outstanding),
            MetricSample(.brokerUp, ["connection": "publish"], broker.isUp),
            MetricSample(.brokerBlocked, ["connection": "publish"], broker.isBlocked),
            MetricSample(.brokerOpenings, ["connection": "publish"], broker.openings),
        ]
        for (name, running) in orgs {
            for (kind, count) in await running.source.callCounts() {
                samples.append(MetricSample(.salesforceCalls, ["org": name, "kind": kind], count))
            }
        }
        return samples
    }

    func problems() async -> [String] {
        let broker = await publisher.meter()
        // It is opened when the first change is published.
        if broker.openings > 0 && !broker.isUp { return ["the broker cannot be reached"] }
        return broker.isBlocked ? ["the broker takes no messages (memory or disk alarm)"] : []
    }

    func stop() async {
        isStopped = true
        for running in orgs.values { running.task.cancel() }
        for running in orgs.values { await running.task.value }
        orgs = [:]
        waiter?.resume()
        waiter = nil
    }

    func close() async { await publisher.close() }

    private func end(_ running: Running) async {
        running.task.cancel()
        await running.task.value
    }
}

extension SalesforceSettings {
    /// What people set, as the adapter takes it.
    init(_ setup: OrgSetup, _ credential: [UInt8]) throws {
        try self.init(
            org: setup.name, organizationID: setup.organizationID, loginURL: setup.loginURL,
            flow: setup.flow.asSalesforceFlow, credentials: credential, apiVersion: setup.apiVersion,
            versionEpoch: setup.versionEpoch, source: setup.source)
    }
}

extension OrgSetup.Flow {
    fileprivate var asSalesforceFlow: SalesforceSettings.Flow {
        switch self {
        case .clientCredentials: .clientCredentials
        case .jwtBearer: .jwtBearer
        case .password: .password
        }
    }
}
