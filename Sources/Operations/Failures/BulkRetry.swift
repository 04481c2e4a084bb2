import CaseRouting

/// Many failed cases that are sent again together, at a rate, for as long as they do not fail again.
///
/// It is stored with its cases before anything is sent. Housekeeping carries it out; any process of it may end at any
/// time without harm.
public struct BulkRetry: Equatable, Sendable {
    public enum State: String, CaseIterable, Sendable {
        /// Nothing is sent yet.
        case planned
        case running
        /// By itself, because too many failed again.
        case stopped
        /// By a person.
        case cancelled
        case done
    }

    public let id: Int32
    public let asked: String
    public let state: State
    public let plannedAt: Timestamp
    public let plannedBy: String
    /// Cases a second; nil until it is started.
    public let rate: Double?
    public let startedAt: Timestamp?
    public let endedAt: Timestamp?
    /// Why it has ended, if not because it was done.
    public let endReason: String?
    public let counts: Counts

    /// Every case is in exactly one of these.
    public struct Counts: Equatable, Sendable {
        public let notEligible: Int
        /// For their turn.
        public let waiting: Int
        /// Sent, and neither routed nor failed again yet.
        public let underWay: Int
        public let done: Int
        public let failedAgain: Int
        /// Not failed any more, or failed anew, when their turn came.
        public let skipped: Int

        public init(notEligible: Int, waiting: Int, underWay: Int, done: Int, failedAgain: Int, skipped: Int) {
            self.notEligible = notEligible
            self.waiting = waiting
            self.underWay = underWay
            self.done = done
            self.failedAgain = failedAgain
            self.skipped = skipped
        }

        public var eligible: Int { waiting + underWay + done + failedAgain + skipped }
    }

    public init(
        id: Int32, asked: String, state: State, plannedAt: Timestamp, plannedBy: String, rate: Double?,
        startedAt: Timestamp?, endedAt: Timestamp?, endReason: String?, counts: Counts
    ) {
        self.id = id
        self.asked = asked
        self.state = state
        self.plannedAt = plannedAt
        self.plannedBy = plannedBy
        self.rate = rate
        self.startedAt = startedAt
        self.endedAt = endedAt
        self.endReason = endReason
        self.counts = counts
    }

    /// Cases a second that may be asked for.
    public static let rates: ClosedRange<Double> = 0.1...200
    public static let usualRate = 5.0
    /// Of the last `judged` cases that came to an end, more than this many failed again: it stops by itself.
    public static let mostFailures = 10
    public static let judged = 50
}

/// One case of a bulk retry.
public struct BulkRetryItem: Equatable, Sendable {
    public let key: CaseKey
    public let caseNumber: String
    public let failureNumber: Int32
    /// Why it was not eligible when the retry was planned.
    public let objection: String?
    public let releasedAt: Timestamp?
    /// `done`, `failed`, `skipped`; nil: waits, or is being tried.
    public let result: String?
    public let note: String?

    public init(
        key: CaseKey, caseNumber: String, failureNumber: Int32, objection: String?, releasedAt: Timestamp?,
        result: String?, note: String?
    ) {
        self.key = key
        self.caseNumber = caseNumber
        self.failureNumber = failureNumber
        self.objection = objection
        self.releasedAt = releasedAt
        self.result = result
        self.note = note
    }
}
