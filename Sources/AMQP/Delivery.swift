/// A message that the broker handed to us and that has to be settled: acknowledged or rejected, once, on the
/// connection it came from.
public struct Delivery: Sendable {
    /// The body, or its first bytes when it is oversized.
    public let body: [UInt8]
    /// The whole body's size in bytes.
    public let bodySize: UInt64
    public let properties: AMQPProperties
    /// Whether the broker handed it out before, perhaps to another worker.
    public let isRedelivered: Bool
    /// The broker's number for it, counted per channel.
    public let tag: UInt64
    /// Which life of a channel it came on; occurs once in this process.
    public let incarnation: UInt64
    let channel: UInt16

    /// The same without what it says: enough to settle it later.
    public var withoutBody: Delivery {
        Delivery(
            body: [], bodySize: bodySize, properties: AMQPProperties(), isRedelivered: isRedelivered, tag: tag,
            incarnation: incarnation, channel: channel)
    }

    /// Whether the body is larger than the reader asked for: only the first bytes are here.
    public var isOversized: Bool { UInt64(body.count) < bodySize }
}

/// What the broker says about a queue.
public struct AMQPQueueState: Equatable, Sendable {
    public let name: String
    /// Messages ready to be delivered, without those in consumers' hands.
    public let messageCount: Int
    public let consumerCount: Int
}
