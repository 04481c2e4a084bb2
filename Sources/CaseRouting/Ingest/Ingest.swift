import Logging

/// Everything that is done for one Salesforce org: subscription, sweep, write-back, mirror of queue names.
///
/// One process does it for all, the holder of the org's lease, because Salesforce bills every delivery to every
/// subscriber. Safety never rests on that: two holders cause duplicates and nothing else. The position in the stream
/// moves only after the broker has confirmed, and in the same transaction as the ledger's rows.
public actor Ingest {
    nonisolated let executor: any SerialExecutor & TaskExecutor
    nonisolated public var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    let org: String
    let source: any SalesforceOrg
    let store: any IngestStore
    let publisher: any RequestPublisher
    private let keeper: LeaseKeeper
    let clock: any RoutingClock
    let random: any RandomSource
    let logger: Logger
    let budget: PublishBudget

    var settings: IngestSettings
    var window = ConfirmWindow()
    var streamEpoch: Int32 = 1
    /// Counts the windows, one per time that the lease was held.
    var windowGeneration = 0
    /// Ends of waits of the two sides of the window.
    var windowWaiters: [CheckedContinuation<Void, Never>] = []
    /// What the next sweep has to be, beside the ones on time.
    var sweepIsAsked: SweepScope? = .whole
    /// When the last finished sweep of cases began, by Salesforce's clock.
    var lastPass: Timestamp?
    var dailyCalls = DailyCalls()

    public init(
        org: String, settings: IngestSettings, source: any SalesforceOrg, store: any IngestStore,
        publisher: any RequestPublisher, leases: any Leases, budget: PublishBudget, clock: any RoutingClock,
        random: any RandomSource, logger: Logger, executor: any SerialExecutor & TaskExecutor
    ) {
        self.org = org
        self.settings = settings
        self.source = source
        self.store = store
        self.publisher = publisher
        self.budget = budget
        self.clock = clock
        self.random = random
        var logger = logger
        logger[metadataKey: "org"] = "\(org)"
        self.logger = logger
        self.executor = executor
        keeper = LeaseKeeper(
            .org, org, leases: leases, clock: clock, random: random, logger: logger, executor: executor)
    }

    /// What people have set for the org; takes effect at once.
    public func use(_ settings: IngestSettings) {
        // A queue that is monitored from now on may hold cases already: the next pass looks at all.
        if !settings.monitoredQueues.isSubset(of: self.settings.monitoredQueues) { sweepIsAsked = .whole }
        self.settings = settings
    }

    /// Works whenever the lease can be had, until the task is cancelled. Then the lease is given back; what was published
    /// and not recorded comes again to whoever takes it, as duplicates.
    public func run() async {
        await keeper.run({ lease in await self.work(under: lease) }, close: { [source] in await source.unsubscribe() })
    }

    /// The four duties belong together and end together: with the lease.
    private func work(under lease: Lease) async {
        window = ConfirmWindow()
        windowGeneration += 1
        sweepIsAsked = .whole
        await withTaskGroup(of: Void.self) { duties in
            duties.addTask(executorPreference: executor) {
                // A mapping that names its queue has no id before that: its first cases would be put aside for good.
                _ = await self.mirrorQueues()
                await self.follow(under: lease)
            }
            duties.addTask(executorPreference: executor) { await self.recordConfirmed(under: lease) }
            duties.addTask(executorPreference: executor) { await self.sweepOnTime(under: lease) }
            duties.addTask(executorPreference: executor) { await self.writeBack() }
            // The first to end has lost the lease, or the process stops.
            await duties.next()
            duties.cancelAll()
            releaseWindowWaiters()
        }
    }

    func pause(_ duration: Duration) async { await clock.pause(duration, random) }
}

/// What ingest needs of what people have set for an org.
public struct IngestSettings: Equatable, Sendable {
    /// Of the configuration that this is part of.
    public var configuration: Int64
    /// Ids of the Salesforce queues of this org that have an enabled mapping.
    public var monitoredQueues: Set<RecordID>
    public var sweepEvery: Duration
    public var versionEpoch: Int32

    public init(
        configuration: Int64 = 0, monitoredQueues: Set<RecordID>, sweepEvery: Duration = .seconds(600),
        versionEpoch: Int32 = 1
    ) {
        self.configuration = configuration
        self.monitoredQueues = monitoredQueues
        self.sweepEvery = sweepEvery
        self.versionEpoch = versionEpoch
    }
}

/// Messages of all orgs of a process that the broker has not confirmed: bounds its memory.
public actor PublishBudget {
    nonisolated let executor: any SerialExecutor & TaskExecutor
    nonisolated public var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
    private let limit: Int
    private var free: Int
    /// Messages that the broker has confirmed since the process began.
    public private(set) var confirmed: UInt64 = 0
    /// Messages that it has not.
    public var outstanding: Int { limit - free }
    private var waiters: [CheckedContinuation<Void, Never>] = []

    /// - Parameter limit: messages of the whole process, 5,000.
    public init(limit: Int = 5_000, executor: any SerialExecutor & TaskExecutor) {
        self.limit = limit
        free = limit
        self.executor = executor
    }

    func take() async {
        while free == 0 {
            // Looked at again where it waits: a turn of the loop may have passed since.
            await withCheckedContinuation { if free == 0 { waiters.append($0) } else { $0.resume() } }
        }
        free -= 1
    }

    func giveBack() {
        free += 1
        confirmed += 1
        if !waiters.isEmpty { waiters.removeFirst().resume() }
    }
}
