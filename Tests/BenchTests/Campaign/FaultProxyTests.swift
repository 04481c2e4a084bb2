import Foundation
import Testing

@testable import caserouter_dev

/// The proxy between the product and its neighbours, with a server behind it that answers every line with the same line.
@Suite(.serialized) struct FaultProxyTests {
    @Test func `bytes pass both ways, all of them and in order`() async throws {
        try await Self.with { proxy, client in
            let text = String(repeating: "0123456789", count: 30_000) + "\n"
            client.send(text)
            #expect(client.receive(text.utf8.count) == text)
        }
    }

    @Test func `a cut closes what is open and what comes, until it is over`() async throws {
        try await Self.with { proxy, client in
            client.send("a\n")
            #expect(client.receive(2) == "a\n")
            try await proxy.disturb("link", .cut)
            #expect(client.receive(1) == "")
            let refused = try Client(client.port)
            #expect(refused.receive(1) == "")
            try await proxy.disturb("link", .none)
            let again = try Client(client.port)
            again.send("b\n")
            #expect(again.receive(2) == "b\n")
        }
    }

    @Test func `where answers are lost the request arrives and its answer does not`() async throws {
        try await Self.with { proxy, client in
            client.send("a\n")
            #expect(client.receive(2) == "a\n")
            try await proxy.disturb("link", .lostAnswer)
            client.send("b\n")
            #expect(client.receive(2) == "")
        }
    }

    @Test func `what a silent link holds back arrives when it is over`() async throws {
        try await Self.with { proxy, client in
            try await proxy.disturb("link", .blackHole)
            client.send("a\n")
            client.limit(milliseconds: 300)
            #expect(client.receive(2) == nil)
            try await proxy.disturb("link", .none)
            client.limit(milliseconds: 30_000)
            #expect(client.receive(2) == "a\n")
        }
    }

    @Test func `a slow link delivers everything, later and in order`() async throws {
        try await Self.with { proxy, client in
            try await proxy.disturb("link", .delay(150))
            let start = ContinuousClock.now
            client.send("a\n")
            #expect(client.receive(2) == "a\n")
            #expect(ContinuousClock.now - start >= .milliseconds(300))
            try await proxy.disturb("link", .trickle(50))
            let text = String(repeating: "x", count: 999) + "\n"
            let second = ContinuousClock.now
            client.send(text)
            #expect(client.receive(1_000) == text)
            #expect(ContinuousClock.now - second >= .milliseconds(300))
        }
    }

    // MARK: Both ends

    private static func with(_ body: (FaultProxy, Client) async throws -> Void) async throws {
        let ports = try Loopback.freePorts(2)
        let server = try EchoServer(ports[0])
        let proxy = FaultProxy(seed: 1)
        try await proxy.add("link", listen: ports[1], forwardTo: ports[0])
        do {
            try await body(proxy, try Client(ports[1]))
        } catch {
            await proxy.close()
            throw error
        }
        await proxy.close()
        server.close()
    }
}

/// Something in between is tried with plain sockets.
private struct Client {
    let port: UInt16
    private let descriptor: Int32

    init(_ port: UInt16) throws {
        self.port = port
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let result = address(port) { connect(descriptor, $0, $1) }
        try #require(result == 0)
        limit(milliseconds: 30_000)
    }

    func limit(milliseconds: Int) {
        var time = timeval(tv_sec: milliseconds / 1000, tv_usec: milliseconds % 1000 * 1000)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    }

    func send(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return }
            rest = rest.dropFirst(count)
        }
    }

    /// So many bytes; "" where the connection has ended, nil where nothing came in time.
    func receive(_ count: Int) -> String? {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while bytes.count < count {
            let got = recv(descriptor, &chunk, min(chunk.count, count - bytes.count), 0)
            if got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) { return nil }
            if got <= 0 { return "" }
            bytes += chunk[..<got]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Answers every byte with the same byte, a thread for each connection.
private final class EchoServer: Sendable {
    private let listener: Int32

    init(_ port: UInt16) throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let descriptor = listener
        let result = address(port) { bind(descriptor, $0, $1) }
        try #require(result == 0 && listen(listener, 16) == 0)
        Thread.detachNewThread {
            while true {
                let connection = accept(descriptor, nil, nil)
                if connection < 0 { return }
                Thread.detachNewThread {
                    var chunk = [UInt8](repeating: 0, count: 65_536)
                    while true {
                        let count = recv(connection, &chunk, chunk.count, 0)
                        if count <= 0 || send(connection, chunk, count, Int32(MSG_NOSIGNAL)) < 0 { break }
                    }
                    Foundation.close(connection)
                }
            }
        }
    }

    func close() { shutdown(listener, Int32(SHUT_RDWR)) }
}

private func address(_ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
    return withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
}
