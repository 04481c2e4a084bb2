/// `caserouter.requests`, as ingest uses it.
public protocol RequestPublisher: Sendable {
    /// Returns when the broker has confirmed the message and has not returned it, within 10 s. A failure (kind `own`)
    /// leaves open whether the message arrived: publish it again, duplicates do not matter.
    func publish(_ body: [UInt8]) async throws(RoutingFailure)
}

/// `caserouter.requests`, as a routing worker uses it. It reconnects by itself and never gives up.
public protocol RequestQueue: Sendable {
    /// The next delivery; waits for one. Throws only when the task is cancelled, or after `stop`.
    func next() async throws(CancellationError) -> RequestDelivery

    /// Takes nothing new from the broker; what was delivered can still be acknowledged.
    func stop() async

    /// Removes the message. For a delivery of an earlier connection this does nothing: it is delivered again.
    func acknowledge(_ delivery: RequestDelivery) async

    /// Moves the message to `caserouter.dead`.
    func deadLetter(_ delivery: RequestDelivery) async
}

public struct RequestDelivery: Sendable {
    /// At most 256 KiB; of a larger message the beginning.
    public let body: [UInt8]
    /// Length of the whole message.
    public let length: Int
    /// The broker has handed it out before: a worker may have died on it.
    public let isRedelivered: Bool
    /// What the adapter needs to acknowledge it.
    public let token: UInt64
    public let incarnation: UInt64

    public init(body: [UInt8], length: Int, isRedelivered: Bool, token: UInt64, incarnation: UInt64) {
        self.body = body
        self.length = length
        self.isRedelivered = isRedelivered
        self.token = token
        self.incarnation = incarnation
    }
}

/// `caserouter.failed` and `caserouter.dead`, as housekeeping uses them.
public protocol FailedQueue: Sendable {
    /// Puts a handle where queue tooling finds it; confirmed.
    func publish(_ handle: RetryHandle, cause: FailureCause, failedAt: Timestamp) async throws(RoutingFailure)
    /// Messages in `caserouter.failed` now.
    func handleCount() async throws(RoutingFailure) -> Int
    /// Messages in `caserouter.dead` now, without those that were taken and not settled.
    func deadCount() async throws(RoutingFailure) -> Int
    /// Takes one message of `caserouter.dead` without waiting; nil when it is empty. At least `DeadRound.mostKept` may
    /// be unsettled. One of another incarnation than those before says that their connection is gone: they are back in
    /// the queue.
    func takeDead() async throws(RoutingFailure) -> RequestDelivery?
    /// Removes a message taken from `caserouter.dead`. Throws when its connection is gone: it is in the queue again.
    func removeDead(_ delivery: RequestDelivery) async throws(RoutingFailure)
    /// Leaves it there, unharmed. Throws when its connection is gone, and with it all that it had taken.
    func keepDead(_ delivery: RequestDelivery) async throws(RoutingFailure)
}
