import CaseRouting

/// Ledger, cursors, gaps and write-back as one simulated process uses them.
public struct MemoryIngestStore: IngestStore {
    let shared: SharedTables
    let life: Life

    public init(_ shared: SharedTables, life: Life) {
        self.shared = shared
        self.life = life
    }

    public var cursors: [String: ReplayCursor] { shared.ingest.cursors }
    public var openGaps: [String] { shared.ingest.openGaps.map(\.reason) }
    public var sweeps: [SweepResult] { shared.ingest.sweeps }
    public var postponed: Set<RequestKey> { Set(shared.ingest.postponed.keys) }

    public func cursor(org: String, channel: String) async throws(RoutingFailure) -> ReplayCursor? {
        try await shared.statement(life) { _ in shared.ingest.cursors[channel] }
    }

    public func record(
        _ requests: [RecordedRequest], cursor: ReplayCursor?, channel: String, lease: Lease
    ) async throws(RoutingFailure) -> Bool {
        try await shared.statement(life) { tables in
            let row = tables.leases["\(lease.kind.rawValue)/\(lease.name)"]
            guard let row, row.term == lease.term, row.until > tables.now else { return false }
            for request in requests { tables.record(request.change) }
            let known = shared.ingest.cursors[channel]
            if let cursor,
                known.map({ ($0.streamEpoch, $0.replayID) < (cursor.streamEpoch, cursor.replayID) }) ?? true
            {
                shared.ingest.cursors[channel] = cursor
                shared.movedCursor = cursor
            }
            return true
        }
    }

    public func known(_ requests: [RequestKey]) async throws(RoutingFailure) -> Set<RequestKey> {
        try await shared.statement(life) { tables in Set(requests.filter { tables.requests[$0] != nil }) }
    }

    public func knownRows(_ rows: [CaseChange]) async throws(RoutingFailure) -> Set<RequestKey> {
        try await shared.statement(life) { tables in
            var known: Set<RequestKey> = []
            for change in rows {
                let key = RequestKey(change)
                guard tables.requests[key] != nil else { continue }
                if tables.requests[key]?.change.row == nil { tables.requests[key]?.change.row = change.row }
                known.insert(key)
            }
            shared.ingest.marked.subtract(known)
            return known
        }
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

    public func takeToVerify(org: String, limit: Int) async throws(RoutingFailure) -> [CaseToVerify] {
        try await shared.statement(life, isNothing: \.isEmpty) { tables in
            let now = tables.now
            let until = now + CaseToVerify.pause
            let due = tables.cases.lazy.filter { key, row in
                key.org == org && row.isToVerify && row.verifyAt.map { $0 <= now } ?? true
            }.map(\.key).sorted()
            for key in due { tables.cases[key]?.verifyAt = until }
            if !due.isEmpty { shared.trace?.tell(life, "reads \(due.map(\.caseID)) again") }
            return due.map {
                let state = tables.state($0)
                return CaseToVerify(
                    caseID: $0.caseID, revision: state.revision, version: state.fences.state, until: until)
            }
        }
    }

    public func verified(org: String, _ cases: [CaseToVerify]) async throws(RoutingFailure) {
        try await shared.statement(life) { tables in
            for one in cases {
                let key = CaseKey(org: org, caseID: one.caseID)
                if tables.cases[key]?.verifyAt == one.until { tables.cases[key]?.isToVerify = false }
            }
        }
    }

    public func dueWriteBacks(org: String, limit: Int) async throws(RoutingFailure) -> [DueWriteBack] {
        try await shared.statement(life, isNothing: \.isEmpty) { tables in
            let now = tables.now
            let due = tables.requests.lazy.filter { key, row in
                row.outcome != nil && row.change.row != nil && !shared.ingest.marked.contains(key)
                    && shared.ingest.postponed[key].map { $0.until <= now } ?? true
            }
            return due.sorted { $0.key.eventKey < $1.key.eventKey }.prefix(limit).compactMap { key, row in
                let since = shared.ingest.since[key] ?? tables.now
                shared.ingest.since[key] = since
                return row.change.row.map {
                    DueWriteBack(request: key, row: $0, waiting: tables.now - since)
                }
            }
        }
    }

    public func markWrittenBack(_ requests: [RequestKey]) async throws(RoutingFailure) {
        try await shared.statement(life) { _ in
            shared.ingest.marked.formUnion(requests)
            for request in requests {
                shared.ingest.postponed[request] = nil
                shared.ingest.since[request] = nil
            }
        }
    }

    public func postponeWriteBack(
        _ failures: [(request: RequestKey, failure: RoutingFailure)]
    ) async throws(RoutingFailure) {
        try await shared.statement(life) { tables in
            for (request, _) in failures {
                let count = (shared.ingest.postponed[request]?.failures ?? 0) + 1
                let pause = min(.seconds(3_600), Duration.seconds(60) * (1 << min(count - 1, 6)))
                shared.ingest.postponed[request] = (tables.now + pause, count)
            }
        }
    }

    public func openGap(org: String, channel: String, from: Timestamp?, reason: String) async throws(RoutingFailure) {
        try await shared.statement(life) { shared.ingest.openGaps.append((reason, from, $0.now)) }
    }

    public func openGap(org: String) async throws(RoutingFailure) -> OpenGap? {
        try await shared.statement(life, isNothing: { $0 == nil }) { tables in
            let open = shared.ingest.openGaps.filter { $0.openedAt <= tables.now }
            return open.isEmpty ? nil : OpenGap(from: open.compactMap(\.from).min())
        }
    }

    public func closeGaps(org: String, openedBefore: Timestamp) async throws(RoutingFailure) {
        try await shared.statement(life) { _ in shared.ingest.openGaps.removeAll { $0.openedAt <= openedBefore } }
    }

    public func takeAskedSweep(org: String, configuration: Int64) async throws(RoutingFailure) -> AskedSweep? {
        try await shared.statement(life, isNothing: { $0 == nil }) { tables in
            tables.askedSweeps.first { !$0.isFinished && $0.configuration <= configuration }?.sweep
        }
    }

    public func lastSweep(org: String) async throws(RoutingFailure) -> Timestamp? {
        try await shared.statement(life) { _ in
            shared.ingest.sweeps.filter { $0.findings == nil }.map(\.startedAt).max()
        }
    }

    public func finishSweep(org: String, _ result: SweepResult) async throws(RoutingFailure) {
        try await shared.statement(life) { tables in
            for index in tables.askedSweeps.indices where tables.askedSweeps[index].sweep.id == result.asked {
                tables.askedSweeps[index].isFinished = true
            }
            shared.ingest.sweeps.append(result)
        }
    }

    public func replaceQueues(org: String, _ queues: [SalesforceQueue]) async {}
    public func replaceLegacyMappings(org: String, _ rows: [LegacyMapping]) async {}
    public func saveAPIUsage(org: String, _ usage: APIUsage, calls: [String: Int]) async {}

    public func now() async throws(RoutingFailure) -> Timestamp {
        try await shared.statement(life) { $0.now }
    }
}

extension CaseTables {
    func heldCase(_ key: CaseKey) -> HeldCase {
        let state = state(key)
        return HeldCase(
            caseID: key.caseID, revision: state.revision, version: state.fences.state, facts: state.facts,
            isUnoffered: isUnoffered(key, state))
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
