import Glibc
import Synchronization

/// A server of raw sockets: a thread accepts, every connection has a thread that runs `serve`. It does exactly what
/// a test writes and nothing more, so that a test can break any rule of HTTP.
final class TestServer: Sendable {
    struct Request: Sendable {
        let line: String
        let fields: [String: String]
        let body: [UInt8]
        /// Number of the connection, from 1, and of the request on it, from 1.
        let connection: Int
        let number: Int

        var method: String { String(line.prefix { $0 != " " }) }
        var path: String { line.split(separator: " ").dropFirst().first.map(String.init) ?? "" }
    }

    /// One accepted connection; used by its thread only.
    final class Connection {
        let descriptor: Int32
        let number: Int
        private var buffer: [UInt8] = []
        private var requests = 0
        private let server: TestServer

        init(_ descriptor: Int32, _ number: Int, _ server: TestServer) {
            self.descriptor = descriptor
            self.number = number
            self.server = server
        }

        /// The next whole request; `nil` at the end of the connection. Every one is noted in `server.requests`.
        func request() -> Request? {
            while true {
                if let request = parse() {
                    server.note(request)
                    return request
                }
                if !fill() { return nil }
            }
        }

        /// Waits until the client closes or resets the connection; what comes meanwhile is thrown away.
        func waitForEnd() { while fill() { buffer = [] } }

        private func fill() -> Bool {
            var bytes = [UInt8](repeating: 0, count: 65536)
            let count = read(descriptor, &bytes, bytes.count)
            if count <= 0 { return false }
            buffer += bytes[..<count]
            return true
        }

        private func parse() -> Request? {
            guard let end = buffer.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
            let lines = String(decoding: buffer[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
            var fields: [String: String] = [:]
            for line in lines.dropFirst() {
                let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
                fields[parts[0].lowercased()] = parts[1].drop { $0 == " " }.description
            }
            let length = fields["content-length"].flatMap { Int($0) } ?? 0
            guard buffer.count >= end.upperBound + length else { return nil }
            let body = Array(buffer[end.upperBound..<(end.upperBound + length)])
            buffer.removeFirst(end.upperBound + length)
            requests += 1
            return Request(
                line: String(lines[0]), fields: fields, body: body, connection: number, number: requests)
        }

        /// Returns false when the client is gone.
        @discardableResult
        func write(_ bytes: [UInt8]) -> Bool {
            var sent = 0
            while sent < bytes.count {
                let count = bytes.withUnsafeBytes {
                    send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
                }
                if count <= 0 { return false }
                sent += count
            }
            return true
        }

        @discardableResult
        func write(_ text: String) -> Bool { write(Array(text.utf8)) }

        func answer(_ status: Int = 200, _ fields: String = "", body: String = "") {
            write("HTTP/1.1 \(status) Text\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
        }

        /// Makes the close that follows a reset.
        func resetOnClose() {
            var option = linger(l_onoff: 1, l_linger: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        }
    }

    private struct State {
        var requests: [Request] = []
        var accepted = 0
        var open: [Int: Int32] = [:]
        var stopped = false
        var ended = false
    }

    let port: Int
    private let listener: Int32
    private let state = Mutex(State())

    var url: String { "http://127.0.0.1:\(port)" }
    var requests: [Request] { state.withLock { $0.requests } }
    var connections: Int { state.withLock { $0.accepted } }
    var openConnections: Int { state.withLock { $0.open.count } }

    init(port: Int = 0, serve: @escaping @Sendable (Connection) -> Void) {
        listener = Self.listen(port: port)
        self.port = Self.port(of: listener)
        // Every descriptor is closed by the thread that uses it: its number may be another's right after.
        runThread { [listener, self] in
            while true {
                let descriptor = accept(listener, nil, nil)
                if descriptor < 0 {
                    if errno == EINTR || errno == ECONNABORTED { continue }
                    close(listener)
                    return self.state.withLock { $0.ended = true }
                }
                let number = self.state.withLock { state in
                    state.accepted += 1
                    state.open[state.accepted] = descriptor
                    return state.accepted
                }
                runThread {
                    serve(Connection(descriptor, number, self))
                    self.state.withLock { state in
                        state.open[number] = nil
                        close(descriptor)
                    }
                }
            }
        }
    }

    /// Answers every request by `answer`, keeps connections.
    static func answering(_ answer: @escaping @Sendable (Request, Connection) -> Void) -> TestServer {
        TestServer { connection in while let request = connection.request() { answer(request, connection) } }
    }

    /// Closes the port and all connections.
    func stop() {
        state.withLock { state in
            if state.stopped { return }
            state.stopped = true
            for descriptor in state.open.values { shutdown(descriptor, Int32(SHUT_RDWR)) }
            shutdown(listener, Int32(SHUT_RDWR))
        }
        while !state.withLock({ $0.ended }) { usleep(500) }
    }

    private func note(_ request: Request) { state.withLock { $0.requests.append(request) } }

    static func listen(port: Int = 0, backlog: Int32 = 4096) -> Int32 {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var one: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, 4)
        let bound = withLoopback(port) { bind(listener, $0, $1) }
        precondition(bound == 0 && Glibc.listen(listener, backlog) == 0, "no port to listen on: error \(errno)")
        return listener
    }

    /// Whether something listens on a port of this machine.
    static func isListening(_ port: Int) -> Bool {
        let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(client) }
        return withLoopback(port) { connect(client, $0, $1) } == 0
    }

    /// Calls `body` with 127.0.0.1 and this port.
    static func withLoopback<Value>(_ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Value) -> Value {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = UInt16(port).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, size) }
        }
    }

    static func port(of descriptor: Int32) -> Int {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(descriptor, $0, &length) }
        }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    /// A port on which nothing listens.
    static func unusedPort() -> Int {
        let listener = listen()
        defer { close(listener) }
        return port(of: listener)
    }
}

/// Runs `body` on a thread with a small stack.
func runThread(_ body: @escaping @Sendable () -> Void) {
    final class Box {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setstacksize(&attributes, 256 << 10)
    var thread = pthread_t()
    let result = pthread_create(
        &thread, &attributes,
        { box in
            Unmanaged<Box>.fromOpaque(box!).takeRetainedValue().body()
            return nil
        }, Unmanaged.passRetained(Box(body)).toOpaque())
    precondition(result == 0, "no thread: error \(result)")
    pthread_detach(thread)
}
