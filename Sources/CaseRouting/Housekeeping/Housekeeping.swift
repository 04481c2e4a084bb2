import FaultPoints
import Logging

/// What one worker does for all: handles for failed cases, bulk retries, partitions, and messages that lie in
/// `caserouter.dead`.
///
/// Nothing waits for it: without a housekeeper cases are routed, retried and failed as ever. Two do the same twice.
public actor Housekeeping {
    nonisolated let executor: any SerialExecutor & TaskExecutor
    nonisolated public var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    let store: any HousekeepingStore
    let cases: any CaseStore
    let queue: any FailedQueue
    private let keeper: LeaseKeeper
    let clock: any RoutingClock
    let random: any RandomSource
    let logger: Logger
    let knows: @Sendable (_ org: String) async -> Bool
    let merge: @Sendable (CaseChange) async -> Bool
    /// Messages that stayed in `caserouter.dead` at the last look; nil before the first under this lease.
    var deadKept: Int?
    var nextDeadLook: Duration = .zero
    /// What was last said about the accounting.
    private var toldDifferences: [AccountingDifference] = []

    /// - Parameters:
    ///   - knows: whether changes of this org can be decided now.
    ///   - merge: takes a change into its case as a routing worker does with a delivery; false: not now.
    public init(
        store: any HousekeepingStore, cases: any CaseStore, queue: any FailedQueue, leases: any Leases,
        clock: any RoutingClock, random: any RandomSource, logger: Logger,
        executor: any SerialExecutor & TaskExecutor,
        knows: @escaping @Sendable (_ org: String) async -> Bool = { _ in true },
        merge: @escaping @Sendable (CaseChange) async -> Bool
    ) {
        self.store = store
        self.cases = cases
        self.queue = queue
        self.clock = clock
        self.random = random
        self.logger = logger
        self.executor = executor
        keeper = LeaseKeeper(
            .housekeeping, "all", leases: leases, clock: clock, random: random, logger: logger, executor: executor)
        self.knows = knows
        self.merge = merge
    }

    /// Works whenever the lease can be had, until the task is cancelled.
    public func run() async {
        await keeper.run { _ in await self.work() }
    }

    private func work() async {
        deadKept = nil
        await withTaskGroup(of: Void.self) { duties in
            duties.addTask(executorPreference: executor) {
                await self.repeatedly(every: Self.handlesPause) { () throws(RoutingFailure) in
                    try await self.putOutHandles()
                }
            }
            duties.addTask(executorPreference: executor) {
                await self.repeatedly(every: Self.orgsPause) { () throws(RoutingFailure) in
                    try await self.liftSweptOrgs()
                }
            }
            duties.addTask(executorPreference: executor) {
                await self.repeatedly(every: Self.retriesPause) { () throws(RoutingFailure) in
                    try await self.advanceRetries()
                }
            }
            duties.addTask(executorPreference: executor) {
                await self.repeatedly(every: Self.accountingPause) { () throws(RoutingFailure) in
                    try await self.checkAccounting()
                }
            }
            duties.addTask(executorPreference: executor) {
                await self.repeatedly(every: Self.partitionsPause) { () throws(RoutingFailure) in
                    try await self.maintainPartitions()
                }
            }
            duties.addTask(executorPreference: executor) {
                await self.repeatedly(every: Self.deadPause) { () throws(RoutingFailure) in
                    try await self.lookAtDead()
                }
            }
        }
    }

    private func repeatedly(every pause: Duration, _ duty: () async throws(RoutingFailure) -> Void) async {
        // Said once a minute while it stays the same: tried again every second, it would fill the log of an outage.
        var told: (cause: FailureCause, at: Duration)?
        while !Task.isCancelled {
            do throws(RoutingFailure) {
                try await duty()
                told = nil
                await self.pause(pause)
            } catch {
                if Task.isCancelled { return }
                if told.map({ $0.cause != error.cause || clock.monotonic - $0.at >= Self.reminder }) ?? true {
                    logger.warning(
                        .housekeepingFailed, metadata: ["cause": "\(error.cause)", "summary": "\(error.summary)"])
                    told = (error.cause, clock.monotonic)
                }
                await self.pause(min(pause, Self.failurePause))
            }
        }
    }

    // MARK: Duties

    /// Every failed case has a handle in `caserouter.failed`, as far as there is room: a purge heals, and a stale handle
    /// goes by itself.
    func putOutHandles() async throws(RoutingFailure) {
        var room = Self.mostHandles - (try await queue.handleCount())
        while room > 0 && !Task.isCancelled {
            let due = try await store.takeDueHandles(limit: min(room, Self.handlesAtOnce))
            for one in due {
                try await queue.publish(one.handle, cause: one.cause, failedAt: one.failedAt)
                failpoint("handle.published")
            }
            if due.count < Self.handlesAtOnce { return }
            room -= due.count
        }
    }

    func advanceRetries() async throws(RoutingFailure) {
        for done in try await store.advanceRetries() {
            logger.info(.housekeepingDone, metadata: ["retries": "\(done)"])
        }
    }

    /// The cases of an org go on when a sweep has told what became of them while rows were lost.
    func liftSweptOrgs() async throws(RoutingFailure) {
        for org in try await store.liftSweptOrgs() {
            logger.warning(.holdLifted, metadata: ["org": "\(org)", "reason": "\(Hold.Reason.lostRows)"])
        }
    }

    /// Every request is accounted for. If one is not, that is a defect of ours and a person has to see to its case: it is
    /// told within a minute, and again whenever it changes.
    func checkAccounting() async throws(RoutingFailure) {
        let differences = try await store.accountingDifferences()
        guard differences != toldDifferences else { return }
        for one in differences {
            logger.error(
                .accountingDiffers,
                metadata: ["org": "\(one.org)", "requests": "\(one.requests)", "case": "\(one.example)"])
        }
        if differences.isEmpty { logger.info(.accountingHolds) }
        toldDifferences = differences
    }

    func maintainPartitions() async throws(RoutingFailure) {
        for done in try await store.maintainPartitions() {
            logger.info(.housekeepingDone, metadata: ["partitions": "\(done)"])
        }
    }

    // MARK: Time

    private func pause(_ duration: Duration) async { await clock.pause(duration, random) }

    private static let failurePause: Duration = .seconds(10)
    private static let reminder: Duration = .seconds(60)
    private static let handlesPause: Duration = .seconds(5)
    private static let orgsPause: Duration = .seconds(5)
    private static let accountingPause: Duration = .seconds(30)
    private static let partitionsPause: Duration = .seconds(3_600)
    /// Rates are cases a second.
    private static let retriesPause: Duration = .seconds(1)
    /// What was looked at too often in the queue's page is merged within half a minute.
    private static let deadPause: Duration = .seconds(20)
    /// Handles in the queue: more than anybody moves by hand, and the failed cases themselves are in the database.
    static let mostHandles = 10_000
    private static let handlesAtOnce = 200
}
