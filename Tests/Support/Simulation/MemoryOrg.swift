import CaseRouting
import Testing

/// A Salesforce org of a simulation: its cases, its outbox rows, and a stream with a position. Touched on the
/// simulation's thread only, like `SharedTables`.
public final class MemoryOrg: SalesforceOrg, @unchecked Sendable {
    public struct Row: Sendable {
        public let change: CaseChange
        public var isNew = true
    }

    public var cases: [RecordID: SweptCase] = [:]
    public var rows: [RecordID: Row] = [:]
    /// Every event since ever; its place is its replay id less one.
    public private(set) var events: [CaseChange] = []
    /// Events that the stream drops.
    public var losesEvents = false
    /// The next subscription finds its position refused.
    public var refusesPosition = false
    /// Rows that Salesforce refuses to mark.
    public var unmarkable: Set<RecordID> = []
    public private(set) var marks = 0
    /// From when on comments and e-mails were asked for, sweep by sweep.
    public private(set) var askedSince: [Timestamp] = []
    public private(set) var subscriptions = 0
    private var position: Int?
    private let clock: VirtualClock

    public let channel = "/event/Routing_Request__e"

    public init(_ simulation: Simulation) { clock = simulation.clock }

    /// A change with its row and its event.
    public func commit(_ change: CaseChange, writesRow: Bool = true) {
        cases[change.caseID] = SweptCase(
            caseID: change.caseID, facts: CaseFacts(change), isDeleted: change.kind == .deleted,
            modifiedAt: change.occurredAt)
        guard writesRow, let row = change.row else { return }
        rows[row] = Row(change: change)
        if !losesEvents { events.append(change) }
    }

    public func subscribe(after cursor: ReplayCursor?) async -> Subscription {
        subscriptions += 1
        if refusesPosition {
            refusesPosition = false
            position = events.count
            return .gap(reason: "the position is older than what Salesforce keeps")
        }
        position = cursor.map { Int($0.replayID) } ?? events.count
        return cursor == nil ? .fresh : .resumed
    }

    public func nextEvents() async throws(RoutingFailure) -> [StreamEvent] {
        guard let from = position else { throw Self.lost }
        for _ in 0..<100 {
            if events.count > from {
                position = events.count
                return events[from...].enumerated().map {
                    StreamEvent(replayID: Int64(from + $0 + 1), content: .change($1))
                }
            }
            do throws(CancellationError) { try await clock.sleep(for: .seconds(1)) } catch { return [] }
            guard position == from else { throw Self.lost }
        }
        return []
    }

    /// The server ends the subscription.
    public func cutStream() { position = nil }

    public func unsubscribe() async { position = nil }

    public func newRows(after: RecordID?, limit: Int) async -> [CaseChange] {
        rows.filter { $0.value.isNew && (after == nil || $0.key > after!) }.sorted { $0.key < $1.key }.prefix(limit)
            .map(\.value.change)
    }

    public func openCases(
        of owners: [RecordID], changedSince: Timestamp?, after: RecordID?, limit: Int
    ) async -> [SweptCase] {
        cases.values.filter { one in
            owners.contains(one.facts.owner) && !one.facts.isClosed && !one.isDeleted
                && (changedSince.map { one.modifiedAt >= $0 } ?? true) && (after.map { one.caseID > $0 } ?? true)
        }.sorted { $0.caseID < $1.caseID }.prefix(limit).map { $0 }
    }

    public func cases(_ ids: [RecordID]) async -> [SweptCase] {
        if ids.count > 400 { Issue.record("\(ids.count) ids in one query") }
        return ids.compactMap { cases[$0] }
    }

    public func occurrences(of owners: [RecordID], since: Timestamp) async -> [CaseChange] {
        askedSince.append(since)
        return []
    }

    public func markProcessed(_ ids: [RecordID]) async -> [RowResult] {
        if ids.count > 200 { Issue.record("\(ids.count) rows in one call") }
        marks += 1
        return ids.map { id in
            guard !unmarkable.contains(id) else {
                return RowResult(
                    row: id, failure: RoutingFailure(.transient, at: .salesforce, cause: .salesforceError, "Locked."))
            }
            rows[id]?.isNew = false
            return RowResult(row: id, failure: nil)
        }
    }

    public func queues() async -> [SalesforceQueue] { [] }
    public func apiUsage() async -> APIUsage? { nil }
    public func callCounts() async -> [String: Int] { [:] }

    private static let lost = RoutingFailure(.transient, at: .salesforce, cause: .salesforceError, "Stream lost.")
}
