import CRabbitMQ

/// Encodes frames with librabbitmq into an `OutputBuffer`. Not Sendable: lives on the loop.
final class FrameWriter {
    var output = OutputBuffer()
    var scratch = Scratch()
    /// Agreed with the broker at login; a body is cut into frames of this size.
    var maximumFrame = 4096

    deinit {
        output.free()
        scratch.free()
    }

    /// Type, channel and size before the payload, the end mark after it.
    private static let headLength = 7
    private static let frameLength = 8
    /// Room for a method without tables: at most four names of 255 bytes and some numbers.
    static let plainMethod = 1536

    /// Appends a method frame. `size` is room for its arguments; strings in `fields` point into `scratch`, which is
    /// reset.
    func method<Fields>(_ id: Method, channel: UInt16, _ fields: Fields, size: Int = plainMethod) {
        var fields = fields
        output.append(upTo: size + Self.frameLength + 4) { space in
            let room = amqp_bytes_t(len: size, bytes: space.baseAddress! + Self.headLength + 4)
            let length = withUnsafeMutablePointer(to: &fields) { amqp_encode_method(id.rawValue, $0, room) }
            precondition(length >= 0, "\(id) cannot be encoded: \(length)")
            space.storeBytes(of: id.rawValue.bigEndian, toByteOffset: Self.headLength, as: UInt32.self)
            return Self.close(space, type: AMQP_FRAME_METHOD, channel: channel, payload: 4 + Int(length))
        }
        scratch.reset()
    }

    /// Appends the content of a `basic.publish`: a header frame and as many body frames as are needed.
    func content(channel: UInt16, _ properties: amqp_basic_properties_t, body: UnsafeRawBufferPointer) {
        var properties = properties
        output.append(upTo: Self.plainMethod + Self.frameLength + 12) { space in
            let room = amqp_bytes_t(len: Self.plainMethod, bytes: space.baseAddress! + Self.headLength + 12)
            let length = withUnsafeMutablePointer(to: &properties) {
                amqp_encode_properties(UInt16(AMQP_BASIC_CLASS), $0, room)
            }
            precondition(length >= 0, "properties cannot be encoded: \(length)")
            space.storeBytes(of: UInt16(AMQP_BASIC_CLASS).bigEndian, toByteOffset: Self.headLength, as: UInt16.self)
            space.storeBytes(of: 0, toByteOffset: Self.headLength + 2, as: UInt16.self)
            space.storeBytes(of: UInt64(body.count).bigEndian, toByteOffset: Self.headLength + 4, as: UInt64.self)
            return Self.close(space, type: AMQP_FRAME_HEADER, channel: channel, payload: 12 + Int(length))
        }
        scratch.reset()
        let largest = maximumFrame - Self.frameLength
        var start = 0
        while start < body.count {
            let part = UnsafeRawBufferPointer(rebasing: body[start..<min(start + largest, body.count)])
            output.append(upTo: part.count + Self.frameLength) { space in
                UnsafeMutableRawBufferPointer(rebasing: space[Self.headLength...]).copyMemory(from: part)
                return Self.close(space, type: AMQP_FRAME_BODY, channel: channel, payload: part.count)
            }
            start += part.count
        }
    }

    func heartbeat() {
        output.append(upTo: Self.frameLength) {
            Self.close($0, type: AMQP_FRAME_HEARTBEAT, channel: 0, payload: 0)
        }
    }

    /// The eight bytes with which a client begins.
    func protocolHeader() {
        let header: [UInt8] = [0x41, 0x4D, 0x51, 0x50, 0, 0, 9, 1]
        header.withUnsafeBytes { output.append($0) }
    }

    /// Puts head and end mark around a payload that stands in its place. Returns the frame's length.
    private static func close(
        _ space: UnsafeMutableRawBufferPointer, type: Int32, channel: UInt16, payload: Int
    ) -> Int {
        space[0] = UInt8(type)
        space.storeBytes(of: channel.bigEndian, toByteOffset: 1, as: UInt16.self)
        space.storeBytes(of: UInt32(payload).bigEndian, toByteOffset: 3, as: UInt32.self)
        space[headLength + payload] = UInt8(AMQP_FRAME_END)
        return payload + frameLength
    }
}
