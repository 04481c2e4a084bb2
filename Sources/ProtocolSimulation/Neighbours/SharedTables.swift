import CaseRouting

/// What the processes of a simulation share. Touched on the simulation's one thread only: by jobs that its executor runs,
/// and by the test while none is running.
public final class SharedTables: @unchecked Sendable {
    public var tables = CaseTables()
    /// While true every statement fails as with a broken database.
    public var isBroken = false
    /// How often another server took over; the connections to the one before are lost, with what is on its way.
    var timelines = 0
    /// Statements that are carried out and whose answers are lost: a backend killed while it commits.
    public var losesAnswers = 0
    /// What happens is written here.
    public var trace: HistoryTrace?
    /// Ingest's part.
    public var ingest = IngestTables()
    /// Called after a statement that has stored a position.
    public var cursorMoved: ((ReplayCursor) -> Void)?
    var movedCursor: ReplayCursor?
    /// Called after a merge: the change, what was held of its case before, and what is held now.
    public var merged: ((CaseChange, CaseFacts?, CaseFacts?) -> Void)?
    var mergedChange: (CaseChange, CaseFacts?, CaseFacts?)?
    /// Called when what was recovered too late turns out to be with an agent.
    public var delivered: ((CaseKey) -> Void)?
    /// Statements of the watch that wrote, by name.
    public var watchWrites: [String] = []
    public var figures: QueueFigures?
    /// When those of a server were saved last.
    var figuresSaved: [String: Duration] = [:]
    public var directory: CICDirectory?

    let clock: VirtualClock
    let executor: SimulationExecutor
    let random: SeededRandom

    public init(_ simulation: Simulation, seed: UInt64) {
        clock = simulation.clock
        executor = simulation.executor
        random = SeededRandom(seed: seed)
    }

    /// One statement: some time before it, some time after it. A process that dies in between does not learn whether it
    /// was carried out; what it had sent is carried out.
    func statement<Value: Sendable>(
        _ life: Life, _ name: StaticString = #function, isNothing: ((Value) -> Bool)? = nil,
        _ body: (inout CaseTables) -> Value
    ) async throws(RoutingFailure) -> Value {
        precondition(executor.isCurrent, "\(name) escaped from the simulation's thread")
        if life.isDisturbed(clock) { await life.step(clock) }
        if life.isOver { throw Self.broken }
        let timeline = timelines
        await onItsWay()
        if isBroken || timelines != timeline { throw Self.broken }
        tables.now = Sample.start + clock.monotonic
        let before = trace?.isVerbose == true ? tables : nil
        let value = body(&tables)
        trace?.note(life, name) { before.map { tables.differences(from: $0) } ?? [] }
        if let moved = movedCursor {
            movedCursor = nil
            cursorMoved?(moved)
        }
        if let (change, before, after) = mergedChange {
            mergedChange = nil
            merged?(change, before, after)
        }
        // Looking for work and finding none is most of what is asked.
        if isNothing?(value) == true { return value }
        let isAnswerLost = losesAnswers > 0
        if isAnswerLost { losesAnswers -= 1 }
        await onItsWay()
        if life.isDisturbed(clock) { await life.step(clock) }
        if life.isOver || isBroken || isAnswerLost || timelines != timeline { throw Self.broken }
        return value
    }

    private func onItsWay() async { await clock.pass(nanoseconds: 1_000 * Int64(100 + random.next() % 1_500)) }

    public static let broken = RoutingFailure(.own, at: .store, cause: .database, "The database is broken.")
}
