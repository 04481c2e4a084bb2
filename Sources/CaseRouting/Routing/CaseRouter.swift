import FaultPoints
import Logging

/// A routing worker's heart: takes requests and due cases, decides, acts on CIC, records.
///
/// A message never acts on CIC. It is merged into its case under the version fences; whoever holds the case's lease,
/// and nobody else, brings CIC to what is wanted, one `Step` at a time. Everything may fail between any two lines here:
/// what is committed before a call tells the next holder what may have happened.
///
/// A case in hand is a suspended task; `casesInFlight` bounds how many.
public actor CaseRouter {
    nonisolated let executor: any SerialExecutor & TaskExecutor
    nonisolated public var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    let store: any CaseStore
    let queue: any RequestQueue
    let clock: any RoutingClock
    let random: any RandomSource
    let logger: Logger
    let casesInFlight: Int

    var configuration = RoutingConfiguration(orgs: [:], mappings: [])
    var servers: [String: any InteractionServer] = [:]
    var breakers: [String: Breaker] = [:]
    private(set) var isStopping = false
    /// Counts the times that rows of the database may have been lost.
    private(set) var timeline = 0
    private var inHand = 0
    var counted = RoutingMeter()
    private var placeWaiters: [CheckedContinuation<Void, Never>] = []
    /// Places that deliveries leave free, because due cases wait for them.
    private var keptPlaces = 0
    private var lastDelivery: Duration = .zero
    /// When a change was delivered last that had only just happened.
    private var lastFresh: Duration?
    /// Those who look for work again after a pause.
    private var idlers: [UInt64: Task<Void, Never>] = [:]
    private var nextIdler: UInt64 = 0

    /// - Parameters:
    ///   - executor: what the store, the queue and the servers run on, so that calls between them are free.
    ///   - casesInFlight: 1 to 10,000; with 100 ms per CIC call 400 carry 1,500 cases a second.
    public init(
        store: any CaseStore, queue: any RequestQueue, clock: any RoutingClock, random: any RandomSource,
        logger: Logger, casesInFlight: Int, executor: any SerialExecutor & TaskExecutor
    ) {
        precondition((1...10_000).contains(casesInFlight))
        self.store = store
        self.queue = queue
        self.clock = clock
        self.random = random
        self.logger = logger
        self.casesInFlight = casesInFlight
        self.executor = executor
    }

    /// Replaces what people have set. Decisions under way are finished under what they began with.
    public func use(_ configuration: RoutingConfiguration) { self.configuration = configuration }

    /// Replaces the CIC servers by name. Cases of a server that is missing here are left to other workers.
    public func use(servers: [String: any InteractionServer]) { self.servers = servers }

    /// Cases that may be in hand.
    public nonisolated var limit: Int { casesInFlight }

    /// What was counted until now.
    public var meter: RoutingMeter {
        var meter = counted
        meter.inHand = inHand
        return meter
    }

    /// Works until `stop`, then until nothing is in hand.
    public func run() async {
        await withDiscardingTaskGroup { loops in
            loops.addTask(executorPreference: executor) { await self.takeDeliveries() }
            loops.addTask(executorPreference: executor) { await self.takeDueCases() }
            loops.addTask(executorPreference: executor) { await self.takeUnseenRequests() }
        }
    }

    /// Rows may have been lost: nothing that was begun before is sent any more. What CIC did of it is found out by the
    /// watch, while the server is on hold.
    public func dropWhatWasBegun() { timeline += 1 }

    /// Takes nothing new. What is in hand is finished; whoever does not want to wait for it cancels the task of `run`.
    public func stop() async {
        isStopping = true
        await queue.stop()
        freePlaces()
        for idler in idlers.values { idler.cancel() }
    }

    // MARK: Where work comes from

    private func takeDeliveries() async {
        await withDiscardingTaskGroup { cases in
            while !isStopping && !Task.isCancelled {
                await waitForPlace()
                if isStopping { break }
                let delivery: RequestDelivery
                do throws(CancellationError) {
                    delivery = try await queue.next()
                } catch {
                    break
                }
                lastDelivery = clock.monotonic
                inHand += 1
                cases.addTask(executorPreference: executor) {
                    await self.handle(delivery)
                    await self.leavePlace()
                }
            }
        }
    }

    /// Cases whose time has come: retries, ends seen by the watch, cases of workers that died.
    private func takeDueCases() async {
        await withDiscardingTaskGroup { cases in
            while !isStopping && !Task.isCancelled {
                await keepDuePlaces()
                let limit = min(Self.dueBatch, casesInFlight - inHand)
                var taken = 0
                if limit > 0 && !servers.isEmpty {
                    let started = clock.monotonic
                    for claim in await claimDue(limit) {
                        failpoint("case.claimed")
                        taken += 1
                        inHand += 1
                        cases.addTask(executorPreference: executor) {
                            await self.converge(claim, attempt: nil, since: started)
                            await self.leavePlace()
                        }
                    }
                }
                keptPlaces = 0
                freePlaces()
                if taken < Self.dueBatch { await idle(Self.duePause) }
            }
        }
    }

    private func claimDue(_ limit: Int) async -> [Claim] {
        do throws(RoutingFailure) {
            return try await store.claimDue(limit: limit, servers: servers.keys.sorted())
        } catch {
            logger.debug(.claimFailed, failure: error)
            return []
        }
    }

    /// Requests that are in the table for ten minutes and that no delivery brought: of a purged queue, or of a broker that
    /// lost them. Only while the queue is short, so that a long one is not doubled.
    private func takeUnseenRequests() async {
        await withDiscardingTaskGroup { cases in
            while !isStopping && !Task.isCancelled {
                // One at a time, because being taken is counted: a request that kills its worker must not be counted
                // against its neighbours.
                guard isQueueShort, inHand < casesInFlight, let request = await takeUnseen() else {
                    await idle(Self.unseenPause)
                    continue
                }
                inHand += 1
                cases.addTask(executorPreference: executor) {
                    await self.handle(request)
                    await self.leavePlace()
                }
            }
        }
    }

    /// Nothing waits, or what is delivered has only just happened: what was published long before it was delivered before.
    private var isQueueShort: Bool {
        let now = clock.monotonic
        return now - lastDelivery > .seconds(1) || lastFresh.map { now - $0 < Self.unseenPause } ?? false
    }

    /// A change was delivered.
    func delivered(changeOf time: Timestamp) {
        if clock.wall - time < Self.freshness { lastFresh = clock.monotonic }
    }

    private func takeUnseen() async -> TakenRequest? {
        do throws(RoutingFailure) {
            return try await store.takeUnseen(limit: 1).first
        } catch {
            logger.debug(.claimFailed, failure: error)
            return nil
        }
    }

    // MARK: Places

    private func waitForPlace() async {
        while mustWait(leaving: keptPlaces + 1) { await waitForPlaces(keptPlaces + 1) }
    }

    /// A queue that is longer than there are places takes every place that becomes free, and a case whose time has come
    /// would wait behind all of it. So each look for due cases has some, if need be before the next delivery.
    private func keepDuePlaces() async {
        keptPlaces = max(1, min(Self.dueBatch, casesInFlight / Self.dueShare))
        while mustWait(leaving: keptPlaces) { await waitForPlaces(keptPlaces) }
    }

    private func mustWait(leaving places: Int) -> Bool { casesInFlight - inHand < places && !isStopping }

    private func waitForPlaces(_ places: Int) async {
        await withCheckedContinuation { continuation in
            // Looked at again where it waits: a turn of the loop may have passed since.
            if mustWait(leaving: places) { placeWaiters.append(continuation) } else { continuation.resume() }
        }
    }

    private func leavePlace() {
        inHand -= 1
        freePlaces()
    }

    private func freePlaces() {
        let waiters = placeWaiters
        placeWaiters = []
        for waiter in waiters { waiter.resume() }
    }

    /// A pause between two looks for work, which `stop` ends at once: what is in hand needs its pauses, this does not.
    private func idle(_ duration: Duration) async {
        if isStopping { return }
        let id = nextIdler
        nextIdler += 1
        // A task of its own, because only a task can be woken and the caller's has cases in hand.
        let idler = Task(executorPreference: executor) { await self.pause(duration) }
        idlers[id] = idler
        await withTaskCancellationHandler {
            await idler.value
        } onCancel: {
            idler.cancel()
        }
        idlers[id] = nil
    }

    /// Sleeps, with up to a quarter more so that workers do not march in step; ends early when the task is cancelled,
    /// which the callers look at: a task may be cancelled alone, while the worker goes on.
    func pause(_ duration: Duration) async { await clock.pause(duration, random, atMostLonger: 1 / 4) }

    /// Cases claimed at once; more would wait in this process while another is free.
    private static let dueBatch = 100
    /// The share of the places that due cases have at least.
    private static let dueShare = 10
    private static let duePause: Duration = .milliseconds(400)
    private static let unseenPause: Duration = .seconds(10)
    /// Half the time after which a request that no delivery brought is looked for.
    private static let freshness: Duration = .seconds(300)
}
