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
    /// False only if it is certain that nothing left this process for what failed.
    public let mayHaveBeenSent: Bool

    public init(
        _ kind: Kind, at stage: Stage, cause: FailureCause, _ summary: String, response: Response? = nil,
        mayHaveBeenSent: Bool = true
    ) {
        self.kind = kind
        self.stage = stage
        self.cause = cause
        self.summary = summary
        self.response = response
        self.mayHaveBeenSent = mayHaveBeenSent
    }
}
