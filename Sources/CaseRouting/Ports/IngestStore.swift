/// Ledger, cursors, gaps and write-back of one org, as ingest uses them. Errors are of kind `own`.
public protocol IngestStore: Sendable {
    /// What there may be to do for this org. A hint, a second or two old: who does it looks again.
    func errands(org: String) async throws(RoutingFailure) -> OrgErrands

    func cursor(org: String, channel: String) async throws(RoutingFailure) -> ReplayCursor?

    /// After the broker confirmed them: writes requests that are new and moves the cursor (only forwards within a
    /// stream epoch), in one transaction, if the lease is still held. A row id that a known request lacks is added.
    ///
    /// - Returns: false when the lease is gone; nothing was written then.
    func record(_ requests: [RecordedRequest], cursor: ReplayCursor?, channel: String, lease: Lease)
        async throws(RoutingFailure) -> Bool

    /// Which of these the ledger has.
    func known(_ requests: [RequestKey]) async throws(RoutingFailure) -> Set<RequestKey>

    /// The same of rows that Salesforce shows as New. A request that was found without its row learns it; those with an
    /// outcome get their write-back due again.
    func knownRows(_ rows: [CaseChange]) async throws(RoutingFailure) -> Set<RequestKey>

    /// What we hold of each of these cases (of one that we never heard of: revision 0 and no facts). Cases with unseen
    /// requests are left out when `settledOnly`.
    func held(org: String, _ ids: [RecordID], settledOnly: Bool) async throws(RoutingFailure) -> [HeldCase]

    /// Cases that we hold as open in one of these queues, wanted, or with an open episode; by id after this one.
    func heldAsActive(org: String, queues: [RecordID], after: RecordID?, limit: Int)
        async throws(RoutingFailure) -> [HeldCase]

    /// Cases to be read again: two states with equal versions differed, what is wanted was read off CIC, or people have
    /// set something else. Puts each off by a minute, so that one whose reader dies, or does not learn of it, is read by
    /// the next: of some no sweep would find a difference.
    func takeToVerify(org: String, limit: Int) async throws(RoutingFailure) -> [CaseToVerify]
    /// They were read, and what was read is recorded. One that was marked again meanwhile stays marked.
    func verified(org: String, _ cases: [CaseToVerify]) async throws(RoutingFailure)

    /// Rows to be marked in Salesforce, oldest first, and how many seconds the oldest has waited.
    func dueWriteBacks(org: String, limit: Int) async throws(RoutingFailure) -> [DueWriteBack]
    func markWrittenBack(_ requests: [RequestKey]) async throws(RoutingFailure)
    /// Puts off rows that could not be marked, each by its own count of failures: 1 minute doubling to 1 hour.
    func postponeWriteBack(_ failures: [(request: RequestKey, failure: RoutingFailure)]) async throws(RoutingFailure)

    func openGap(org: String, channel: String, from: Timestamp?, reason: String) async throws(RoutingFailure)
    /// The time from which on changes may be missing, of all open gaps; nil without one. A gap that counts only from a
    /// later time on is left out until then.
    func openGap(org: String) async throws(RoutingFailure) -> OpenGap?
    /// Closes the gaps that were open when this sweep began.
    func closeGaps(org: String, openedBefore: Timestamp) async throws(RoutingFailure)

    /// The oldest sweep that a person asked for and that is not finished; begins it. One that died midway is begun again
    /// by whoever holds the org's lease then.
    ///
    /// - Parameter configuration: the version of the settings in this process. A sweep that was asked for under newer ones
    ///   waits for them: the queue that it is about may be monitored since a second ago.
    func takeAskedSweep(org: String, configuration: Int64) async throws(RoutingFailure) -> AskedSweep?
    /// When the newest sweep of the org that was finished began, whoever made it; dry runs do not count. Nil: there was
    /// none.
    func lastSweep(org: String) async throws(RoutingFailure) -> Timestamp?
    /// Writes down what a sweep did, or would have done.
    func finishSweep(org: String, _ result: SweepResult) async throws(RoutingFailure)

    func replaceQueues(org: String, _ queues: [SalesforceQueue]) async throws(RoutingFailure)
    /// For `mappings import`, which reads the database only.
    func replaceLegacyMappings(org: String, _ rows: [LegacyMapping]) async throws(RoutingFailure)
    func saveAPIUsage(org: String, _ usage: APIUsage, calls: [String: Int]) async throws(RoutingFailure)

    /// The database's time.
    func now() async throws(RoutingFailure) -> Timestamp
}

extension IngestStore {
    /// Of a store that does not know without looking for each.
    public func errands(org: String) async throws(RoutingFailure) -> OrgErrands { .all }
}

