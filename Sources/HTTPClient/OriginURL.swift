import Glibc

/// The part of a URL that decides whether and where it may be sent: `https://host:port`.
struct OriginURL: Hashable {
    /// The beginning of the URL, up to the path.
    let text: String
    let isSecure: Bool
    /// Whether it is this machine, so that nobody else can listen to plain http.
    let isLoopback: Bool

    /// Host and port as written.
    var authority: Substring { text.dropFirst(isSecure ? 8 : 7) }

    /// `nil` unless it is a http(s) URL of visible ASCII with a plain host: no user name, nothing that two parsers
    /// could read differently.
    init?(of url: String) {
        guard Self.isVisibleASCII(url) else { return nil }
        isSecure = url.hasPrefix("https://")
        guard isSecure || url.hasPrefix("http://") else { return nil }
        let authority = url.dropFirst(isSecure ? 8 : 7).prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard !authority.isEmpty, authority.utf8.allSatisfy(Self.isAuthorityByte) else { return nil }
        text = String(url[..<authority.endIndex])
        isLoopback = Self.isLoopback(authority)
    }

    /// Whether this is the origin of a URL: without taking it apart, since most requests go where the last one went.
    func isOrigin(of url: String) -> Bool {
        guard url.hasPrefix(text), Self.isVisibleASCII(url) else { return false }
        let next = url.utf8.dropFirst(text.utf8.count).first
        return next == nil || next == UInt8(ascii: "/") || next == UInt8(ascii: "?") || next == UInt8(ascii: "#")
    }

    private static func isVisibleASCII(_ url: String) -> Bool {
        var url = url
        return url.withUTF8 { bytes in
            for byte in bytes where byte <= 0x20 || byte >= 0x7F || byte == UInt8(ascii: "\\") { return false }
            return true
        }
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

    private static func isLoopback(_ authority: Substring) -> Bool {
        if authority == "[::1]" || authority.hasPrefix("[::1]:") { return true }
        let host = authority.prefix { $0 != ":" }
        if host == "localhost" { return true }
        var address = in_addr()
        return inet_pton(AF_INET, String(host), &address) == 1 && UInt32(bigEndian: address.s_addr) >> 24 == 127
    }
}
