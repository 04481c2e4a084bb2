/// What travels beside a body. Queue tools drop it, so nothing needed may lie here.
public struct AMQPProperties: Equatable, Sendable {
    public enum DeliveryMode: UInt8, Sendable {
        case transient = 1
        /// Survives a restart of the broker in a durable queue.
        case persistent = 2
    }

    /// Longest text of each property, in bytes.
    public static let maximumLength = 255

    public var contentType: String?
    public var messageID: String?
    public var type: String?
    public var deliveryMode: DeliveryMode
    /// Time to live in the queue, in whole milliseconds.
    public var expiration: Duration?

    public init(
        contentType: String? = nil, messageID: String? = nil, type: String? = nil,
        deliveryMode: DeliveryMode = .persistent, expiration: Duration? = nil
    ) {
        self.contentType = contentType
        self.messageID = messageID
        self.type = type
        self.deliveryMode = deliveryMode
        self.expiration = expiration
    }
}

/// The payload of a content header frame.
struct ContentHeader {
    let bodySize: UInt64
    let properties: AMQPProperties
    /// On our own messages that come back: the number they were published with.
    let correlationID: String?

    /// Decoded by hand because librabbitmq would decode the header table too, recursively and without a limit; here it
    /// is passed over.
    ///
    /// - Throws: `protocolViolation` when a property does not end within the frame.
    init(_ payload: UnsafeRawBufferPointer) throws(AMQPError) {
        var reader = Reader(rest: payload[...])
        _ = try reader.number(UInt32.self)  // Class and weight.
        bodySize = try reader.number(UInt64.self)
        let flags = try reader.number(UInt16.self)
        var properties = AMQPProperties(deliveryMode: .transient)
        if flags & 1 << 15 != 0 { properties.contentType = try reader.text() }
        if flags & 1 << 14 != 0 { try reader.skip(Int(reader.number(UInt8.self))) }  // Content encoding.
        if flags & 1 << 13 != 0 { try reader.skip(Int(reader.number(UInt32.self))) }  // Header table.
        if flags & 1 << 12 != 0, try reader.number(UInt8.self) == 2 { properties.deliveryMode = .persistent }
        if flags & 1 << 11 != 0 { try reader.skip(1) }  // Priority.
        correlationID = flags & 1 << 10 != 0 ? try reader.text() : nil
        if flags & 1 << 9 != 0 { try reader.skip(Int(reader.number(UInt8.self))) }  // Reply to.
        if flags & 1 << 8 != 0 {
            // Anything may stand here; only what the broker itself would accept means something.
            properties.expiration = Int64(try reader.text()).map { .milliseconds($0) }
        }
        if flags & 1 << 7 != 0 { properties.messageID = try reader.text() }
        if flags & 1 << 6 != 0 { try reader.skip(8) }  // Timestamp.
        if flags & 1 << 5 != 0 { properties.type = try reader.text() }
        self.properties = properties
    }

    private struct Reader {
        var rest: Slice<UnsafeRawBufferPointer>

        mutating func number<Number: FixedWidthInteger>(_: Number.Type) throws(AMQPError) -> Number {
            let start = rest.startIndex
            try skip(MemoryLayout<Number>.size)
            return Number(bigEndian: rest.base.loadUnaligned(fromByteOffset: start, as: Number.self))
        }

        mutating func text() throws(AMQPError) -> String {
            let length = Int(try number(UInt8.self))
            let start = rest.startIndex
            try skip(length)
            return String(decoding: rest.base[start..<(start + length)], as: UTF8.self)
        }

        mutating func skip(_ count: Int) throws(AMQPError) {
            guard rest.count >= count else { throw FrameReader.malformed("properties that do not end") }
            rest = rest.dropFirst(count)
        }
    }
}
