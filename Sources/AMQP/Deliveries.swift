import Synchronization

/// The deliveries of one consumer, in the order the broker sent them. Ends with nil after `stop()` or when the task is
/// cancelled; throws when the connection breaks or the broker ends the consumer (queue deleted, delivery held longer
/// than the broker allows).
///
/// At most the prefetch is handed out unsettled, so memory is bounded by prefetch × `maximumBody`. Several tasks may
/// iterate; each delivery goes to one of them. Iterate on an actor whose executor is the connection's loop: then no message costs a switch.
public struct Deliveries: AsyncSequence, Sendable {
    public typealias Element = Delivery
    public typealias Failure = AMQPError

    /// Why the consumer ended, kept after its channel is gone.
    final class Ending: Sendable {
        private let state = Mutex<AMQPError?>(nil)
        var error: AMQPError? { state.withLock { $0 } }
        func note(_ error: AMQPError?) { state.withLock { $0 = error } }
    }

    let connection: AMQPConnection
    let ending: Ending
    let channel: UInt16
    /// Which life of the channel this is; the same in all its deliveries.
    public let incarnation: UInt64

    public struct AsyncIterator: AsyncIteratorProtocol {
        let deliveries: Deliveries

        public mutating func next() async throws(AMQPError) -> Delivery? {
            try await deliveries.connection.nextDelivery(deliveries)
        }

        public mutating func next(isolation actor: isolated (any Actor)?) async throws(AMQPError) -> Delivery? {
            try await deliveries.connection.nextDelivery(deliveries)
        }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(deliveries: self) }

    /// Takes nothing new: tells the broker, gives back what nobody has taken from the sequence, and ends it. What is
    /// in hand may still be settled; when it is, the channel closes by itself.
    public func stop() async { await connection.stop(self) }
}
