/// The cases, episodes, requests and attempts in PostgreSQL, as a routing worker uses them.
///
/// Every writing call is one guarded statement: it returns `false` or nil when the guard no longer holds, and then
/// nothing was written and the caller looks again. Calls made in one turn share one transaction and one commit; a call
/// returns after the commit. Errors are of kind `own`: the database is broken, nothing may be concluded.
public protocol CaseStore: Sendable {
    /// The case, its open episode, whether this request was merged before, and the version of the configuration, all at
    /// one moment. No locks.
    func read(_ change: CaseChange) async throws(RoutingFailure) -> CaseSnapshot

    /// Takes a change into the case under compare-and-set on everything that the decision read, and, if asked to,
    /// claims the case and opens its next episode in the same transaction.
    func merge(_ merge: Merge) async throws(RoutingFailure) -> MergeResult

    /// Takes up to `limit` cases that are due, whose lease is free and that no hold concerns; oldest first.
    func claimDue(limit: Int, servers: [String]) async throws(RoutingFailure) -> [Claim]

    /// Commits an attempt to create before it is sent: opens the next episode when none is open (`opensEpisode`), or
    /// replaces the attempt of the episode that is creating.
    func beginCreate(_ claim: Claim, attempt: AttemptID, opensEpisode: Bool) async throws(RoutingFailure) -> Claim?

    /// Compare-and-set of the interaction into the creating episode. If the lease is still the claim's and the case
    /// is wanted on this server, the episode's number becomes the case's revision, as before an assign.
    /// Returns the claim with everything as it is now, or nil when another id won, or the lease is lost.
    func win(_ claim: Claim, _ interaction: InteractionID, _ attempt: AttemptID) async throws(RoutingFailure) -> Claim?

    /// Before an assign is sent: the number becomes the revision, workgroup and skills become unknown.
    func beginAssign(_ claim: Claim) async throws(RoutingFailure) -> Bool

    /// Records an assign that was carried out and finishes: applied, lease given back, open requests *routed*.
    func recordPlaced(_ claim: Claim, workgroup: String, skills: String) async throws(RoutingFailure) -> Bool

    /// Records that all is as wanted: applied, lease given back, open requests *routed*. An open episode that is wanted
    /// was read from CIC before, so its number becomes the revision: whoever ends it has served this wish.
    func finish(_ claim: Claim) async throws(RoutingFailure) -> Bool

    /// Before a disconnect is sent: the episode becomes *ending*, for good.
    func beginEnding(_ claim: Claim) async throws(RoutingFailure) -> Bool

    /// The end of an episode was seen. Raises the revision; when the ended interaction had served the wish, wanted
    /// becomes none and the open requests *routed*; else the case stays due. True when this call closed it.
    func end(_ end: EpisodeEnd) async throws(RoutingFailure) -> Bool

    /// Ends a creating episode for which nothing was found in holding and nothing is wanted on its server. Finishes
    /// when nothing is wanted at all; else the case stays due and claimed.
    func endUnborn(_ claim: Claim) async throws(RoutingFailure) -> Bool

    /// Gives the case back until `delay` from now, counting the failure as its kind says: `transient` and `unknown` one
    /// attempt, `permanent` and `configuration` all of them, `held` none. At the limit the case is *failed*: its
    /// failure number rises and its handle is due. Guarded by epoch and revision: a failure never counts against a
    /// newer wish; without effect the lease is given back at once all the same.
    ///
    /// - Parameter create: the claim's attempt to create is certain not to have been carried out. That is written down
    ///   whatever is wanted now: the deadline of the attempt is over.
    func park(
        _ claim: Claim, _ failure: RoutingFailure, delay: Duration, create: FailedCreate?
    ) async throws(RoutingFailure) -> Bool

    /// The claim with everything as it is now; nil when the lease is lost.
    func refresh(_ claim: Claim) async throws(RoutingFailure) -> Claim?

    /// Gives the case back without a failure; it is due again after `delay`.
    func release(_ claim: Claim, delay: Duration) async throws(RoutingFailure)

    /// A server, org or workgroup is not to be worked on from now on; a second hold for the same reason changes nothing.
    func placeHold(_ hold: Hold) async throws(RoutingFailure)

    /// Counts and commits that a request is looked at again (a redelivery, or taken from the table), before its body
    /// is looked at. Returns how often; `merge` sets it back to 0.
    func raiseTaken(_ request: RequestKey) async throws(RoutingFailure) -> Int

    /// Fails the case of a request that was taken too often: cause `worker-died`.
    func failPoisonous(_ request: RequestKey, _ failure: RoutingFailure) async throws(RoutingFailure)

    /// Takes requests that nobody has seen for ten minutes.
    func takeUnseen(limit: Int) async throws(RoutingFailure) -> [TakenRequest]

    /// What a handle asks for: attempts 0 where the case is failed with exactly this failure number.
    func retry(_ handle: RetryHandle) async throws(RoutingFailure) -> Bool

    /// Keeps why a message could not be read. Idempotent per content.
    func recordUndecodable(_ message: UndecodableMessage) async throws(RoutingFailure)
}

extension CaseStore {
    /// Gives the case back after anything but a create, or after one of which nothing is certain.
    public func park(
        _ claim: Claim, _ failure: RoutingFailure, delay: Duration
    ) async throws(RoutingFailure) -> Bool {
        try await park(claim, failure, delay: delay, create: nil)
    }
}

