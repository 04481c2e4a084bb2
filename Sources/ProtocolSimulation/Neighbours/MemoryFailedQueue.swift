import CaseRouting

/// `caserouter.failed` and `caserouter.dead` of a simulation. Touched on the simulation's thread only, like
/// `SharedTables`.
public final class MemoryFailedQueue: FailedQueue, @unchecked Sendable {
    public var handles: [RetryHandle] = []
    /// Handles that others have put there.
    public var others = 0
    /// What lies in `caserouter.dead`, first to come first.
    public var dead: [[UInt8]] = []
    /// How often each message was handed out.
    public private(set) var looks: [[UInt8]: Int] = [:]
    /// Calls that settled, or tried to.
    public private(set) var settlings = 0
    private var taken: [UInt64: [UInt8]] = [:]
    private var tags: UInt64 = 0

    public init() {}

    public func publish(_ handle: RetryHandle, cause: FailureCause, failedAt: Timestamp) async {
        handles.append(handle)
    }

    public func handleCount() async -> Int { handles.count + others }

    /// The next settling fails, and everything taken goes back with its connection.
    public var breaksAtSettling = false
    private var incarnation: UInt64 = 1
    /// Most messages that were in hand at one time.
    public private(set) var mostTaken = 0

    /// The broker cannot be asked.
    public var isAway = false

    public func deadCount() async throws(RoutingFailure) -> Int {
        if isAway { throw Self.broken }
        return dead.count
    }

    /// Whether it lies there, or is being looked at.
    func holds(_ body: [UInt8]) -> Bool { dead.contains(body) || taken.values.contains(body) }

    public func takeDead() async throws(RoutingFailure) -> RequestDelivery? {
        guard !dead.isEmpty else { return nil }
        if taken.count >= DeadRound.mostKept + 100 { throw Self.broken }
        let body = dead.removeFirst()
        tags += 1
        taken[tags] = body
        mostTaken = max(mostTaken, taken.count)
        looks[body, default: 0] += 1
        return RequestDelivery(
            body: body, length: body.count, isRedelivered: true, token: tags, incarnation: incarnation)
    }

    public func removeDead(_ delivery: RequestDelivery) async throws(RoutingFailure) {
        try settle(delivery)
        taken[delivery.token] = nil
    }

    public func keepDead(_ delivery: RequestDelivery) async throws(RoutingFailure) {
        try settle(delivery)
        if let body = taken.removeValue(forKey: delivery.token) { dead.insert(body, at: 0) }
    }

    /// The connections are gone: what was taken and not settled is there again, the first to come.
    public func loseTaken() {
        dead = taken.sorted { $0.key < $1.key }.map(\.value) + dead
        taken = [:]
        incarnation += 1
    }

    private func settle(_ delivery: RequestDelivery) throws(RoutingFailure) {
        settlings += 1
        if breaksAtSettling {
            breaksAtSettling = false
            loseTaken()
        }
        guard delivery.incarnation == incarnation else { throw Self.broken }
    }

    private static let broken = RoutingFailure(.own, at: .broker, cause: .broker, "The connection is gone.")
}

/// Handles and partitions of a simulation.
public final class MemoryHousekeepingStore: HousekeepingStore, @unchecked Sendable {
    private let shared: SharedTables
    private var putOut: [CaseKey: (failure: Int32, at: Timestamp)] = [:]
    public private(set) var partitionRounds = 0
    /// What the accounting is said to lack.
    public var differences: [AccountingDifference] = []

    public init(_ shared: SharedTables) { self.shared = shared }

    public func takeDueHandles(limit: Int) async -> [DueHandle] {
        let now = Sample.start + shared.clock.monotonic
        let due = shared.tables.cases.filter { key, row in
            guard row.state.attempts >= RetryPolicy.attemptLimit else { return false }
            guard let last = putOut[key], last.failure == row.state.failureNumber else { return true }
            return now - last.at > .seconds(240)
        }
        return due.sorted { $0.key < $1.key }.prefix(limit).map { key, row in
            putOut[key] = (row.state.failureNumber, now)
            return DueHandle(
                handle: RetryHandle(caseKey: key, failureNumber: row.state.failureNumber),
                cause: row.failure?.cause ?? .workerDied, failedAt: now)
        }
    }

    public func liftSweptOrgs() async -> [String] {
        shared.tables.now = Sample.start + shared.clock.monotonic
        return shared.tables.liftSweptOrgs(shared.ingest)
    }

    public func advanceRetries() async -> [String] { [] }

    public func accountingDifferences() async -> [AccountingDifference] { differences }

    public func maintainPartitions() async -> [String] {
        partitionRounds += 1
        return []
    }
}
