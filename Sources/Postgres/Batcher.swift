import DequeModule
import Polling

/// Group commit: gathers the work of many callers and sends it as arrays, all statements in one pipeline and one
/// transaction, one flush at a time.
///
/// While a flush is under way work gathers for the next one, so flushes grow with the load; an idle Batcher sends at
/// the end of the loop's turn. A caller has its answer only after the commit. Rules of a flush (design.md 3):
/// - Of the operations that write, a key appears once; the next submission of that key waits for the next flush.
/// - Rows are locked in the order of keys over all statements, by the lock statement, which goes first.
/// - A flush that fails because of data is rolled back and repeated in halves, so that a bad row fails alone.
/// - A flush whose commit was sent and whose answer was lost is `.unknown` for all its callers, and never repeated.
public actor Batcher {
    public struct Limits: Sendable {
        /// Rows of one flush: at 5 µs of the server's time for each it takes a few milliseconds.
        public var rowsPerFlush = 1_000
        /// Callers that wait; more are refused as `.overloaded`.
        public var waiting = 20_000

        public init() {}
    }

    public nonisolated let executor: PollExecutor
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    public private(set) var statistics = BatchStatistics()

    private let lock: BatchSlot?
    private let lockKey: (@Sendable (BatchKey, inout BatchRow) -> Void)?
    private let limits: Limits
    private var pipeline: Pipeline?
    private var hook: UInt64?
    private var slots: [BatchSlot] = []
    private var slotIndexes: [ObjectIdentifier: Int] = [:]
    private let parameters = ParameterList()

    private var waiting = Deque<BatchCaller>()
    /// Parts of a failed flush, the next one last. They go before what waits, so that a key keeps its order.
    private var repeats: [BatchGroup] = []
    private var flight: (group: BatchGroup, slots: [BatchSlot])?

    public init(on executor: PollExecutor, lock: BatchLock? = nil, limits: Limits = Limits()) {
        self.executor = executor
        self.lock = lock.map { BatchSlot($0.core) }
        lockKey = lock?.encode
        self.limits = limits
    }

    // MARK: Connection

    /// Uses this connection until it is lost; nothing else should use it. Its executor has to be the Batcher's.
    public func attach(_ connection: PostgresConnection) {
        precondition(connection.executor === executor, "a Batcher and its connection share one event loop")
        precondition(pipeline == nil, "the Batcher has a connection")
        guard connection.pipeline.isOpen else { return }
        pipeline = connection.pipeline
        connection.pipeline.whenLost { [weak self] reason in self?.assumeIsolated { $0.lost(reason) } }
        if hook == nil {
            hook = executor.addBeforeWait { [weak self] in self?.assumeIsolated { $0.flush() } }
        }
    }

    /// Whether it has a connection; without one every call fails at once.
    public var isAttached: Bool { pipeline != nil }

    /// Stops: who waits fails with `.connectionLost`. The flush under way ends with its connection.
    public func close() {
        lost("the Batcher was closed")
        if let hook { executor.removeHook(hook) }
        hook = nil
    }

    /// What has been sent fails by its own exchange; what has not has not happened.
    private func lost(_ reason: String) {
        pipeline = nil
        let unsent = repeats.flatMap(\.callers) + waiting
        repeats.removeAll()
        waiting.removeAll()
        for caller in unsent { caller.finish(PostgresError(.connectionLost, name(of: caller), reason)) }
    }

    // MARK: Callers

    /// Runs an operation for one input and returns its row, nil when there is none for this input.
    ///
    /// - Parameter key: what the work is about; nil for work that nobody else's can collide with.
    public func run<Input, Output>(
        _ operation: BatchOperation<Input, Output>, _ input: Input, key: BatchKey? = nil
    ) async throws(PostgresError) -> Output? {
        let work = TypedBatchCaller(operation, slot: slot(of: operation.core), input: input, key: key)
        try await wait(work)
        return work.answer
    }

    // Inlined: every asynchronous call between two functions costs a turn of the executor.
    @inline(__always)
    private func wait(_ work: BatchCaller) async throws(PostgresError) {
        guard pipeline != nil else { throw PostgresError(.connectionLost, name(of: work), "there is no connection") }
        guard waiting.count < limits.waiting else {
            throw PostgresError(.overloaded, name(of: work), "\(limits.waiting) callers are waiting")
        }
        if Task.isCancelled { throw PostgresError(.cancelled, name(of: work), "the caller was cancelled") }
        let error: PostgresError? = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<PostgresError?, Never>) in
                // On the way here a turn of the loop may have passed, with a cancellation or the end of the session.
                if work.isOver || Task.isCancelled {
                    continuation.resume(
                        returning: PostgresError(.cancelled, name(of: work), "the caller was cancelled"))
                } else if pipeline == nil {
                    continuation.resume(
                        returning: PostgresError(.connectionLost, name(of: work), "there is no connection"))
                } else {
                    work.continuation = continuation
                    waiting.append(work)
                }
            }
        } onCancel: {
            // A handler cannot wait for the loop, where the caller may be touched.
            Task { await self.cancel(work) }
        }
        if let error { throw error }
    }

    /// Work that waits is dropped when its turn comes; work that has left keeps its place in the flush.
    private func cancel(_ work: BatchCaller) {
        work.finish(PostgresError(.cancelled, name(of: work), "the caller was cancelled"))
    }

    private func slot(of operation: BatchOperationCore) -> Int {
        let id = ObjectIdentifier(operation)
        if let known = slotIndexes[id] { return known }
        slots.append(BatchSlot(operation))
        slotIndexes[id] = slots.count - 1
        return slots.count - 1
    }

    private func name(of caller: BatchCaller) -> String { slots[caller.slot].operation.name }

    // MARK: Flushing

    private func flush() {
        guard flight == nil, let pipeline, let group = nextGroup() else { return }
        let used = assign(group)
        flight = (group, used)
        pipeline.begin(Exchange("flush") { outcome in self.assumeIsolated { $0.ended(outcome) } })
        for slot in used { slot.send(through: pipeline, parameters) }
        pipeline.send()
        statistics.flushes += 1
        statistics.statements += used.count
    }

    private func nextGroup() -> BatchGroup? {
        while var group = repeats.popLast() {
            group.callers.removeAll(where: \.isOver)
            if !group.callers.isEmpty { return group }
        }
        if waiting.isEmpty { return nil }
        let callers = BatchSelection.take(from: &waiting, rows: limits.rowsPerFlush)
        return callers.isEmpty ? nil : BatchGroup(callers: callers)
    }

    /// Writes every caller's elements into its statement, sorted by key, and returns the statements in order.
    private func assign(_ group: BatchGroup) -> [BatchSlot] {
        var used: [BatchSlot] = []
        for caller in BatchSelection.sortedByKey(group.callers) {
            if caller.writes, let key = caller.key, let lock, let lockKey {
                if lock.members.isEmpty { used.append(lock) }
                lock.add(caller) { lockKey(key, &$0) }
            }
            let slot = slots[caller.slot]
            if slot.members.isEmpty { used.append(slot) }
            slot.add(caller)
        }
        used.sort { $0.operation.order < $1.operation.order }
        return used
    }

    private func ended(_ outcome: Exchange.Outcome) {
        guard let (group, used) = flight else { preconditionFailure("an answer without a flush") }
        flight = nil
        switch outcome {
        case .done(let results):
            statistics.commits += 1
            statistics.rows += group.callers.count
            for (slot, rows) in zip(used, results) where slot !== lock { slot.distribute(rows) }
            for slot in used { slot.removeAll() }
            for caller in group.callers { caller.finish(nil) }
        case .failed(let error, let statement):
            let failed = statement.map { used[$0] }
            let affected = failed === lock ? nil : failed?.callers
            for slot in used { slot.removeAll() }
            let (repeated, given) = group.afterFailure(error, of: affected)
            for caller in given { caller.finish(error) }
            repeats.append(contentsOf: repeated.reversed())
            statistics.repeats += repeated.count
        }
    }
}

/// What a Batcher has done since it was made.
public struct BatchStatistics: Equatable, Sendable {
    /// Pipelines sent: each is one round trip and one transaction.
    public var flushes = 0
    /// Statements in them, lock statements included.
    public var statements = 0
    /// Inputs whose flush was committed.
    public var rows = 0
    public var commits = 0
    /// Flushes that were parts of a failed one.
    public var repeats = 0
    public var roundTrips: Int { flushes }

    static func += (sum: inout Self, other: Self) {
        sum.flushes += other.flushes
        sum.statements += other.statements
        sum.rows += other.rows
        sum.commits += other.commits
        sum.repeats += other.repeats
    }
}
