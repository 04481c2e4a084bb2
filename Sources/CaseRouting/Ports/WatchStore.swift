/// Episodes and the directory of one CIC server, as its watch uses them. Errors are of kind `own`.
public protocol WatchStore: Sendable {
    /// What is known of the server itself, by all watches before; nil when no such server is configured.
    func server(cic: String) async throws(RoutingFailure) -> WatchedServer?

    /// Open episodes on this server, in the order of their cases, those behind this one; empty after the last. In parts,
    /// because there may be a hundred thousand, and who reads them all at once keeps the worker's cases waiting.
    func openEpisodes(cic: String, after: CaseKey?) async throws(RoutingFailure) -> [WatchedEpisode]

    /// These episodes as they are now, open or not.
    func episodes(_ keys: [EpisodeKey]) async throws(RoutingFailure) -> [WatchedEpisode]

    /// The compare-and-set of a worker that could not do it itself; the case becomes due. The assign number stays 0.
    func adopt(_ episode: EpisodeKey, _ interaction: InteractionID, _ attempt: AttemptID)
        async throws(RoutingFailure) -> Bool

    /// Writes what changed about an open episode that holds this interaction and attempt. One that is back from its
    /// agent makes its case due where only the agent was spared.
    func note(_ episode: EpisodeKey, _ interaction: InteractionID, _ attempt: AttemptID, isWithAgent: Bool)
        async throws(RoutingFailure) -> Bool

    /// As `CaseStore.end`.
    func end(_ end: EpisodeEnd) async throws(RoutingFailure) -> Bool

    /// After a switchover: the same interaction, on the new server, under a new id or the same.
    func rebind(_ episode: EpisodeKey, _ attempt: AttemptID, from: InteractionID, to: InteractionID)
        async throws(RoutingFailure) -> Bool

    /// An interaction that was given up at a switchover turned out to be with an agent: its episode is *lost with agent*
    /// from now on, and wanted becomes none, unless an agent has the interaction that followed it. Once per episode:
    /// false when it was not *lost* any more.
    func deliveredAfterAll(_ episode: EpisodeKey) async throws(RoutingFailure) -> Bool

    /// Counts a switchover: the server is this one from now on. To the first identity ever seen nothing was switched
    /// over, and the epoch stays.
    func raiseEpoch(cic: String, identity: String) async throws(RoutingFailure)

    // MARK: After rows may have been lost

    /// These cases with their open episodes; those that nobody has heard of are left out.
    func cases(_ keys: [CaseKey]) async throws(RoutingFailure) -> [CaseKey: CaseState]

    /// Writes an episode that CIC shows and the database did not know so, and makes its case due. Guarded by everything
    /// that `before` says: false when that has changed, or when another open episode has the interaction.
    func rebuild(_ episode: RebuiltEpisode) async throws(RoutingFailure) -> Bool

    /// Ends the hold of this server that was placed at that time, once its time is over. False: not yet, or it is gone.
    func liftLostRows(cic: String, since: Timestamp) async throws(RoutingFailure) -> Bool

    func replaceDirectory(cic: String, _ directory: CICDirectory) async throws(RoutingFailure)

    func placeHold(_ hold: Hold) async throws(RoutingFailure)
    /// Ends a hold; its cases become due, oldest first, slowly.
    func liftHold(_ kind: Hold.Kind, _ name: String, _ reason: Hold.Reason) async throws(RoutingFailure)

    /// What the watch saw at rest: waiting, with agents, in holding and the age of the oldest there.
    func saveQueueFigures(cic: String, _ figures: QueueFigures) async throws(RoutingFailure)
}

extension WatchStore {
    /// All open episodes on this server.
    public func openEpisodes(cic: String) async throws(RoutingFailure) -> [WatchedEpisode] {
        var episodes: [WatchedEpisode] = []
        while true {
            let part = try await openEpisodes(cic: cic, after: episodes.last?.key.caseKey)
            if part.isEmpty { return episodes }
            episodes += part
        }
    }
}

/// A CIC server as its watches have left it.
public struct WatchedServer: Equatable, Sendable {
    /// Which server of a pair answered last; nil before the first.
    public let identity: String?
    public let holds: Set<Hold.Reason>
    /// When the hold because of lost rows was placed; nil without one. Placed again, it is another one.
    public let lostRowsSince: Timestamp?
    /// For how long no watch has told of it: since its queue figures were saved last. When they never were, since the
    /// first of what is open was placed, which proves that it answered: so the first watch of a new site does not take
    /// what agents have finished for lost, and one that comes much later asks. Zero when nothing is open either.
    public let unwatched: Duration

    public init(
        identity: String?, holds: Set<Hold.Reason>, lostRowsSince: Timestamp? = nil, unwatched: Duration = .zero
    ) {
        self.identity = identity
        self.holds = holds
        self.lostRowsSince = lostRowsSince
        self.unwatched = unwatched
    }
}

public struct WatchedEpisode: Equatable, Sendable {
    public let key: EpisodeKey
    public let isOpen: Bool
    public let state: Episode.State
    public let interaction: InteractionID?
    public let attempt: AttemptID
    public let isWithAgent: Bool
    /// Of its case: the least assign number that carries out what is wanted now.
    public let wantedAssign: Int64
    /// Why it ended; nil while it is open, and when nobody saw the end but a later one proved it.
    public let endReason: EpisodeEnd.Reason?
    /// How long ago it was placed first, by the database's clock; nil for one that never was.
    public let placedFor: Duration?

    public init(
        key: EpisodeKey, isOpen: Bool, state: Episode.State, interaction: InteractionID?, attempt: AttemptID,
        isWithAgent: Bool, wantedAssign: Int64 = 0, endReason: EpisodeEnd.Reason? = nil, placedFor: Duration? = nil
    ) {
        self.key = key
        self.isOpen = isOpen
        self.state = state
        self.interaction = interaction
        self.attempt = attempt
        self.isWithAgent = isWithAgent
        self.wantedAssign = wantedAssign
        self.endReason = endReason
        self.placedFor = placedFor
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
