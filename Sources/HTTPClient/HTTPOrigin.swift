import DequeModule
import Glibc

/// Scheme, host and port of a URL, and the transfers under way there.
///
/// The limit of connections per host is kept here and not in libcurl: its one list of waiting transfers for all
/// hosts lets a host that is full delay another.
final class HTTPOrigin {
    /// Host and port as the URL has them.
    let name: String
    var active = 0
    private var waiting: Deque<(transfer: Transfer, id: UInt64)> = []
    private var abandoned = 0

    init(name: String) { self.name = name }

    var isUnused: Bool { active == 0 && waiting.isEmpty }

    func append(_ transfer: Transfer) { waiting.append((transfer, transfer.id)) }

    /// One that waits has ended without its turn.
    func abandonOne() {
        abandoned += 1
        if abandoned > 16 && abandoned > waiting.count / 2 {
            waiting.removeAll { $0.transfer.id != $0.id }
            abandoned = 0
        }
    }

    func popFirst() -> Transfer? {
        while let first = waiting.popFirst() {
            if first.transfer.id == first.id { return first.transfer }
            abandoned -= 1
        }
        return nil
    }
}

/// The parts of a URL that decide whether and where it may be sent.
struct URLParts: Equatable {
    let isSecure: Bool
    /// Host and port as written.
    let authority: String
    let isLoopback: Bool

    /// `nil` unless it is a http(s) URL of visible ASCII with a plain host: no user name, nothing that two parsers
    /// could read differently.
    init?(_ url: String) {
        var url = url
        let parts: URLParts? = url.withUTF8 { bytes in
            guard bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }) else { return nil }
            let secure = Self.has("https://", bytes)
            guard secure || Self.has("http://", bytes) else { return nil }
            let rest = bytes[(secure ? 8 : 7)...]
            let authority = rest.prefix {
                $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#")
            }
            guard !authority.isEmpty, authority.allSatisfy(Self.isAuthorityByte) else { return nil }
            let text = String(decoding: authority, as: UTF8.self)
            return URLParts(isSecure: secure, authority: text)
        }
        guard let parts else { return nil }
        self = parts
    }

    private init(isSecure: Bool, authority: String) {
        self.isSecure = isSecure
        self.authority = authority
        // Only asked for when it decides.
        isLoopback = isSecure ? false : Self.isLoopback(authority)
    }

    private static func has(_ scheme: StaticString, _ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let first = bytes.baseAddress, bytes.count > scheme.utf8CodeUnitCount else { return false }
        return memcmp(first, scheme.utf8Start, scheme.utf8CodeUnitCount) == 0
    }

    private static func isAuthorityByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
            UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"):
            true
        default: false
        }
    }

    private static func isLoopback(_ authority: String) -> Bool {
        if authority == "[::1]" || authority.hasPrefix("[::1]:") { return true }
        let host = authority.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)[0]
        if host == "localhost" { return true }
        var address = in_addr()
        return inet_pton(AF_INET, String(host), &address) == 1 && UInt32(bigEndian: address.s_addr) >> 24 == 127
    }
}
