import Foundation
import Testing

@testable import Simulators

/// HTTP on a socket of its own: for more connections than `URLSession` opens, and for answers that are cut, which it
/// repeats or waits for.
///
/// It blocks on a thread of its own: the simulator of the same process needs those of Swift's pool.
// Sendable is unchecked because a test uses a socket for one thing at a time, which the compiler cannot see.
final class SalesforceTestSocket: @unchecked Sendable {
    private let org: SalesforceTestOrg
    private let descriptor: Int32
    private var clientID = ""
    private var cookie = ""

    struct Failed: Error {
        let what: String
        /// What had been received by then.
        var received = ""
    }

    init(org: SalesforceTestOrg) throws {
        self.org = org
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(org.port).bigEndian)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Foundation.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        guard result == 0 else { throw Failed(what: "connect: \(errno)") }
    }

    deinit {
        close(descriptor)
    }

    var connect: String { #"[{"channel":"/meta/connect","clientId":"\#(clientID)","connectionType":"long-polling"}]"# }

    /// Handshake, first connect and subscription.
    func open() async throws { try await onThread { try self.openNow() } }

    private func openNow() throws {
        try send(#"[{"channel":"/meta/handshake","version":"1.0","supportedConnectionTypes":["long-polling"]}]"#)
        let answer = try receiveNow()
        clientID = try text(after: "\"clientId\":\"", until: "\"", in: answer)
        cookie = "BAYEUX_BROWSER=" + (try text(after: "BAYEUX_BROWSER=", until: ";", in: answer))
        try send(connect)
        _ = try receiveNow()
        try send(
            #"[{"channel":"/meta/subscribe","clientId":"\#(clientID)","subscription":"/event/Routing_Request__e"}]"#)
        guard try receiveNow().contains("\"successful\":true") else { throw Failed(what: "subscribe") }
    }

    func send(_ body: String, to path: String = "/cometd/62.0") throws {
        let request = """
            POST \(path) HTTP/1.1\r\nHost: localhost:\(org.port)\r\nAuthorization: Bearer \(org.token)\r\n\
            Cookie: \(cookie)\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)
            """
        let bytes = Array(request.utf8)
        guard write(descriptor, bytes, bytes.count) == bytes.count else { throw Failed(what: "write: \(errno)") }
    }

    /// One response, head and body.
    func receive() async throws -> String { try await onThread { try self.receiveNow() } }

    private func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
        }
    }

    private func receiveNow() throws -> String {
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let text = String(decoding: received, as: UTF8.self)
            if let head = text.range(of: "\r\n\r\n"), let length = text.range(of: "Content-Length: ") {
                let expected = Int(text[length.upperBound...].prefix { $0.isNumber }) ?? 0
                if text[head.upperBound...].utf8.count >= expected { return text }
            }
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { throw Failed(what: "closed", received: text) }
            received += buffer[..<count]
        }
    }

    private func text(after start: String, until end: Character, in text: String) throws -> String {
        guard let range = text.range(of: start) else { throw Failed(what: "no \(start) in \(text)") }
        return String(text[range.upperBound...].prefix { $0 != end })
    }
}
