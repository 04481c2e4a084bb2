/// Episodes and the directory of one CIC server, as its watch uses them. Errors are of kind `own`.
public protocol WatchStore: Sendable {
    /// All open episodes on this server: what the watch begins with.
    func openEpisodes(cic: String) async throws(RoutingFailure) -> [WatchedEpisode]

    /// These episodes as they are now, open or not.
    func episodes(_ keys: [EpisodeKey]) async throws(RoutingFailure) -> [WatchedEpisode]

    /// The compare-and-set of a worker that could not do it itself; the case becomes due. The assign number stays 0.
    func adopt(_ episode: EpisodeKey, _ interaction: InteractionID, _ attempt: AttemptID)
        async throws(RoutingFailure) -> Bool

    /// Writes what changed about an open episode that holds this interaction and attempt.
    func note(_ episode: EpisodeKey, _ interaction: InteractionID, _ attempt: AttemptID, isWithAgent: Bool)
        async throws(RoutingFailure) -> Bool

    /// As `CaseStore.end`.
    func end(_ end: EpisodeEnd) async throws(RoutingFailure) -> Bool

    /// After a switchover: the same interaction under a new id.
    func rebind(_ episode: EpisodeKey, _ attempt: AttemptID, from: InteractionID, to: InteractionID)
        async throws(RoutingFailure) -> Bool

    /// The case is to be looked at, although nothing is wanted anew: sets `next_at` to now and the revision one up.
    func makeDue(_ caseKey: CaseKey) async throws(RoutingFailure)

    /// Counts a switchover of this server; returns the new epoch.
    func raiseEpoch(cic: String) async throws(RoutingFailure) -> Int32

    func replaceDirectory(cic: String, _ directory: CICDirectory) async throws(RoutingFailure)

    func placeHold(_ hold: Hold) async throws(RoutingFailure)
    /// Ends a hold; its cases become due, oldest first, slowly.
    func liftHold(_ kind: Hold.Kind, _ name: String, _ reason: Hold.Reason) async throws(RoutingFailure)

    /// What the watch saw at rest: waiting, with agents, in holding and the age of the oldest there.
    func saveQueueFigures(cic: String, _ figures: QueueFigures) async throws(RoutingFailure)
}

public struct WatchedEpisode: Equatable, Sendable {
    public let key: EpisodeKey
    public let isOpen: Bool
    public let state: Episode.State
    public let interaction: InteractionID?
    public let attempt: AttemptID
    public let isWithAgent: Bool

    public init(
        key: EpisodeKey, isOpen: Bool, state: Episode.State, interaction: InteractionID?, attempt: AttemptID,
        isWithAgent: Bool
    ) {
        self.key = key
        self.isOpen = isOpen
        self.state = state
        self.interaction = interaction
        self.attempt = attempt
        self.isWithAgent = isWithAgent
    }
}

/// A CIC server, an org or a workgroup that is not worked on, since when and why.
public struct Hold: Equatable, Sendable {
    public enum Kind: String, Sendable { case cic, org, workgroup }
    public enum Reason: String, Sendable {
        case breaker, paused, switchover, lostRows = "lost-rows"
    }

    public let kind: Kind
    /// `NAME`, or `CIC/WORKGROUP`.
    public let name: String
    public let reason: Reason
    /// A sentence for people.
    public let detail: String

    public init(kind: Kind, name: String, reason: Reason, detail: String) {
        self.kind = kind
        self.name = name
        self.reason = reason
        self.detail = detail
    }
}

public struct QueueFigures: Equatable, Sendable {
    public var waiting = 0
    public var withAgents = 0
    public var inHolding = 0
    public init() {}
}
