/// Why an operation on the broker did not succeed. Never contains the password.
///
/// The driver knows nothing of retries; the adapter decides what each kind means. After a publish that failed with
/// `deadline`, `blocked`, `connectionLost`, `closed`, `cancelled` or `closedByBroker` it is **unknown** whether the
/// broker has the message.
public struct AMQPError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What went wrong, for code.
    public enum Kind: Equatable, Sendable {
        /// No connection: refused, unreachable, name unknown, certificate not trusted, no answer in time.
        case refused
        /// The broker does not accept user and password.
        case authentication
        /// The broker closed the channel or the connection: 404 no such queue, 406 other arguments, 530 no such
        /// virtual host, 320 shutting down, …
        case closedByBroker(code: Int)
        /// The connection broke, or nothing came from the broker for two heartbeats.
        case connectionLost
        /// The deadline passed while the broker had blocked publishing (memory or disk alarm).
        case blocked
        /// The message reached no queue: the broker returned it.
        case unroutable
        /// The broker refused the message: queue full, or it could not store it.
        case nacked
        /// No answer in time.
        case deadline
        /// The caller was cancelled. What had been sent may still take effect.
        case cancelled
        /// The other side does not speak AMQP 0-9-1 as it should.
        case protocolViolation
        /// The delivery belongs to an earlier incarnation of its channel, or was settled before.
        case staleDelivery
        /// The broker cancelled the consumer, as it does when the queue is deleted.
        case consumerCancelled
        /// A limit of this driver is reached: outstanding publishes, unsent bytes or channels.
        case overloaded
        /// The owner closed this connection or consumer.
        case closed
        /// An argument cannot be expressed in AMQP.
        case invalidArgument
    }

    /// What was tried, e.g. `publish to caserouter.requests`.
    public let operation: String
    public let kind: Kind
    /// The broker's or the library's own words.
    public let text: String

    public init(operation: String, kind: Kind, text: String) {
        self.operation = operation
        self.kind = kind
        self.text = text
    }

    public var description: String { "\(operation): \(kind): \(text)" }

    func during(_ operation: String) -> AMQPError { AMQPError(operation: operation, kind: kind, text: text) }
}
