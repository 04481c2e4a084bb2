import Broker
import CaseRouting
import Store

/// What one routing worker does for all: handles, partitions, `caserouter.dead`, held cases that come free.
actor HousekeepingDuty: Duty {
    private let queue: BrokerFailedQueue
    private let housekeeping: Housekeeping
    private var working: Task<Void, Never>?

    /// - Parameter router: merges the messages that killed a worker too often to stay in the requests queue.
    init(_ worker: Worker, router: CaseRouter) {
        queue = BrokerFailedQueue(
            address: worker.broker, name: "caserouter housekeeping \(worker.name)", loop: worker.loop,
            logger: worker.logger)
        housekeeping = Housekeeping(
            store: PostgresHousekeepingStore(worker.database), cases: worker.cases, queue: queue, leases: worker.leases,
            clock: worker.clock, random: SystemRandom(), logger: worker.logger, executor: worker.loop,
            knows: { await router.knows(org: $0) }, merge: { await router.mergeAlone($0) })
    }

    func use(_ settings: WorkerSettings) {}

    func run() async {
        let working = Task { [housekeeping] in await housekeeping.run() }
        self.working = working
        await working.value
    }

    func stop() { working?.cancel() }

    func close() async { await queue.close() }
}
