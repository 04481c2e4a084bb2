import Glibc

/// A non-blocking socket with its buffers, in clear or with TLS. Not Sendable: lives on the loop.
///
/// Nothing here ever waits: what the broker does not read stays in the buffer.
final class Transport {
    let descriptor: Int32
    let reader = FrameReader()
    let writer = FrameWriter()
    private let tls: TLSSession?
    /// Encrypted and not yet sent.
    private var encrypted = OutputBuffer()
    /// Reads of one readiness, so that a broker that sends without end leaves the others their turns.
    private static let readsPerTurn = 4
    /// No more is encrypted while so much waits for the socket.
    private static let maximumEncrypted = 256 << 10

    init(descriptor: Int32, tls: TLSSession?) {
        self.descriptor = descriptor
        self.tls = tls
    }

    deinit {
        close(descriptor)
        encrypted.free()
    }

    /// Bytes that the broker has not taken from us.
    var unsentCount: Int { writer.output.count + encrypted.count }

    /// Whether login can begin: at once in clear, after the handshake with TLS.
    var isSecured: Bool { tls?.isEstablished ?? true }

    /// The result of connecting.
    func checkConnected() throws(AMQPError) {
        var number: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &number, &length)
        if number != 0 { throw AMQPError(operation: "connect", kind: .refused, text: systemErrorText(number)) }
    }

    /// Continues the TLS handshake with what has been received.
    func secure() throws(AMQPError) {
        guard let tls else { return }
        try tls.handshake()
        collectEncrypted()
        try send()
    }

    /// Reads what is there and calls `handle` for each frame until it returns false.
    ///
    /// - Throws: `connectionLost` at the end of the stream, after the frames before it were handled.
    func receive(_ handle: (Frame) throws(AMQPError) -> Bool) throws(AMQPError) {
        for _ in 0..<Self.readsPerTurn {
            let space = reader.space
            let count = try tls == nil ? receive(into: space) : receiveEncrypted(into: space)
            guard let count else { return }
            reader.received(count)
            while let frame = try reader.next() {
                if try !handle(frame) { return }
            }
            if tls == nil && count < space.count { return }
        }
    }

    /// Sends as much as the socket takes.
    func flush() throws(AMQPError) {
        guard let tls else {
            try send(&writer.output)
            return
        }
        guard tls.isEstablished else { return }
        repeat {
            while !writer.output.isEmpty && encrypted.count < Self.maximumEncrypted {
                let count = try tls.encrypt(writer.output.unsent)
                if count == 0 { break }
                writer.output.removeFirst(count)
                collectEncrypted()
            }
            try send()
        } while !writer.output.isEmpty && encrypted.isEmpty
    }

    private func send() throws(AMQPError) { try send(&encrypted) }

    private func send(_ buffer: inout OutputBuffer) throws(AMQPError) {
        while !buffer.isEmpty {
            let bytes = buffer.unsent
            let count = Glibc.send(descriptor, bytes.baseAddress!, bytes.count, Int32(MSG_NOSIGNAL))
            if count < 0 {
                if errno == EINTR { continue }
                if errno == EAGAIN { return }
                throw Self.lost(systemErrorText(errno))
            }
            buffer.removeFirst(count)
            // A socket that took less is full; asking again would only cost a call.
            if count < bytes.count { return }
        }
    }

    /// Returns nil when nothing is there.
    private func receive(into space: UnsafeMutableRawBufferPointer) throws(AMQPError) -> Int? {
        while true {
            let count = recv(descriptor, space.baseAddress!, space.count, 0)
            if count > 0 { return count }
            if count == 0 { throw Self.lost("the broker closed the connection") }
            if errno == EAGAIN { return nil }
            if errno != EINTR { throw Self.lost(systemErrorText(errno)) }
        }
    }

    private func receiveEncrypted(into space: UnsafeMutableRawBufferPointer) throws(AMQPError) -> Int? {
        guard let tls else { return nil }
        while true {
            if let count = try tls.decrypt(into: space) { return count }
            guard try feedTLS() else { return nil }
        }
    }

    /// Gives received bytes to TLS. Returns false when nothing is there.
    func feedTLS() throws(AMQPError) -> Bool {
        guard let tls else { return false }
        return try withUnsafeTemporaryAllocation(byteCount: 32 << 10, alignment: 16) {
            (space) throws(AMQPError) -> Bool in
            guard let count = try receive(into: space) else { return false }
            tls.feed(UnsafeRawBufferPointer(rebasing: space[..<count]))
            return true
        }
    }

    private func collectEncrypted() {
        guard let tls else { return }
        while tls.pendingCount > 0 {
            encrypted.append(upTo: tls.pendingCount) { tls.takePending(into: $0) }
        }
    }

    private static func lost(_ text: String) -> AMQPError {
        AMQPError(operation: "connection", kind: .connectionLost, text: text)
    }
}
