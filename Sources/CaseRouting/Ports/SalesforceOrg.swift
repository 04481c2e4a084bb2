/// One Salesforce org, as ingest uses it. Used by the holder of the org's lease only.
///
/// Errors are `RoutingFailure`s: `transient`, or `configuration` (a right, an object, a field or a credential is
/// missing; the sentence says which). A lost session is renewed inside.
public protocol SalesforceOrg: Sendable {
    /// The channel that carries the changes, as cursors name it.
    var channel: String { get }

    /// Opens the subscription after this position; nil: only what comes from now on.
    func subscribe(after cursor: ReplayCursor?) async throws(RoutingFailure) -> Subscription

    /// One long poll: what arrived, in order; empty after at most 110 s without events. Has to be called again within
    /// 40 s or Salesforce drops the session, which costs a new subscription and nothing else.
    func nextEvents() async throws(RoutingFailure) -> [StreamEvent]

    /// Ends the subscription in an orderly way, which frees one of the org's concurrent clients.
    func unsubscribe() async

    /// Outbox rows with status New, by id, after this one.
    func newRows(after: RecordID?, limit: Int) async throws(RoutingFailure) -> [CaseChange]

    /// Open cases of these owners, by id after this one, changed since (nil: all).
    func openCases(of owners: [RecordID], changedSince: Timestamp?, after: RecordID?, limit: Int)
        async throws(RoutingFailure) -> [SweptCase]

    /// These cases, whatever their state; deleted ones are marked so. At most 400 ids.
    func cases(_ ids: [RecordID]) async throws(RoutingFailure) -> [SweptCase]

    /// Comments and e-mails since then of cases of these owners, oldest first.
    func occurrences(of owners: [RecordID], since: Timestamp) async throws(RoutingFailure) -> [CaseChange]

    /// Marks outbox rows as processed; at most 200. Answers for each row.
    func markProcessed(_ rows: [RecordID]) async throws(RoutingFailure) -> [RowResult]

    /// The queues that may own cases.
    func queues() async throws(RoutingFailure) -> [SalesforceQueue]

    /// The rows of the table in which an older connector keeps which queue goes where; none where no such table is set.
    func legacyMappings() async throws(RoutingFailure) -> [LegacyMapping]

    /// What time it is by Salesforce's clock, as far as its answers say; nil before the first one.
    func currentTime() async -> Timestamp?

    /// Calls used of the daily limit as Salesforce said last; nil before the first answer.
    func apiUsage() async -> APIUsage?

    /// Calls made since the start of this process, by kind.
    func callCounts() async -> [String: Int]
}

public struct ReplayCursor: Equatable, Sendable {
    /// Rises when the stream was reset; replay ids compare only within one.
    public var streamEpoch: Int32
    public var replayID: Int64
    public var lastEventAt: Timestamp?

    public init(streamEpoch: Int32, replayID: Int64, lastEventAt: Timestamp? = nil) {
        self.streamEpoch = streamEpoch
        self.replayID = replayID
        self.lastEventAt = lastEventAt
    }
}

public enum Subscription: Equatable, Sendable {
    /// Nothing since the cursor is missing.
    case resumed
    /// There was no cursor: what happened before is found by a sweep only.
    case fresh
    /// Salesforce refused the position: what happened since is found by a sweep only.
    case gap(reason: String)
}

public struct StreamEvent: Sendable {
    public enum Content: Sendable {
        case change(CaseChange)
        /// An event that cannot be used, and why. Its row is found by the sweep, which reports it.
        case malformed(reason: String)
    }

    public let replayID: Int64
    public let content: Content

    public init(replayID: Int64, content: Content) {
        self.replayID = replayID
        self.content = content
    }
}

/// A case as a query returned it.
public struct SweptCase: Equatable, Sendable {
    public let caseID: RecordID
    public let facts: CaseFacts
    public let isDeleted: Bool
    /// SystemModstamp.
    public let modifiedAt: Timestamp

    public init(caseID: RecordID, facts: CaseFacts, isDeleted: Bool, modifiedAt: Timestamp) {
        self.caseID = caseID
        self.facts = facts
        self.isDeleted = isDeleted
        self.modifiedAt = modifiedAt
    }
}

public struct RowResult: Equatable, Sendable {
    public let row: RecordID
    /// Nil: marked, or the row is gone and needs no mark.
    public let failure: RoutingFailure?

    public init(row: RecordID, failure: RoutingFailure?) {
        self.row = row
        self.failure = failure
    }
}

public struct SalesforceQueue: Equatable, Sendable {
    public let id: RecordID
    public let name: String
    public let developerName: String

    public init(id: RecordID, name: String, developerName: String) {
        self.id = id
        self.name = name
        self.developerName = developerName
    }
}

/// One row of an older connector's table, as it stands there: people typed it, and nothing of it was checked.
public struct LegacyMapping: Equatable, Sendable {
    public let row: RecordID
    /// Name or id of the queue.
    public let queue: String
    public let workgroup: String
    /// Separated by semicolons.
    public let skills: String

    public init(row: RecordID, queue: String, workgroup: String, skills: String) {
        self.row = row
        self.queue = queue
        self.workgroup = workgroup
        self.skills = skills
    }
}

public struct APIUsage: Equatable, Sendable {
    public let used: Int
    public let limit: Int

    public init(used: Int, limit: Int) {
        self.used = used
        self.limit = limit
    }
}