/// What is certain of a create that failed. Without certainty its outcome is looked for when the attempt's time is over.
public enum FailedCreate: String, Sendable {
    /// Nothing left this process, and nothing will under this attempt: another one takes its place at once.
    case neverSent = "never-sent"
    /// CIC answered that it did not do it, because the session had ended. It is looked for all the same before another
    /// attempt takes its place, but at once: the answer does not have to be waited for.
    case refused

    init?(_ failure: RoutingFailure) {
        if !failure.mayHaveBeenSent {
            self = .neverSent
        } else if failure.kind == .held {
            self = .refused
        } else {
            return nil
        }
    }
}

/// Names a request: the Salesforce day of its change, org and event key.
public struct RequestKey: Hashable, Sendable {
    public let day: Int32
    public let org: String
    public let eventKey: String

    public init(day: Int32, org: String, eventKey: String) {
        self.day = day
        self.org = org
        self.eventKey = eventKey
    }

    public init(_ change: CaseChange) { self.init(day: change.occurredAt.day, org: change.org, eventKey: change.key) }
}

public struct CaseSnapshot: Equatable, Sendable {
    public var state: CaseState
    /// Whether this very request was merged before: then it is only acknowledged.
    public var isMerged: Bool
    /// The database's time.
    public var now: Timestamp
    /// The version of the configuration in force.
    public var configuration: Int64
    /// The server of its open episode is on hold because rows were lost: a disconnect that nobody knows of any more may be
    /// on its way, so what is alive there proves nothing.
    public var lacksRows: Bool

    public init(
        state: CaseState, isMerged: Bool, now: Timestamp, configuration: Int64, lacksRows: Bool = false
    ) {
        self.state = state
        self.isMerged = isMerged
        self.now = now
        self.configuration = configuration
        self.lacksRows = lacksRows
    }
}

/// A change, what was decided, and what the decision had read.
public struct Merge: Sendable {
    public let change: CaseChange
    public let before: CaseState
    public let decision: Decision
    /// Claim the case if its lease is free and no hold concerns it.
    public let claims: Bool
    /// Together with the claim: open the next episode with this attempt.
    public let attempt: AttemptID?

    public init(change: CaseChange, before: CaseState, decision: Decision, claims: Bool, attempt: AttemptID?) {
        self.change = change
        self.before = before
        self.decision = decision
        self.claims = claims
        self.attempt = attempt
    }
}

public enum MergeResult: Sendable {
    /// Something that the decision had read has changed: read and decide again.
    case conflict
    /// Merged; the lease is held by someone else, or nothing is to be done.
    case merged
    /// Merged and claimed; when an attempt was given and the case had no open episode, it is open now.
    case claimed(Claim)
}

/// The right to act on a case: nobody else does while its lease lasts.
public struct Claim: Sendable {
    public let caseKey: CaseKey
    /// Number of this claim; every guarded write compares it.
    public let epoch: Int64
    /// The case as it was when the claim, or the last write under it, was committed.
    public var state: CaseState
    /// The database's time of that commit.
    public var now: Timestamp

    public init(caseKey: CaseKey, epoch: Int64, state: CaseState, now: Timestamp) {
        self.caseKey = caseKey
        self.epoch = epoch
        self.state = state
        self.now = now
    }

    public var episodeKey: EpisodeKey { EpisodeKey(caseKey, state.episode?.number ?? state.lastEpisode) }

    /// How long a claim lasts. An attempt has a deadline of 10 s, so that a worker killed right after claiming costs
    /// a case half a minute.
    public static let lease: Duration = .seconds(30)
}

/// An episode's end as it was seen.
public struct EpisodeEnd: Sendable {
    public enum Reason: String, Sendable {
        /// It was in CIC and is no longer: an agent finished, or somebody disconnected it there.
        case ended
        /// We disconnected it.
        case disconnected
        /// Gone at a switchover while an agent had it: delivered, not offered again.
        case lostWithAgent = "lost-with-agent"
        /// Gone at a switchover while waiting: offered again.
        case lost
    }

    public let episode: EpisodeKey
    public let interaction: InteractionID
    public let attempt: AttemptID
    public let reason: Reason
    /// `CR_Assign` when the interaction was seen last; nil when nobody saw it.
    public let assignNumber: Int64?

    public init(
        episode: EpisodeKey, interaction: InteractionID, attempt: AttemptID, reason: Reason, assignNumber: Int64?
    ) {
        self.episode = episode
        self.interaction = interaction
        self.attempt = attempt
        self.reason = reason
        self.assignNumber = assignNumber
    }
}

/// A request read back from the table.
public struct TakenRequest: Sendable {
    public let key: RequestKey
    /// How often it has been taken without being merged, this time included.
    public let taken: Int
    /// The stored message.
    public let body: [UInt8]

    public init(key: RequestKey, taken: Int, body: [UInt8]) {
        self.key = key
        self.taken = taken
        self.body = body
    }
}

/// What queue tooling can move to retry a failed case.
public struct RetryHandle: Equatable, Sendable {
    public let caseKey: CaseKey
    public let failureNumber: Int32

    public init(caseKey: CaseKey, failureNumber: Int32) {
        self.caseKey = caseKey
        self.failureNumber = failureNumber
    }
}

public struct UndecodableMessage: Sendable {
    public let reason: String
    /// Length of the whole message in bytes.
    public let length: Int
    /// At most the first 4 KiB.
    public let beginning: [UInt8]
    /// Names the content: the same message seen again is one row.
    public let digest: String

    public init(reason: String, length: Int, beginning: [UInt8], digest: String) {
        self.reason = reason
        self.length = length
        self.beginning = beginning
        self.digest = digest
    }
}
