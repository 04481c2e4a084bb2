import CaseRouting

/// The state of a whole site at one moment: from PostgreSQL and the broker's passive answers only.
public struct SiteStatus: Sendable {
    public var asOf: Timestamp
    public var version: String
    public var schema: Schema
    public var orgs: [Org] = []
    public var servers: [Server] = []
    public var queues: Queues = .unreachable("it was not asked")
    public var workers: [WorkerSign] = []
    public var holds: [PlacedHold] = []
    /// Failed cases by cause, most first.
    public var failures: [FailureCount] = []
    /// Mappings that decide nothing because no queue of their name was seen in Salesforce.
    public var mappingsWithoutQueue: [(org: String, queue: String)] = []
    /// Orgs and servers for which no secret is stored: `org:NAME`, `cic:NAME`.
    public var targetsWithoutCredential: [String] = []
    /// Messages of the last day that nobody could read.
    public var undecodable = 0
    /// Why the last of them could not be read.
    public var undecodableReason: String?

    public init(asOf: Timestamp, version: String, schema: Schema) {
        self.asOf = asOf
        self.version = version
        self.schema = schema
    }

    public struct Schema: Equatable, Sendable {
        /// The newest migration in the database, and the newest that this program carries.
        public var stored: String
        public var known: String

        public init(stored: String, known: String) {
            self.stored = stored
            self.known = known
        }
    }

    public struct Org: Sendable {
        public var name: String
        public var mode: OrgSettings.Mode
        /// The worker that holds the org; nil: nobody does.
        public var heldBy: String?
        public var lastEventAt: Timestamp?
        public var openGaps: Int
        public var oldestGapAt: Timestamp?
        public var lastSweepAt: Timestamp?
        public var writeBackFailing: Int
        public var writeBackError: String?
        /// Salesforce's API calls of the day, by all clients, and the limit; nil: not heard yet.
        public var calls: (used: Int32, limit: Int32)?
        public var today = Today()
        /// Requests that are open although nobody is left who would close them, of any day.
        public var unaccounted = 0
        /// A case with such a request: its number, or its id.
        public var unaccountedExample: String?

        /// Requests that are in no column of the accounting; anything but 0 is a defect.
        public var difference: Int { unaccounted + today.difference }

        public init(
            name: String, mode: OrgSettings.Mode, heldBy: String?, lastEventAt: Timestamp?, openGaps: Int,
            oldestGapAt: Timestamp?, lastSweepAt: Timestamp?, writeBackFailing: Int, writeBackError: String?
        ) {
            self.name = name
            self.mode = mode
            self.heldBy = heldBy
            self.lastEventAt = lastEventAt
            self.openGaps = openGaps
            self.oldestGapAt = oldestGapAt
            self.lastSweepAt = lastSweepAt
            self.writeBackFailing = writeBackFailing
            self.writeBackError = writeBackError
        }
    }

    /// Requests whose change was made today, UTC. The sum of the others is `received`.
    public struct Today: Equatable, Sendable {
        public var received = 0, routed = 0, ignored = 0, superseded = 0, failed = 0, discarded = 0, pending = 0
        public var observed = 0

        public init() {}

        /// What is in none of the columns.
        public var difference: Int {
            received - routed - ignored - superseded - failed - discarded - pending - observed
        }
    }

    public struct Server: Sendable {
        public var name: String
        /// The worker that follows it; nil: nobody does.
        public var watchedBy: String?
        /// What the watch counted last.
        public var figures: (figures: QueueFigures, at: Timestamp)?
        /// The interaction that waits longest for an agent.
        public var oldestWaitingAt: Timestamp?
        /// Cases that CIC has still to be told of, and since when the oldest of them is due.
        public var due: Int
        public var oldestDueAt: Timestamp?

        public init(
            name: String, watchedBy: String?, figures: (figures: QueueFigures, at: Timestamp)?,
            oldestWaitingAt: Timestamp?, due: Int, oldestDueAt: Timestamp?
        ) {
            self.name = name
            self.watchedBy = watchedBy
            self.figures = figures
            self.oldestWaitingAt = oldestWaitingAt
            self.due = due
            self.oldestDueAt = oldestDueAt
        }
    }

    public enum Queues: Equatable, Sendable {
        case unreachable(String)
        case found([Queue])
    }

    public struct Queue: Equatable, Sendable {
        public var name: String
        /// Nil: there is no such queue.
        public var messages: Int?
        public var consumers: Int

        public init(name: String, messages: Int?, consumers: Int) {
            self.name = name
            self.messages = messages
            self.consumers = consumers
        }
    }

    public struct WorkerSign: Equatable, Sendable {
        public var name: String
        public var role: String
        public var host: String
        public var version: String
        public var startedAt: Timestamp
        public var seenAt: Timestamp

        public init(
            name: String, role: String, host: String, version: String, startedAt: Timestamp, seenAt: Timestamp
        ) {
            self.name = name
            self.role = role
            self.host = host
            self.version = version
            self.startedAt = startedAt
            self.seenAt = seenAt
        }
    }

    public struct FailureCount: Equatable, Sendable {
        public var cause: String
        public var cases: Int
        public var example: String

        public init(cause: String, cases: Int, example: String) {
            self.cause = cause
            self.cases = cases
            self.example = example
        }
    }

    /// Workers write down every 10 s that they are alive.
    public static let signOfLife: Duration = .seconds(45)
    /// Workers that were not seen for so long are not shown.
    public static let forgotten: Duration = .seconds(24 * 3_600)

    public func isAlive(_ worker: WorkerSign) -> Bool { asOf - worker.seenAt < Self.signOfLife }

    public func hasWorker(_ role: String) -> Bool {
        workers.contains { isAlive($0) && ($0.role == role || $0.role == "all") }
    }
}
