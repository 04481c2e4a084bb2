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
    private var taken: [UInt64: [UInt8]] = [:]
    private var tags: UInt64 = 0

    public init() {}

    public func publish(_ handle: RetryHandle, cause: FailureCause, failedAt: Timestamp) async {
        handles.append(handle)
    }

    public func handleCount() async -> Int { handles.count + others }

    public func takeDead() async -> RequestDelivery? {
        guard !dead.isEmpty else { return nil }
        let body = dead.removeFirst()
        tags += 1
        taken[tags] = body
        looks[body, default: 0] += 1
        return RequestDelivery(body: body, length: body.count, isRedelivered: true, token: tags, incarnation: 1)
    }

    /// The connections are gone: what was taken and not settled is there again.
    public func loseTaken() {
        dead += taken.sorted { $0.key < $1.key }.map(\.value)
        taken = [:]
    }

    public func removeDead(_ delivery: RequestDelivery) async { taken[delivery.token] = nil }

    public func keepDead(_ delivery: RequestDelivery) async {
        if let body = taken.removeValue(forKey: delivery.token) { dead.insert(body, at: 0) }
    }
}

/// Handles and partitions of a simulation.
public final class MemoryHousekeepingStore: HousekeepingStore, @unchecked Sendable {
    private let shared: SharedTables
    private var putOut: [CaseKey: (failure: Int32, at: Timestamp)] = [:]
    public private(set) var partitionRounds = 0

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

    public func advanceRetries() async -> [String] { [] }

    public func maintainPartitions() async -> [String] {
        partitionRounds += 1
        return []
    }
}
