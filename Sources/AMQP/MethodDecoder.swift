import CRabbitMQ

/// Decodes methods with librabbitmq into memory that the next call uses again. Not Sendable: lives on the loop.
final class MethodDecoder {
    private var pool = amqp_pool_t()

    init() { init_amqp_pool(&pool, 4096) }

    deinit { empty_amqp_pool(&pool) }

    struct Decoded {
        let id: Method
        fileprivate let pointer: UnsafeMutableRawPointer

        /// The arguments as librabbitmq's structure for this method. What it points to is valid while the frame is
        /// handled.
        func fields<Fields>(_: Fields.Type) -> Fields { pointer.assumingMemoryBound(to: Fields.self).pointee }
    }

    /// - Throws: `protocolViolation` for a method that is malformed or that no broker sends to this driver.
    func decode(_ payload: UnsafeRawBufferPointer) throws(AMQPError) -> Decoded {
        recycle_amqp_pool(&pool)
        guard payload.count >= 4 else { throw FrameReader.malformed("a method frame without a method") }
        let number = UInt32(bigEndian: payload.loadUnaligned(as: UInt32.self))
        let arguments = amqp_bytes_t(
            len: payload.count - 4, bytes: UnsafeMutableRawPointer(mutating: payload.baseAddress! + 4))
        var pointer: UnsafeMutableRawPointer?
        guard let id = Method(rawValue: number), amqp_decode_method(number, &pool, arguments, &pointer) == 0,
            let pointer
        else { throw FrameReader.malformed("method \(number >> 16).\(number & 0xFFFF), unknown or malformed") }
        return Decoded(id: id, pointer: pointer)
    }
}

extension String {
    /// Copies text that librabbitmq decoded.
    init(_ bytes: amqp_bytes_t) {
        self.init(decoding: UnsafeRawBufferPointer(start: bytes.bytes, count: bytes.len), as: UTF8.self)
    }
}
