/// What Salesforce says happened to a case: the facts of one outbox row, one event or one swept case.
///
/// It carries ids and routing fields, never the customer's text.
public struct CaseChange: Equatable, Sendable {
    /// The fact's own name, from the record and never from the transport, so that the same fact is one request however
    /// it arrived: `n:<comment or e-mail id>`, `o:<row id>`, `o:<row id>:<modstamp>` (legacy rows updated in place) or
    /// `s:<case id>:<modstamp>:<revision compared with>`, with the sweep's time behind it where that was used before
    /// without healing the difference. At most 120 bytes.
    public var key: String
    public var org: String
    public var caseID: RecordID
    public var kind: ChangeKind
    /// Orders the changes of one case: the row's sequence, or the modstamp in whole seconds for legacy rows and swept
    /// cases. Equal versions say nothing about order.
    public var version: Int64
    /// Rises when an org's versions change their meaning (another table); versions compare only within one.
    public var versionEpoch: Int32
    /// The record's own time.
    public var occurredAt: Timestamp
    /// What people call the case.
    public var caseNumber: String
    public var owner: RecordID
    /// Owner before this change; nil when it did not change the owner.
    public var previousOwner: RecordID?
    public var isClosed: Bool
    /// The case's skills field as it is.
    public var skills: String
    /// The case's priority as Salesforce names it.
    public var priority: String
    /// Who did it.
    public var actor: RecordID?
    /// The outbox row to mark as processed in Salesforce; nil for what a sweep found without one.
    public var row: RecordID?
    /// Of `observed` only: the revision it was compared with, 0 for a case that we did not know.
    public var comparedWith: Int64?
    /// Of `observed` only: the version of the newest state that was merged when it was compared, 0 for none; nil from those
    /// who do not know it.
    public var comparedVersion: Int64?
    /// Of `observed` only: a person asked for what waits to be offered, although nothing has changed since.
    public var isAsked: Bool

    public init(
        key: String, org: String, caseID: RecordID, kind: ChangeKind, version: Int64, versionEpoch: Int32 = 1,
        occurredAt: Timestamp, caseNumber: String, owner: RecordID, previousOwner: RecordID? = nil,
        isClosed: Bool = false, skills: String = "", priority: String = "", actor: RecordID? = nil,
        row: RecordID? = nil, comparedWith: Int64? = nil, comparedVersion: Int64? = nil, isAsked: Bool = false
    ) {
        self.key = key
        self.org = org
        self.caseID = caseID
        self.kind = kind
        self.version = version
        self.versionEpoch = versionEpoch
        self.occurredAt = occurredAt
        self.caseNumber = caseNumber
        self.owner = owner
        self.previousOwner = previousOwner
        // A record that was deleted or merged away says of itself what it said last: open, for the most part.
        self.isClosed = isClosed || kind.endsCase
        self.skills = skills
        self.priority = priority
        self.actor = actor
        self.row = row
        self.comparedWith = comparedWith
        self.comparedVersion = comparedVersion
        self.isAsked = isAsked
    }

    public var caseKey: CaseKey { CaseKey(org: org, caseID: caseID) }

    /// Longest event key; the longest that Salesforce can cause has 60 bytes.
    public static let maximumKeyLength = 120
    /// Longest number and priority in a message, in bytes.
    public static let maximumNumberLength = 64
    public static let maximumPriorityLength = 255
    /// Longest skills field; Salesforce's field holds 255 characters.
    public static let maximumSkillsLength = 4_000
}
