import CaseRouting

/// A Salesforce org as one simulated process uses it: with a subscription of its own.
public final class OrgConnection: SalesforceOrg, @unchecked Sendable {
    private let org: MemoryOrg
    private let life: Life
    private var position: Int?
    private var cuts: Int

    public init(_ org: MemoryOrg, life: Life) {
        self.org = org
        self.life = life
        cuts = org.cuts
    }

    public var channel: String { org.channel }

    /// Time, death and failure of one call.
    private func call<Value>(_ body: (MemoryOrg) -> Value) async throws(RoutingFailure) -> Value {
        await life.step(org.clock)
        if life.isOver { throw MemoryOrg.lost }
        await pass(.milliseconds(30))
        if org.failures > 0 {
            org.failures -= 1
            throw MemoryOrg.lost
        }
        let value = body(org)
        await pass(.milliseconds(30))
        await life.step(org.clock)
        if life.isOver { throw MemoryOrg.lost }
        return value
    }

    private func pass(_ duration: Duration) async {
        do throws(CancellationError) { try await org.clock.sleep(for: duration) } catch {
            // What was sent takes effect all the same.
        }
    }

    public func subscribe(after cursor: ReplayCursor?) async throws(RoutingFailure) -> Subscription {
        let (subscription, position) = try await call { $0.begin(after: cursor) }
        self.position = position
        cuts = org.cuts
        return subscription
    }

    public func nextEvents() async throws(RoutingFailure) -> [StreamEvent] {
        for _ in 0..<10 {
            await life.step(org.clock)
            guard !life.isOver, let from = position, cuts == org.cuts else { throw MemoryOrg.lost }
            if org.events.count > from {
                // A long poll brings some of what there is.
                let to = min(org.events.count, from + 3)
                position = to
                return (from..<to).map {
                    StreamEvent(replayID: Int64($0 + 1), content: .change(org.events[$0]))
                }
            }
            do throws(CancellationError) { try await org.clock.wait(on: org.news, atMost: .seconds(10)) } catch {
                return []
            }
        }
        return []
    }

    public func unsubscribe() async { position = nil }

    public func newRows(after: RecordID?, limit: Int) async throws(RoutingFailure) -> [CaseChange] {
        try await call { $0.newRowList(after: after, limit: limit) }
    }

    public func openCases(
        of owners: [RecordID], changedSince: Timestamp?, after: RecordID?, limit: Int
    ) async throws(RoutingFailure) -> [SweptCase] {
        try await call { $0.openCaseList(of: owners, changedSince: changedSince, after: after, limit: limit) }
    }

    public func cases(_ ids: [RecordID]) async throws(RoutingFailure) -> [SweptCase] {
        try await call { org in ids.compactMap { org.cases[$0] } }
    }

    public func occurrences(of owners: [RecordID], since: Timestamp) async throws(RoutingFailure) -> [CaseChange] {
        try await call { $0.occurrenceList(of: owners, since: since) }
    }

    public func markProcessed(_ ids: [RecordID]) async throws(RoutingFailure) -> [RowResult] {
        try await call { $0.mark(ids) }
    }

    public func queues() async -> [SalesforceQueue] { [] }
    public func legacyMappings() async -> [LegacyMapping] { [] }
    public func currentTime() async -> Timestamp? { await org.currentTime() }
    public func apiUsage() async -> APIUsage? { nil }
    public func callCounts() async -> [String: Int] { [:] }
}
