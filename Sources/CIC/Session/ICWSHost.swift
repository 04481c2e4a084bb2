/// Where a Session Manager listens.
struct ICWSHost: Hashable, Sendable, CustomStringConvertible {
    /// A name or an address, as it stands in a URL: an IPv6 address has brackets.
    let name: String
    let port: Int

    var description: String { "\(name):\(port)" }

    init(name: String, port: Int) {
        self.name = name
        self.port = port
    }

    /// Reads `host`, `host:port`, `[v6]` or `[v6]:port`; nil for anything that could mean something else in a URL. Names
    /// come from servers, too (`alternateHostList`).
    init?(_ text: String, defaultPort: Int) {
        var name = text
        var port = defaultPort
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            name = String(text[...end])
            let rest = text[text.index(after: end)...]
            if !rest.isEmpty {
                guard rest.hasPrefix(":"), let number = Self.port(rest.dropFirst()) else { return nil }
                port = number
            }
            guard name.dropFirst().dropLast().utf8.allSatisfy({ Self.isHexadecimal($0) || $0 == UInt8(ascii: ":") })
            else { return nil }
        } else {
            if let colon = text.firstIndex(of: ":") {
                guard let number = Self.port(text[text.index(after: colon)...]) else { return nil }
                port = number
                name = String(text[..<colon])
            }
            guard name.utf8.allSatisfy(Self.isNameByte) else { return nil }
        }
        guard !name.isEmpty, name.utf8.count <= 255 else { return nil }
        self.init(name: name.lowercased(), port: port)
    }

    private static func port(_ text: Substring) -> Int? {
        guard text.utf8.count <= 5, let port = UInt16(text), port > 0 else { return nil }
        return Int(port)
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}

/// Which hosts to try for a session, in which order: `icws.md` 2.3.
struct HostRoster {
    private let seeds: [ICWSHost]
    private var lastGood: ICWSHost?
    /// The newest list that a server gave, in its order: the nearest come first.
    private var alternates: [ICWSHost] = []
    /// The round under way.
    private var attempted: Set<ICWSHost> = []
    private var available: [ICWSHost] = []
    /// Tried after all others.
    private var avoided: ICWSHost?

    static let maximumAlternates = 32

    init(seeds: [ICWSHost]) { self.seeds = seeds }

    mutating func beginRound() {
        attempted = []
        available = (lastGood.map { [$0] } ?? []) + alternates + seeds
    }

    /// A host that was not tried in this round.
    mutating func next(limit: Int) -> ICWSHost? {
        guard attempted.count < limit else { return nil }
        while !available.isEmpty {
            let host = available.remove(at: available.firstIndex { $0 != avoided } ?? 0)
            if attempted.insert(host).inserted { return host }
        }
        return nil
    }

    /// What a server said about its fellows; they use its port unless they name one.
    mutating func learn(_ names: [String], from host: ICWSHost) {
        let hosts = names.prefix(Self.maximumAlternates).compactMap { ICWSHost($0, defaultPort: host.port) }
        guard !hosts.isEmpty else { return }
        alternates = hosts
        available = hosts + available
    }

    mutating func succeeded(_ host: ICWSHost) {
        lastGood = host
        avoided = nil
    }

    /// This host takes sessions and should not: the others come first until one of all has taken the next.
    mutating func avoid(_ host: ICWSHost) { avoided = host }
}
