import Foundation

/// The local network interface: free ports, and whether somebody answers on one.
enum Loopback {
    /// Below the ports that Linux gives to outgoing connections, one of which could otherwise take ours before its server
    /// does.
    private static let range: Range<UInt16> = 20_000..<32_000

    /// Ports that are free now, all different, on 127.0.0.1 and the addresses after it.
    static func freePorts(_ count: Int, addresses: Int = 1) throws -> [UInt16] {
        var found: [UInt16] = []
        for _ in 0..<(50 * count) where found.count < count {
            let port = UInt16.random(in: range)
            if !found.contains(port), (1...addresses).allSatisfy({ canBind("127.0.0.\($0)", port) }) {
                found.append(port)
            }
        }
        guard found.count == count else { throw RunFailure("no free loopback ports in \(range)") }
        return found
    }

    /// Sends `request` and says whether the answer begins with `expected`. A second of silence is no answer.
    static func answers(port: UInt16, request: [UInt8], expected: [UInt8]) -> Bool {
        guard let descriptor = socket() else { return false }
        defer { close(descriptor) }
        guard withAddress("127.0.0.1", port, { connect(descriptor, $0, $1) }) == 0,
            send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count
        else { return false }
        var answer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 512)
        while answer.count < expected.count {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            guard count > 0 else { return false }
            answer += chunk[..<count]
        }
        return answer.starts(with: expected)
    }

    private static func canBind(_ address: String, _ port: UInt16) -> Bool {
        guard let descriptor = socket() else { return false }
        defer { close(descriptor) }
        return withAddress(address, port) { bind(descriptor, $0, $1) } == 0
    }

    private static func socket() -> Int32? {
        let descriptor = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        var limit = timeval(tv_sec: 1, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        return descriptor
    }

    /// An IPv4 address as system calls take it.
    static func withAddress(
        _ text: String, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        inet_pton(AF_INET, text, &address.sin_addr)
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }
}
