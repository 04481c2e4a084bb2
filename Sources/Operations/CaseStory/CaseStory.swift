import CaseRouting

/// Everything that is recorded about one case, as read at one moment.
public struct CaseStory: Sendable {
    public var key: CaseKey
    public var caseNumber: String
    /// The database's time of the reading.
    public var asOf: Timestamp
    public var standing: Standing
    /// Oldest first; of very many the newest.
    public var requests: [Request] = []
    public var attempts: [Attempt] = []
    public var episodes: [Episode] = []
    /// What people did about the case after it had failed.
    public var deeds: [Deed] = []
    /// What keeps the case from being worked on now.
    public var holds: [PlacedHold] = []
    /// Whether older parts were left out.
    public var isCut = false

    /// Lines of each kind that are read: more than anybody looks at, and a case that loops shows it in fewer.
    public static let mostOfAKind = 500

    public init(key: CaseKey, caseNumber: String, asOf: Timestamp, standing: Standing) {
        self.key = key
        self.caseNumber = caseNumber
        self.asOf = asOf
        self.standing = standing
    }

    /// The case's row; nil members for a case of which only requests are known.
    public struct Standing: Sendable {
        public var state: CaseState
        public var worker: String?
        public var leaseUntil: Timestamp?
        public var nextAt: Timestamp?
        public var failure: Failure?
        public var changedAt: Timestamp?
        /// The name of the queue that owns the case, where it is known.
        public var ownerName: String?

        public init(state: CaseState) { self.state = state }
    }

    public struct Failure: Equatable, Sendable {
        public let kind: String
        public let stage: String
        public let cause: String
        public let summary: String
        /// When it gave up; nil while it is still tried.
        public let at: Timestamp?

        public init(kind: String, stage: String, cause: String, summary: String, at: Timestamp?) {
            self.kind = kind
            self.stage = stage
            self.cause = cause
            self.summary = summary
            self.at = at
        }
    }

    public struct Request: Sendable {
        public var eventKey: String
        public var number: Int64
        public var change: String
        public var found: String
        public var occurredAt: Timestamp
        public var receivedAt: Timestamp
        public var seenAt: Timestamp?
        /// Nil: not brought to CIC yet, or not merged yet.
        public var outcome: String?
        public var rule: Decision.Rule?
        public var finishedAt: Timestamp?
        public var mapping: UsedMapping?
        public var markedAt: Timestamp?
        public var markError: String?
        /// The change and the case as the decision had read them; nil for one that was not merged, or that cannot be
        /// read by this version.
        public var record: RecordedDecision?

        public init(
            eventKey: String, number: Int64, change: String, found: String, occurredAt: Timestamp, receivedAt: Timestamp
        ) {
            self.eventKey = eventKey
            self.number = number
            self.change = change
            self.found = found
            self.occurredAt = occurredAt
            self.receivedAt = receivedAt
        }
    }

    /// The version of a mapping that a decision looked at.
    public struct UsedMapping: Equatable, Sendable {
        public var mapping: Mapping
        public var queueName: String
        public var changedBy: String
        public var changedAt: Timestamp
        /// The newest version there is now; nil when the mapping was removed.
        public var newestVersion: Int32?

        public init(
            mapping: Mapping, queueName: String, changedBy: String, changedAt: Timestamp, newestVersion: Int32?
        ) {
            self.mapping = mapping
            self.queueName = queueName
            self.changedBy = changedBy
            self.changedAt = changedAt
            self.newestVersion = newestVersion
        }
    }

    public struct Attempt: Sendable {
        public var episode: Int32
        public var startedAt: Timestamp
        public var endedAt: Timestamp?
        public var stage: String
        /// Nil: under way, or its worker died.
        public var outcome: String?
        public var cause: String?
        public var summary: String?
        public var status: Int32?
        public var response: String?
        public var worker: String

        public init(episode: Int32, startedAt: Timestamp, stage: String, worker: String) {
            self.episode = episode
            self.startedAt = startedAt
            self.stage = stage
            self.worker = worker
        }
    }

    public struct Episode: Sendable {
        public var number: Int32
        public var cic: String
        public var state: String
        public var interaction: String?
        public var workgroup: String?
        public var openedAt: Timestamp
        public var placedAt: Timestamp?
        public var withAgentAt: Timestamp?
        public var endedAt: Timestamp?
        public var endReason: String?

        public init(number: Int32, cic: String, state: String, openedAt: Timestamp) {
            self.number = number
            self.cic = cic
            self.state = state
            self.openedAt = openedAt
        }
    }
}

extension CaseStory {
    /// Sent again, given up, or brought back: as the audit has it.
    public struct Deed: Equatable, Sendable {
        public var at: Timestamp
        /// `failed retry`, `discard` or `restore`.
        public var action: String
        public var actor: String
        public var reason: String?

        public init(at: Timestamp, action: String, actor: String, reason: String?) {
            self.at = at
            self.action = action
            self.actor = actor
            self.reason = reason
        }
    }
}

/// A hold that is in force.
public struct PlacedHold: Equatable, Sendable {
    public var kind: Hold.Kind
    public var name: String
    public var reason: Hold.Reason
    public var detail: String
    public var since: Timestamp
    public var placedBy: String

    public init(
        kind: Hold.Kind, name: String, reason: Hold.Reason, detail: String, since: Timestamp, placedBy: String
    ) {
        self.kind = kind
        self.name = name
        self.reason = reason
        self.detail = detail
        self.since = since
        self.placedBy = placedBy
    }

    /// `cic:main`, as `pause` and `resume` name it.
    public var target: String { "\(kind.rawValue):\(name)" }
}
