/// Where a broker is and who we are there: `amqp[s]://[user[:password]@]host[:port][,host[:port]…][/virtual-host]`.
///
/// The virtual host is one path segment, percent-encoded (`/%2f` or no path is `/`, a bare `/` too). Hosts are tried
/// in order. IPv6 hosts stand in brackets. User and password default to `guest`.
public struct AMQPAddress: Equatable, Sendable, CustomStringConvertible {
    public struct Host: Equatable, Sendable {
        public let name: String
        public let port: UInt16

        public init(name: String, port: UInt16) {
            self.name = name
            self.port = port
        }
    }

    /// Longest name of host, virtual host and user that AMQP and DNS can carry.
    public static let maximumNameLength = 255
    public static let maximumHosts = 16

    public var hosts: [Host]
    /// Whether TLS (1.2 or later, certificate and host name verified) is used.
    public var usesTLS: Bool
    public var virtualHost: String
    public var user: String
    public var password: String
    /// The longest silence in both directions; the lower of this and the broker's counts. A broker silent for twice as
    /// long is lost.
    public var heartbeat: Duration = .seconds(10)
    /// Certificates that the broker's must lead to, in PEM; nil = those of the system.
    public var caFile: String?

    public init(
        hosts: [Host], usesTLS: Bool = false, virtualHost: String = "/", user: String = "guest",
        password: String = "guest"
    ) {
        self.hosts = hosts
        self.usesTLS = usesTLS
        self.virtualHost = virtualHost
        self.user = user
        self.password = password
    }

    /// Reads a URL. The error never quotes it, because it may hold the password.
    public init(url: String) throws(AMQPError) {
        func invalid(_ text: String) -> AMQPError {
            AMQPError(operation: "read broker URL", kind: .invalidArgument, text: text)
        }
        guard let colon = url.firstRange(of: "://") else { throw invalid("it must begin with amqp:// or amqps://") }
        switch url[..<colon.lowerBound].lowercased() {
        case "amqp": usesTLS = false
        case "amqps": usesTLS = true
        default: throw invalid("it must begin with amqp:// or amqps://")
        }
        let rest = url[colon.upperBound...]
        if rest.contains(where: { $0 == "?" || $0 == "#" }) { throw invalid("parameters are not supported") }
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        var authority = rest[..<slash]

        virtualHost = "/"
        if slash < rest.endIndex, rest.index(after: slash) < rest.endIndex {
            let path = rest[rest.index(after: slash)...]
            guard !path.contains("/"), let decoded = Self.decode(path), decoded.utf8.count <= Self.maximumNameLength
            else { throw invalid("the virtual host must be one percent-encoded path segment") }
            virtualHost = decoded
        }

        user = "guest"
        password = "guest"
        if let at = authority.lastIndex(of: "@") {
            let parts = authority[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decode(parts[0]), !name.isEmpty, name.utf8.count <= Self.maximumNameLength else {
                throw invalid("the user is empty or not percent-encoded as it should be")
            }
            user = name
            if parts.count == 2 {
                guard let secret = Self.decode(parts[1]) else { throw invalid("the password is not percent-encoded") }
                password = secret
            }
            authority = authority[authority.index(after: at)...]
        }

        hosts = []
        for part in authority.split(separator: ",", omittingEmptySubsequences: false) {
            guard let host = Self.host(part, defaultPort: usesTLS ? 5671 : 5672) else {
                throw invalid("a host is empty or its port is not a number from 1 to 65535")
            }
            hosts.append(host)
        }
        if hosts.count > Self.maximumHosts { throw invalid("at most \(Self.maximumHosts) hosts") }
    }

    /// Without the password.
    public var description: String {
        let list = hosts.map { $0.name.contains(":") ? "[\($0.name)]:\($0.port)" : "\($0.name):\($0.port)" }
        let host = virtualHost == "/" ? "" : "/" + virtualHost
        return "\(usesTLS ? "amqps" : "amqp")://\(user)@\(list.joined(separator: ","))\(host)"
    }

    private static func host(_ text: Substring, defaultPort: UInt16) -> Host? {
        var name = text
        var port: Substring?
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            name = text[text.index(after: text.startIndex)..<end]
            let after = text[text.index(after: end)...]
            if !after.isEmpty {
                guard after.hasPrefix(":") else { return nil }
                port = after.dropFirst()
            }
        } else if let colon = text.firstIndex(of: ":") {
            name = text[..<colon]
            port = text[text.index(after: colon)...]
        }
        guard !name.isEmpty, name.utf8.count <= maximumNameLength,
            !name.utf8.contains(where: { $0 <= 32 || $0 == 127 })
        else { return nil }
        guard let port else { return Host(name: String(name), port: defaultPort) }
        guard port.allSatisfy(\.isASCII), let number = UInt16(port), number > 0, !port.hasPrefix("+") else {
            return nil
        }
        return Host(name: String(name), port: number)
    }

    private static func decode(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst(), let low = rest.popFirst(),
                let value = UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16),
                high != UInt8(ascii: "+"), high != UInt8(ascii: "-")
            else { return nil }
            bytes.append(value)
        }
        // PLAIN separates user and password by NUL.
        return bytes.contains(0) ? nil : String(validating: bytes, as: UTF8.self)
    }
}
