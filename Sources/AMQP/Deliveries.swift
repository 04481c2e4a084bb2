/// The deliveries of one consumer, in the order the broker sent them. Ends with nil after `stop()` or when the task is
/// cancelled; throws when the connection breaks or the broker ends the consumer (queue deleted, delivery held longer
/// than the broker allows).
///
/// At most the prefetch is handed out unsettled, so memory is bounded by prefetch × `maximumBody`. Several tasks may
/// iterate; each delivery goes to one of them. A consumer on the connection's loop pays no switch per message.
public struct Deliveries: AsyncSequence, Sendable {
    public typealias Element = Delivery
    public typealias Failure = AMQPError

    let connection: AMQPConnection
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
