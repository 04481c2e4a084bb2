import CRabbitMQ

/// One frame as it stands in the receive buffer; its payload is valid only while it is handled.
struct Frame {
    enum Kind { case method, header, body, heartbeat, other }

    let kind: Kind
    let channel: UInt16
    let payload: UnsafeRawBufferPointer
}

/// Holds received bytes and cuts them into frames. Not Sendable: lives on the loop.
///
/// librabbitmq decodes the methods, and no more than that: its own receive loop decodes a message's header table by
/// recursion without a limit, so that one message could end the process, and its sending blocks while the broker does
/// not read.
final class FrameReader {
    /// The broker sends a message's properties in one frame, however small the frames are that were agreed; their size
    /// was limited by whoever published it.
    static let maximumFrame = 1 << 20
    private static let usualCapacity = 128 << 10
    private static let frameLength = 8

    private var storage = UnsafeMutableRawBufferPointer.allocate(byteCount: usualCapacity, alignment: 16)
    private var head = 0
    private var tail = 0

    deinit { storage.deallocate() }

    /// Free space for the next bytes; `received` says how many came.
    var space: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(rebasing: storage[tail...]) }

    func received(_ count: Int) { tail += count }

    /// The next complete frame, or nil when more bytes are needed. Invalidates the one before.
    func next() throws(AMQPError) -> Frame? {
        let available = tail - head
        if available < Self.frameLength {
            makeRoom(for: Self.frameLength)
            return nil
        }
        let size = Int(storage.load(head + 3, as: UInt32.self))
        if size > Self.maximumFrame { throw Self.malformed("a frame of \(size) bytes") }
        if available < size + Self.frameLength {
            makeRoom(for: size + Self.frameLength)
            return nil
        }
        let start = head
        head += size + Self.frameLength
        guard storage[head - 1] == UInt8(AMQP_FRAME_END) else { throw Self.malformed("a frame without its end mark") }
        let kind: Frame.Kind =
            switch Int32(storage[start]) {
            case AMQP_FRAME_METHOD: .method
            case AMQP_FRAME_HEADER: .header
            case AMQP_FRAME_BODY: .body
            case AMQP_FRAME_HEARTBEAT: .heartbeat
            default: .other
            }
        return Frame(
            kind: kind, channel: storage.load(start + 1, as: UInt16.self),
            payload: UnsafeRawBufferPointer(rebasing: storage[(start + 7)..<(head - 1)]))
    }

    static func malformed(_ text: String) -> AMQPError {
        AMQPError(operation: "read frame", kind: .protocolViolation, text: "the broker sent " + text)
    }

    /// Moves the rest to the front, and grows or shrinks the buffer so that a frame of `size` fits.
    private func makeRoom(for size: Int) {
        let used = tail - head
        let capacity = max(Self.usualCapacity, size)
        if head > 0 || capacity != storage.count, used == 0 || tail + Self.usualCapacity / 2 > storage.count {
            var target = storage
            if capacity > storage.count || (used == 0 && storage.count > capacity) {
                target = .allocate(byteCount: capacity, alignment: 16)
            }
            if used > 0 { target.baseAddress!.copyMemory(from: storage.baseAddress! + head, byteCount: used) }
            if target.baseAddress != storage.baseAddress { storage.deallocate() }
            storage = target
            head = 0
            tail = used
        }
    }
}

extension UnsafeMutableRawBufferPointer {
    /// Reads a number in network order.
    fileprivate func load<Number: FixedWidthInteger>(_ offset: Int, as: Number.Type) -> Number {
        Number(bigEndian: loadUnaligned(fromByteOffset: offset, as: Number.self))
    }
}
