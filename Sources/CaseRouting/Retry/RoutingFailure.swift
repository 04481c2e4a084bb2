/// Why something about a case did not work: the one error between modules.
public struct RoutingFailure: Error, Equatable, Sendable {
    /// What to do about it.
    public enum Kind: String, Sendable {
        /// May succeed later: retried, then failed.
        case transient
        /// Repeating cannot help: failed at once.
        case permanent
        /// A person must change something: failed at once, made due as a group when the thing changed.
        case configuration
        /// It may have happened: look, never repeat.
        case unknown
        /// The neighbour as a whole is not available: the case waits without being counted.
        case held
        /// Our own database or broker is broken: no attempt, keep what is in hand.
        case own
    }

    /// Where in a case's path it happened.
    public enum Stage: String, Sendable {
        case receive, decode, resolve, read, create, claim, assign, disconnect, record, salesforce, broker, store
    }

    /// What the other side said.
    public struct Response: Equatable, Sendable {
        /// Bytes kept of a body.
        public static let maximumBodyLength = 8 * 1024
        public let status: Int
        /// Without credentials and cut to `maximumBodyLength`.
        public let body: String

        public init(status: Int, body: String) {
            self.status = status
            self.body = String(decoding: body.utf8.prefix(Self.maximumBodyLength), as: UTF8.self)
        }
    }

    public let kind: Kind
    public let stage: Stage
    public let cause: FailureCause
    /// A sentence that an administrator understands and that says what to do. No secret, no customer text.
    public let summary: String
    public let response: Response?

    public init(
        _ kind: Kind, at stage: Stage, cause: FailureCause, _ summary: String, response: Response? = nil
    ) {
        self.kind = kind
        self.stage = stage
        self.cause = cause
        self.summary = summary
        self.response = response
    }
}

/// A stable code for why something failed: what lists group by. Each has a page in `docs/failures/`.
public struct FailureCause: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public var description: String { rawValue }

    public static let skillsTooLong = FailureCause(rawValue: "skills-too-long")
    public static let skillsMalformed = FailureCause(rawValue: "skills-malformed")
    public static let skillUnknown = FailureCause(rawValue: "skill-unknown")
    public static let skillsNotSupported = FailureCause(rawValue: "skills-not-supported")
    public static let workgroupUnknown = FailureCause(rawValue: "workgroup-unknown")
    public static let workgroupUnusable = FailureCause(rawValue: "workgroup-unusable")
    public static let holdingUnusable = FailureCause(rawValue: "holding-unusable")
    public static let workerDied = FailureCause(rawValue: "worker-died")
    public static let cicUnreachable = FailureCause(rawValue: "cic-unreachable")
    public static let cicRefused = FailureCause(rawValue: "cic-refused")
    public static let cicForbidden = FailureCause(rawValue: "cic-forbidden")
    public static let cicCredentials = FailureCause(rawValue: "cic-credentials")
    public static let cicError = FailureCause(rawValue: "cic-error")
    public static let cicNoAnswer = FailureCause(rawValue: "cic-no-answer")
    public static let cicUnexpectedAnswer = FailureCause(rawValue: "cic-unexpected-answer")
    public static let handlerSilent = FailureCause(rawValue: "handler-silent")
    public static let handlerFailed = FailureCause(rawValue: "handler-failed")
    public static let attributesMissing = FailureCause(rawValue: "attributes-missing")
    public static let salesforceUnreachable = FailureCause(rawValue: "salesforce-unreachable")
    public static let salesforceCredentials = FailureCause(rawValue: "salesforce-credentials")
    public static let salesforceForbidden = FailureCause(rawValue: "salesforce-forbidden")
    public static let salesforceLimit = FailureCause(rawValue: "salesforce-limit")
    public static let salesforceError = FailureCause(rawValue: "salesforce-error")
    public static let undecodable = FailureCause(rawValue: "undecodable")
    public static let database = FailureCause(rawValue: "database")
    public static let broker = FailureCause(rawValue: "broker")
    public static let configuration = FailureCause(rawValue: "configuration")
}
