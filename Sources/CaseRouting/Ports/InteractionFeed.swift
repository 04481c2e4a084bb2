/// What CIC tells about the queues of one server, for the watch: a session and subscriptions of its own.
public protocol InteractionFeed: Sendable {
    /// The next news; waits for them, at most 30 s. Reconnects by itself and says so by `session`.
    func next() async throws(RoutingFailure) -> [FeedMessage]

    /// Follows exactly these workgroups and users' own queues besides holding, from now on, through every reconnect; the
    /// full content of what was not followed before comes as messages.
    func follow(_ workgroups: Set<String>) async throws(RoutingFailure)

    /// Has every queue tell its full content once more, as it is after this call.
    func listAgain() async

    /// Reads the names that mappings may use.
    func directory() async throws(RoutingFailure) -> CICDirectory

    /// Ends the session. A later `next` opens a new one.
    func close() async
}

public enum FeedMessage: Sendable {
    /// A new session: what was known is void until the full content of every queue has come again.
    ///
    /// `server` tells the two servers of a switchover pair apart, whatever host was connected to; the same text means
    /// that interactions have kept their ids.
    case session(host: String, server: String)
    /// The session is lost; the feed looks for the server.
    case lost(RoutingFailure)
    case content(QueueContent)
    /// The queue cannot be followed: it does not exist, or a right is missing.
    case unreadable(queue: String, reason: String)
}

public struct QueueContent: Sendable {
    /// The workgroup, the holding workgroup included; or the `UserQueue` as it is written, which shows what was placed
    /// there, and not what its user has taken from elsewhere.
    public let queue: String
    /// Whether this is everything that is there, or what changed.
    public let isFull: Bool
    public let present: [SeenInteraction]
    public let removed: [InteractionID]

    public init(queue: String, isFull: Bool, present: [SeenInteraction], removed: [InteractionID]) {
        self.queue = queue
        self.isFull = isFull
        self.present = present
        self.removed = removed
    }
}

/// An interaction of ours as a queue showed it. Others are left out by the adapter.
public struct SeenInteraction: Equatable, Sendable {
    public let interaction: InteractionID
    public let episode: EpisodeKey
    public let attempt: AttemptID
    public let assignNumber: Int64
    public let state: State

    public enum State: Sendable {
        case waiting
        /// It rings at an agent who has not taken it: it still waits.
        case alerting
        case withAgent
        /// Disconnected; it will go by itself.
        case ended
    }

    public init(
        interaction: InteractionID, episode: EpisodeKey, attempt: AttemptID, assignNumber: Int64, state: State
    ) {
        self.interaction = interaction
        self.episode = episode
        self.attempt = attempt
        self.assignNumber = assignNumber
        self.state = state
    }
}

public struct CICDirectory: Equatable, Sendable {
    public struct WorkgroupEntry: Equatable, Sendable {
        public let name: String
        public let isActive: Bool
        public let hasQueue: Bool
        /// Whether ACD assigns its interactions.
        public let isACD: Bool
        public let takesEmail: Bool

        public init(name: String, isActive: Bool, hasQueue: Bool, isACD: Bool, takesEmail: Bool) {
            self.name = name
            self.isActive = isActive
            self.hasQueue = hasQueue
            self.isACD = isACD
            self.takesEmail = takesEmail
        }
    }

    public var workgroups: [WorkgroupEntry]
    public var skills: [String]
    public var users: [String]

    public init(workgroups: [WorkgroupEntry], skills: [String], users: [String]) {
        self.workgroups = workgroups
        self.skills = skills
        self.users = users
    }

    /// Whether CIC has no such workgroup or user. A site without any is one whose names may not be seen: that proves
    /// nothing.
    public func surelyLacks(_ place: String) -> Bool {
        guard let queue = UserQueue(place: place) else {
            return !workgroups.isEmpty && !workgroups.contains { $0.name == place }
        }
        return !users.isEmpty && !users.contains(queue.user)
    }
}
