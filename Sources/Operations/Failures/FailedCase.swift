import CaseRouting

/// A failed case as lists show it.
public struct FailedCase: Equatable, Sendable {
    public let key: CaseKey
    public let caseNumber: String
    public let failure: CaseFailure
    /// Where it is wanted; nil: nowhere, or nothing is known of the case.
    public let cic: String?
    public let workgroup: String?
    public let skills: String

    public init(
        key: CaseKey, caseNumber: String, failure: CaseFailure, cic: String?, workgroup: String?, skills: String
    ) {
        self.key = key
        self.caseNumber = caseNumber
        self.failure = failure
        self.cic = cic
        self.workgroup = workgroup
        self.skills = skills
    }
}

/// Why a case is failed, and since when.
public struct CaseFailure: Equatable, Sendable {
    /// How often this case has failed, this failure included: a retry names it.
    public let number: Int32
    public let kind: String
    public let stage: String
    public let cause: FailureCause
    public let summary: String
    public let at: Timestamp

    public init(number: Int32, kind: String, stage: String, cause: FailureCause, summary: String, at: Timestamp) {
        self.number = number
        self.kind = kind
        self.stage = stage
        self.cause = cause
        self.summary = summary
        self.at = at
    }
}

/// Failed cases that have something in common.
public struct FailureGroup: Equatable, Sendable {
    /// The cause, the org, or `SERVER/WORKGROUP`.
    public let name: String
    public let cases: Int
    public let first: Timestamp
    public let last: Timestamp
    /// Number of the case that failed last, and what was said about it.
    public let example: String
    public let summary: String

    public init(name: String, cases: Int, first: Timestamp, last: Timestamp, example: String, summary: String) {
        self.name = name
        self.cases = cases
        self.first = first
        self.last = last
        self.example = example
        self.summary = summary
    }
}

/// One try, as it was stored.
public struct AttemptRecord: Equatable, Sendable {
    public let startedAt: Timestamp
    /// Nil: nobody has said how it ended.
    public let endedAt: Timestamp?
    /// `ok`, `retry`, `failed`, `unknown`, `held`, `surplus`; nil while it is under way.
    public let outcome: String?
    public let kind: String?
    public let stage: String
    public let cause: FailureCause?
    public let summary: String?
    /// What the other side said: HTTP status and redacted body, at most 8 KiB.
    public let status: Int32?
    public let response: String?
    public let worker: String
    public let mapping: Int32?
    public let mappingVersion: Int32?

    public init(
        startedAt: Timestamp, endedAt: Timestamp?, outcome: String?, kind: String?, stage: String, cause: FailureCause?,
        summary: String?, status: Int32?, response: String?, worker: String, mapping: Int32?, mappingVersion: Int32?
    ) {
        self.startedAt = startedAt
        self.endedAt = endedAt
        self.outcome = outcome
        self.kind = kind
        self.stage = stage
        self.cause = cause
        self.summary = summary
        self.status = status
        self.response = response
        self.worker = worker
        self.mapping = mapping
        self.mappingVersion = mappingVersion
    }
}

/// Everything that a person needs to decide about one case.
public struct FailureStory: Sendable {
    public var key: CaseKey
    public var caseNumber: String
    /// Nil: not failed now; then `standing` says what it is.
    public var failure: CaseFailure?
    public var standing: String?
    public var attempts: Int32
    public var owner: String?
    public var cic: String?
    public var workgroup: String?
    public var skills: String
    /// The open interaction in CIC, and what we know of it: `creating`, `held`, `placed`, `ending`.
    public var interaction: String?
    public var episodeState: String?
    /// Changes that wait for this case to be routed, oldest first: kind and time.
    public var waiting: [(change: String, at: Timestamp)]
    /// The newest first, at most `mostTries`.
    public var tries: [AttemptRecord]
    public var discards: [Discard]
    public var asOf: Timestamp

    public static let mostTries = 50

    public init(
        key: CaseKey, caseNumber: String, failure: CaseFailure?, standing: String?, attempts: Int32, owner: String?,
        cic: String?, workgroup: String?, skills: String, interaction: String?, episodeState: String?, asOf: Timestamp
    ) {
        self.key = key
        self.caseNumber = caseNumber
        self.failure = failure
        self.standing = standing
        self.attempts = attempts
        self.owner = owner
        self.cic = cic
        self.workgroup = workgroup
        self.skills = skills
        self.interaction = interaction
        self.episodeState = episodeState
        self.asOf = asOf
        waiting = []
        tries = []
        discards = []
    }
}

/// A failure that somebody has given up.
public struct Discard: Equatable, Sendable {
    public let reason: String
    public let at: Timestamp
    public let by: String
    public let restoredAt: Timestamp?
    public let restoredBy: String?

    public init(reason: String, at: Timestamp, by: String, restoredAt: Timestamp?, restoredBy: String?) {
        self.reason = reason
        self.at = at
        self.by = by
        self.restoredAt = restoredAt
        self.restoredBy = restoredBy
    }
}