/// What is done for an org when there is something to be done.
public struct OrgErrands: OptionSet, Sendable {
    public let rawValue: Int32

    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// Cases to be read again.
    public static let verify = OrgErrands(rawValue: 1)
    /// An open gap.
    public static let gap = OrgErrands(rawValue: 2)
    /// A sweep that a person asked for.
    public static let askedSweep = OrgErrands(rawValue: 4)
    /// Rows to be marked in Salesforce.
    public static let writeBack = OrgErrands(rawValue: 8)
    public static let all: OrgErrands = [.verify, .gap, .askedSweep, .writeBack]
}

public struct RecordedRequest: Sendable {
    public enum Found: String, Sendable { case stream, sweep }

    public let change: CaseChange
    public let found: Found
    public let body: [UInt8]

    public init(change: CaseChange, found: Found, body: [UInt8]) {
        self.change = change
        self.found = found
        self.body = body
    }
}

public struct HeldCase: Equatable, Sendable {
    public let caseID: RecordID
    public let revision: Int64
    /// The version of the newest state that was merged; 0 for none.
    public let version: Int64
    public let facts: CaseFacts?
    /// Nothing is wanted for it and no interaction is open; nor has an agent ended one, unless something was asked since
    /// and put aside because of what people had set.
    public let isUnoffered: Bool

    public init(caseID: RecordID, revision: Int64, version: Int64, facts: CaseFacts?, isUnoffered: Bool = false) {
        self.caseID = caseID
        self.revision = revision
        self.version = version
        self.facts = facts
        self.isUnoffered = isUnoffered
    }

    var isUnheardOf: Bool { facts == nil && revision == 0 }
}

/// A case that one process reads again.
public struct CaseToVerify: Equatable, Sendable {
    /// How long it has for that before another does the same, which costs a call and nothing else.
    public static let pause: Duration = .seconds(60)

    public let caseID: RecordID
    public let revision: Int64
    /// The version of the newest state that was merged; 0 for none.
    public let version: Int64
    /// Until when it is put off, by the database's clock: what the mark says that `verified` removes.
    public let until: Timestamp

    public init(caseID: RecordID, revision: Int64, version: Int64, until: Timestamp) {
        self.caseID = caseID
        self.revision = revision
        self.version = version
        self.until = until
    }
}

public struct DueWriteBack: Equatable, Sendable {
    public let request: RequestKey
    public let row: RecordID
    public let waiting: Duration

    public init(request: RequestKey, row: RecordID, waiting: Duration) {
        self.request = request
        self.row = row
        self.waiting = waiting
    }
}

/// A sweep that a person asked for: it also offers cases that wait in a monitored queue although nothing changed.
public struct AskedSweep: Equatable, Sendable {
    public let id: Int64
    /// Whose waiting cases are offered; nil: those of all monitored queues.
    public let queue: RecordID?
    /// Only writes down what would be published.
    public let isDryRun: Bool

    public init(id: Int64, queue: RecordID?, isDryRun: Bool = false) {
        self.id = id
        self.queue = queue
        self.isDryRun = isDryRun
    }

    func offers(_ owner: RecordID) -> Bool { queue.map { $0 == owner } ?? true }
}

/// What a dry run would have published, and why.
public struct SweepFinding: Equatable, Sendable {
    public enum Why: String, CaseIterable, Sendable {
        /// An outbox row that no event told of.
        case row
        /// The case differs from what we hold, or we hold nothing.
        case differs
        /// Nothing differs, but the case waits in a monitored queue.
        case waits
        /// A comment or e-mail that no event told of.
        case occurrence
    }

    public let change: CaseChange
    public let why: Why

    public init(change: CaseChange, why: Why) {
        self.change = change
        self.why = why
    }
}

public struct OpenGap: Equatable, Sendable {
    /// Nil: it is not known.
    public let from: Timestamp?

    public init(from: Timestamp?) { self.from = from }
}

public struct SweepResult: Equatable, Sendable {
    public var startedAt: Timestamp
    public var asked: Int64?
    public var isWhole: Bool
    public var rows = 0
    public var casesCompared = 0
    /// Cases that were published because they differ, or because they wait.
    public var observed = 0
    /// Those of them that wait.
    public var offered = 0
    public var occurrences = 0
    /// What a dry run would have published; of very many the first.
    public var findings: [SweepFinding]?

    /// Findings of one dry run that are kept: more than anybody reads.
    public static let mostFindings = 1_000

    public init(startedAt: Timestamp, asked: AskedSweep?, isWhole: Bool) {
        self.startedAt = startedAt
        self.asked = asked?.id
        self.isWhole = isWhole
        findings = asked?.isDryRun == true ? [] : nil
    }
}
