import CaseRouting

/// Ledger, cursors, gaps and write-back of a simulation.
public final class MemoryIngestStore: IngestStore, @unchecked Sendable {
    let shared: SharedTables
    let life: Life
    public private(set) var cursors: [String: ReplayCursor] = [:]
    public private(set) var openGaps: [String] = []
    public private(set) var sweeps: [SweepResult] = []
    public private(set) var postponed: Set<RequestKey> = []
    private var marked: Set<RequestKey> = []

    public init(_ shared: SharedTables, life: Life) {
        self.shared = shared
        self.life = life
    }

    public func cursor(org: String, channel: String) async throws(RoutingFailure) -> ReplayCursor? {
        cursors[channel]
    }

    public func record(
        _ requests: [RecordedRequest], cursor: ReplayCursor?, channel: String, lease: Lease
    ) async throws(RoutingFailure) -> Bool {
        let isHeld = try await shared.statement(life) { tables in
            let row = tables.leases["\(lease.kind)/\(lease.name)"]
            guard row?.term == lease.term else { return false }
            for request in requests { tables.record(request.change) }
            return true
        }
        if isHeld, let cursor { cursors[channel] = cursor }
        return isHeld
    }

    public func known(
        _ requests: [RequestKey], rearmingWriteBack: Bool
    ) async throws(RoutingFailure) -> Set<RequestKey> {
        let known = try await shared.statement(life) { tables in
            Set(requests.filter { tables.requests[$0] != nil })
        }
        if rearmingWriteBack { marked.subtract(known) }
        return known
    }

    public func held(org: String, _ ids: [RecordID], settledOnly: Bool) async throws(RoutingFailure) -> [HeldCase] {
        try await shared.statement(life) { tables in
            ids.compactMap { id in
                let key = CaseKey(org: org, caseID: id)
                let hasUnseen = tables.requests.values.contains { $0.change.caseKey == key && !$0.isSeen }
                return settledOnly && hasUnseen ? nil : tables.heldCase(key)
            }
        }
    }

    public func heldAsActive(
        org: String, queues: [RecordID], after: RecordID?, limit: Int
    ) async throws(RoutingFailure) -> [HeldCase] {
        try await shared.statement(life) { tables in
            let active = tables.cases.filter { key, row in
                guard key.org == org, after.map({ key.caseID > $0 }) ?? true else { return false }
                let isInQueue = row.state.facts.map { !$0.isClosed && queues.contains($0.owner) } ?? false
                return isInQueue || row.state.wanted != nil || tables.openEpisode(key) != nil
            }
            return active.keys.sorted().prefix(limit).map { tables.heldCase($0) }
        }
    }

    public func takeToVerify(org: String, limit: Int) async throws(RoutingFailure) -> [HeldCase] {
        try await shared.statement(life) { tables in
            let due = tables.cases.filter { $0.key.org == org && $0.value.isToVerify }.keys.sorted()
            for key in due { tables.cases[key]?.isToVerify = false }
            return due.map { tables.heldCase($0) }
        }
    }

    public func dueWriteBacks(org: String, limit: Int) async throws(RoutingFailure) -> [DueWriteBack] {
        try await shared.statement(life) { tables in
            tables.requests.filter { key, row in
                row.outcome != nil && row.change.row != nil && !marked.contains(key) && !postponed.contains(key)
            }.prefix(limit).map { key, row in
                DueWriteBack(request: key, row: row.change.row!, waiting: .seconds(60))
            }
        }
    }

    public func markWrittenBack(_ requests: [RequestKey]) async { marked.formUnion(requests) }

    public func postponeWriteBack(_ failures: [(request: RequestKey, failure: RoutingFailure)]) async {
        postponed.formUnion(failures.map(\.request))
    }

    public func openGap(org: String, channel: String, from: Timestamp?, reason: String) async {
        openGaps.append(reason)
    }

    public func closeGaps(org: String, openedBefore: Timestamp) async { openGaps = [] }
    public func takeAskedSweep(org: String, configuration: Int64) async throws(RoutingFailure) -> AskedSweep? {
        try await shared.statement(life) { tables in
            tables.askedSweeps.first { !$0.isFinished && $0.configuration <= configuration }?.sweep
        }
    }

    public func finishSweep(org: String, _ result: SweepResult) async throws(RoutingFailure) {
        try await shared.statement(life) { tables in
            for index in tables.askedSweeps.indices where tables.askedSweeps[index].sweep.id == result.asked {
                tables.askedSweeps[index].isFinished = true
            }
        }
        sweeps.append(result)
    }

    public func replaceQueues(org: String, _ queues: [SalesforceQueue]) async {}
    public func saveAPIUsage(org: String, _ usage: APIUsage, calls: [String: Int]) async {}
    public func now() async throws(RoutingFailure) -> Timestamp { Sample.start + shared.clock.monotonic }
}

extension CaseTables {
    func heldCase(_ key: CaseKey) -> HeldCase {
        let state = state(key)
        return HeldCase(
            caseID: key.caseID, revision: state.revision, facts: state.facts, isUnoffered: isUnoffered(key, state))
    }

    private func isUnoffered(_ key: CaseKey, _ state: CaseState) -> Bool {
        guard state.wanted == nil, state.episode == nil else { return false }
        guard let last = episodes[EpisodeKey(key, state.lastEpisode)], let endedAt = last.endedAt,
            last.endReason == .ended || last.endReason == .lostWithAgent
        else { return true }
        return requests.values.contains { request in
            request.change.caseKey == key && request.seenAt.map { $0 > endedAt } ?? false
                && request.rule.map { Decision.Rule.putAside.contains($0) } ?? false
        }
    }
}

/// The broker as ingest publishes to it.
public struct MemoryPublisher: RequestPublisher {
    let broker: MemoryBroker
    let clock: VirtualClock

    public init(_ broker: MemoryBroker, _ simulation: Simulation) {
        self.broker = broker
        clock = simulation.clock
    }

    public func publish(_ body: [UInt8]) async throws(RoutingFailure) {
        do throws(CancellationError) { try await clock.sleep(for: .milliseconds(2)) } catch {
            // The message is on its way all the same.
        }
        if broker.isBroken { throw RoutingFailure(.own, at: .broker, cause: .broker, "The broker is gone.") }
        broker.publish(body)
    }
}
