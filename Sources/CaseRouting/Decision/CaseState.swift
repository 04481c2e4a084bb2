/// What we hold of a case: one row of `cases` and its open episode, as read at one moment.
public struct CaseState: Equatable, Sendable {
    /// Rises with every change of what is wanted and with every end of an episode.
    public var revision: Int64 = 0
    /// The revision that CIC was brought to.
    public var appliedRevision: Int64 = 0
    public var fences = Fences()
    /// Nil for a case that we have never heard of.
    public var facts: CaseFacts?
    /// Modstamp of the newest observation in force; a reply that is not newer withdraws nothing.
    public var observedAt: Timestamp?
    public var wanted: Wanted?
    /// With `wanted == nil`: an interaction that an agent has stays until the agent is done.
    public var sparesAgent = false
    /// The least assign number that carries out the wish. An assign below it that is in force was for an older wish.
    public var wantedAssign: Int64 = 0
    /// Where the case was wanted last; for comments on a case that a user owns.
    public var lastWanted: Wanted?
    /// Number of the newest episode, open or not; 0 for none.
    public var lastEpisode: Int32 = 0
    /// The open episode.
    public var episode: Episode?
    public var attempts: Int32 = 0
    public var failureNumber: Int32 = 0

    public init() {}

    /// Whether CIC has still to be brought to what is wanted.
    public var isDue: Bool { appliedRevision < revision }
}

/// What Salesforce said last about a case.
public struct CaseFacts: Equatable, Sendable {
    public var caseNumber: String
    public var owner: RecordID
    public var isClosed: Bool
    public var skills: String
    public var priority: String

    public init(caseNumber: String, owner: RecordID, isClosed: Bool, skills: String, priority: String) {
        self.caseNumber = caseNumber
        self.owner = owner
        self.isClosed = isClosed
        self.skills = skills
        self.priority = priority
    }

    public init(_ change: CaseChange) {
        self.init(
            caseNumber: change.caseNumber, owner: change.owner, isClosed: change.isClosed, skills: change.skills,
            priority: change.priority)
    }

    /// Whether both say the same about routing; names for people may differ.
    public func isSameState(as other: CaseFacts) -> Bool {
        owner == other.owner && isClosed == other.isClosed && skills == other.skills
    }
}

/// The newest versions seen of a case, kept apart because one fence for everything loses customers: a comment merged
/// before the owner change that preceded it would supersede that change, and nobody would be offered the case.
public struct Fences: Equatable, Sendable {
    /// What the versions count; versions of an older epoch are older than all of a newer one.
    public var epoch: Int32 = 1
    /// Newest state of any kind. A strictly older state changes no state.
    public var state: Int64 = 0
    /// Newest state that brought the open case into a monitored queue or reopened it there.
    public var arrival: Int64 = 0
    /// Newest comment or e-mail.
    public var contact: Int64 = 0
    /// Newest reply of an agent.
    public var reply: Int64 = 0

    public init() {}
}
