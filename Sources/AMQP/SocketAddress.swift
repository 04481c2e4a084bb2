import Glibc
import Polling

/// One place to connect to: what a host name resolves to.
struct SocketAddress: Sendable {
    /// At most so many addresses of one name are tried.
    static let maximumPerName = 4

    let bytes: [UInt8]
    let family: Int32

    /// Looks a name up. A numeric address is not looked up; anything else costs a thread for as long as the resolver
    /// takes (`/etc/resolv.conf` bounds that).
    static func resolve(_ host: AMQPAddress.Host) async throws(AMQPError) -> [SocketAddress] {
        if case .success(let addresses) = lookUp(host, flags: AI_NUMERICHOST) { return addresses }
        return try await BlockingThread.run("resolve") { () throws(AMQPError) in try lookUp(host, flags: 0).get() }
    }

    private static func lookUp(_ host: AMQPAddress.Host, flags: Int32) -> Result<[SocketAddress], AMQPError> {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = flags | AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(host.name, String(host.port), &hints, &list)
        guard result == 0 else {
            return .failure(
                AMQPError(
                    operation: "resolve \(host.name)", kind: .refused, text: String(cString: gai_strerror(result))))
        }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var entry = list
        while let current = entry, addresses.count < maximumPerName {
            let info = current.pointee
            let bytes = [UInt8](UnsafeRawBufferPointer(start: info.ai_addr, count: Int(info.ai_addrlen)))
            addresses.append(SocketAddress(bytes: bytes, family: info.ai_family))
            entry = info.ai_next
        }
        return .success(addresses)
    }

    /// Starts connecting a new non-blocking socket. It is writable when that has ended, `SO_ERROR` says how.
    func connect() throws(AMQPError) -> Int32 {
        func failure(_ call: String) -> AMQPError {
            AMQPError(operation: call, kind: .refused, text: systemErrorText(errno))
        }
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(family, type, 0)
        guard descriptor >= 0 else { throw failure("socket") }
        var one: Int32 = 1
        // Frames of one turn leave together already; waiting for more would only delay them. Failing is harmless.
        _ = setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        let result = bytes.withUnsafeBytes {
            Glibc.connect(descriptor, $0.assumingMemoryBound(to: sockaddr.self).baseAddress!, socklen_t($0.count))
        }
        if result == 0 || errno == EINPROGRESS { return descriptor }
        let error = failure("connect")
        close(descriptor)
        throw error
    }
}

/// The system's words for an error number.
func systemErrorText(_ number: Int32) -> String {
    var text = [CChar](repeating: 0, count: 128)
    guard strerror_r(number, &text, text.count) == 0 else { return "error \(number)" }
    return text.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
}
