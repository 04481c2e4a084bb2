/// One CIC server, as a routing worker uses it: the port to interactions.
///
/// Errors are `RoutingFailure`s of kind `transient`, `permanent`, `configuration`, `unknown` (the call may have taken
/// effect: look, never repeat) or `held` (the server as a whole is not available: nothing was done). `held` is also what
/// it answers while it is with another server of a switchover pair than the one that the watch has written down: that
/// one knows the interactions under other ids, or not yet, and "gone" would mean nothing.
/// Every call ends within 10 s.
public protocol InteractionServer: Sendable {
    /// Creates an interaction in the holding workgroup, once. A failure whose `mayHaveBeenSent` is false is certain to have
    /// sent nothing, and will send nothing any more.
    func create(_ attempt: AttemptID, _ attributes: InteractionAttributes) async throws(RoutingFailure)
        -> InteractionID

    /// Moves an interaction to its workgroup, or to a user's own queue. Repeatable: a number that is in force is not
    /// carried out again.
    func assign(_ order: AssignOrder) async throws(RoutingFailure) -> AssignAnswer

    /// Asks for the end of an interaction that carries this attempt; the end itself is seen by `read` or the watch.
    func disconnect(_ interaction: InteractionID, _ attempt: AttemptID) async throws(RoutingFailure)

    /// What CIC holds now. `gone`: it does not exist, has ended, or its id belongs to somebody else by now.
    func read(_ interaction: InteractionID, _ attempt: AttemptID) async throws(RoutingFailure) -> InteractionReading

    /// Everything that is in the holding workgroup for one episode, by a listing that began after the call.
    func findInHolding(_ episode: EpisodeKey) async throws(RoutingFailure) -> [FoundInteraction]

    /// Whether these names are known to be good, without asking anybody.
    func knows(workgroup: String, skills: String) -> Bool

    /// Checks names before anything is created: the workgroup or user exists and can take interactions, the skills exist
    /// and this server's way of creation can set them. Aliases are resolved. What is stored of CIC's names may be old, so
    /// CIC is asked before a name is refused.
    ///
    /// - Throws: a `configuration` or `permanent` failure at stage `resolve` that names what is wrong.
    func resolve(workgroup: String, skills: String) async throws(RoutingFailure) -> ResolvedTarget
}

/// A case's episode, by which interactions are recognised.
public struct EpisodeKey: Hashable, Sendable {
    public let caseKey: CaseKey
    public let number: Int32

    public init(_ caseKey: CaseKey, _ number: Int32) {
        self.caseKey = caseKey
        self.number = number
    }
}

/// What an interaction carries from its creation on.
public struct InteractionAttributes: Equatable, Sendable {
    public let episode: EpisodeKey
    public let caseNumber: String
    public let priority: String

    public init(episode: EpisodeKey, caseNumber: String, priority: String) {
        self.episode = episode
        self.caseNumber = caseNumber
        self.priority = priority
    }
}

/// Names as CIC knows them.
public struct ResolvedTarget: Equatable, Sendable {
    /// The workgroup, or the `UserQueue` as it is written.
    public let workgroup: String
    public let skills: [String]

    public init(workgroup: String, skills: [String]) {
        self.workgroup = workgroup
        self.skills = skills
    }
}

/// "Be on this workgroup with these skills", numbered so that a late or repeated order does no harm.
public struct AssignOrder: Equatable, Sendable {
    public let interaction: InteractionID
    public let attempt: AttemptID
    /// The revision of the case whose wish this carries out.
    public let number: Int64
    public let target: ResolvedTarget
    public let priority: String
    /// Whether an agent who has it loses it. Without, one that waits on the workgroup, or that an agent took from it,
    /// stays where it is.
    public let takesBack: Bool

    public init(
        interaction: InteractionID, attempt: AttemptID, number: Int64, target: ResolvedTarget, priority: String,
        takesBack: Bool
    ) {
        self.interaction = interaction
        self.attempt = attempt
        self.number = number
        self.target = target
        self.priority = priority
        self.takesBack = takesBack
    }
}

public enum AssignAnswer: Equatable, Sendable {
    case assigned
    /// A number that is equal or greater is in force.
    case stale(inForce: Int64)
    case gone
}

public enum InteractionReading: Equatable, Sendable {
    case gone
    /// - Parameters:
    ///   - isWithAgent: an agent has it, or it rings at one.
    ///   - isAlerting: it only rings.
    case alive(isWithAgent: Bool, isAlerting: Bool = false, assignNumber: Int64, workgroup: String?)
}

/// An interaction in holding that carries our attributes.
public struct FoundInteraction: Equatable, Sendable {
    public let interaction: InteractionID
    public let attempt: AttemptID

    public init(interaction: InteractionID, attempt: AttemptID) {
        self.interaction = interaction
        self.attempt = attempt
    }
}
