import CaseRouting

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
    public internal(set) var events: [CaseChange] = []
    /// Events that the stream drops.
    public var losesEvents = false
    /// The next subscription finds its position refused.
    public var refusesPosition = false
    /// Rows that Salesforce refuses to mark.
    public var unmarkable: Set<RecordID> = []
    /// From when on comments and e-mails were asked for, sweep by sweep.
    public private(set) var askedSince: [Timestamp] = []
    public private(set) var subscriptions = 0
    private var position: Int?
    /// Called when a row is marked.
    public var marks: ((CaseChange) -> Void)?
    /// How long the answer with open cases is on its way.
    public var openCasesDelay: Duration = .zero
    public private(set) var openCaseReads = 0
    /// How far its clock is ahead of the database's. Whoever sets it stamps its changes by that.
    public var ahead: Duration = .zero
    /// Calls that fail from now on.
    public var failures = 0
    private(set) var cuts = 0
    /// Events before this are found by a sweep only.
    private(set) var base = 0
    let news = Bell()
    let clock: VirtualClock

    public let channel = "/event/Routing_Request__e"

    public init(_ simulation: Simulation) { clock = simulation.clock }

    /// A change with its row and its event.
    public func commit(_ change: CaseChange, writesRow: Bool = true, announces: Bool = true) {
        cases[change.caseID] = SweptCase(
            caseID: change.caseID, facts: CaseFacts(change), isDeleted: change.kind == .deleted,
            modifiedAt: change.occurredAt)
        guard writesRow, let row = change.row else { return }
        rows[row] = Row(change: change)
        if announces && !losesEvents { announce(change) }
    }

    /// An event of the change is on the stream from now on.
    public func announce(_ change: CaseChange) {
        events.append(change)
        clock.ring(news)
    }

    public func subscribe(after cursor: ReplayCursor?) async -> Subscription {
        let (subscription, position) = begin(after: cursor)
        self.position = position
        return subscription
    }

    func begin(after cursor: ReplayCursor?) -> (Subscription, position: Int) {
        subscriptions += 1
        if refusesPosition || cursor == nil { base = events.count }
        if refusesPosition {
            refusesPosition = false
            return (.gap(reason: "the position is older than what Salesforce keeps"), events.count)
        }
        return (cursor == nil ? .fresh : .resumed, cursor.map { Int($0.replayID) } ?? events.count)
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

    /// The server ends every subscription.
    public func cutStream() {
        position = nil
        cuts += 1
        clock.ring(news)
    }

    public func unsubscribe() async { position = nil }

    public func newRows(after: RecordID?, limit: Int) async -> [CaseChange] { newRowList(after: after, limit: limit) }

    func newRowList(after: RecordID?, limit: Int) -> [CaseChange] {
        rows.filter { $0.value.isNew && (after == nil || $0.key > after!) }.sorted { $0.key < $1.key }.prefix(limit)
            .map(\.value.change)
    }

    public func openCases(
        of owners: [RecordID], changedSince: Timestamp?, after: RecordID?, limit: Int
    ) async -> [SweptCase] {
        let page = openCaseList(of: owners, changedSince: changedSince, after: after, limit: limit)
        openCaseReads += 1
        // An answer that does not come ends with the process that waits for it.
        do throws(CancellationError) { try await clock.sleep(for: openCasesDelay) } catch { return [] }
        return page
    }

    func openCaseList(
        of owners: [RecordID], changedSince: Timestamp?, after: RecordID?, limit: Int
    ) -> [SweptCase] {
        cases.values.filter { one in
            owners.contains(one.facts.owner) && !one.facts.isClosed && !one.isDeleted
                && (changedSince.map { one.modifiedAt >= $0 } ?? true) && (after.map { one.caseID > $0 } ?? true)
        }.sorted { $0.caseID < $1.caseID }.prefix(limit).map { $0 }
    }

    public func cases(_ ids: [RecordID]) async throws(RoutingFailure) -> [SweptCase] {
        precondition(ids.count <= 400, "\(ids.count) ids in one query")
        if failures > 0 {
            failures -= 1
            throw Self.lost
        }
        return ids.compactMap { cases[$0] }
    }

    public func occurrences(of owners: [RecordID], since: Timestamp) async -> [CaseChange] {
        askedSince.append(since)
        return []
    }

    /// Comments, read from the comment itself: without a row.
    func occurrenceList(of owners: [RecordID], since: Timestamp) -> [CaseChange] {
        rows.values.map(\.change).filter { change in
            change.kind == .comment && change.occurredAt >= since
                && cases[change.caseID].map { owners.contains($0.facts.owner) } ?? false
        }.sorted { $0.key < $1.key }.map { change in
            var change = change
            change.row = nil
            return change
        }
    }

    public func markProcessed(_ ids: [RecordID]) async -> [RowResult] { mark(ids) }

    func mark(_ ids: [RecordID]) -> [RowResult] {
        precondition(ids.count <= 200, "\(ids.count) rows in one call")
        return ids.map { id in
            guard !unmarkable.contains(id) else {
                return RowResult(
                    row: id, failure: RoutingFailure(.transient, at: .salesforce, cause: .salesforceError, "Locked."))
            }
            if let row = rows[id] { marks?(row.change) }
            rows[id]?.isNew = false
            return RowResult(row: id, failure: nil)
        }
    }

    public func queues() async -> [SalesforceQueue] { [] }
    public func legacyMappings() async -> [LegacyMapping] { [] }
    public func currentTime() async -> Timestamp? { Sample.start + clock.monotonic + ahead }
    public func apiUsage() async -> APIUsage? { nil }
    public func callCounts() async -> [String: Int] { [:] }

    static let lost = RoutingFailure(.transient, at: .salesforce, cause: .salesforceError, "Stream lost.")
}
