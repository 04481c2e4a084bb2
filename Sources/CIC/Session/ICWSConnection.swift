import HTTPClient

/// One session, from its opening to its loss. Whatever comes back belongs to the connection it was asked on.
struct ICWSConnection: Sendable {
    /// Counts the sessions of one `ICWSSession`.
    let generation: Int
    let host: ICWSHost
    /// The CIC server's own name.
    let server: String
    /// Versions by feature id.
    let features: [String: Int]
    /// Its fellows, as it named them.
    let alternates: [String]
    /// Nil where the server does not tell.
    let daysUntilPasswordExpiration: Int?
    /// `…/icws/SESSION/`.
    let root: String
    let headers: HTTPHeaders
    let streamHeaders: HTTPHeaders
    let jar: CookieJar

    var offersStream: Bool { features["messaging", default: 0] >= 2 }

    static let mediaType = "application/vnd.inin.icws+JSON"

    /// - Parameter session: opaque; it may be anything that can stand in a path once it is encoded.
    init(
        generation: Int, host: ICWSHost, scheme: String, session: String, csrf: String, server: String,
        features: [String: Int], alternates: [String] = [], daysUntilPasswordExpiration: Int? = nil, jar: CookieJar
    ) {
        self.generation = generation
        self.host = host
        self.server = server
        self.features = features
        self.alternates = alternates
        self.daysUntilPasswordExpiration = daysUntilPasswordExpiration
        self.jar = jar
        root = "\(scheme)://\(host)/icws/\(ICWSPath.encoded(session))/"
        let shared = [
            (name: "Content-Type", value: Self.mediaType + ";charset=utf-8"),
            (name: "ININ-ICWS-CSRF-Token", value: csrf), (name: "Accept-Language", value: "en-us"),
        ]
        headers = HTTPHeaders(shared + [(name: "Accept", value: Self.mediaType)])
        streamHeaders = HTTPHeaders(shared + [(name: "Accept", value: "text/event-stream")])
    }
}

/// One call within a session.
struct ICWSRequest {
    let method: HTTPRequest.Method
    /// Below the session, every part encoded.
    let path: String
    var body: [UInt8]?
    /// A part of a list, such as `items=0-199`.
    var range: String?
    /// Whether it may be sent again after a 401 or by libcurl after a broken connection.
    let isRepeatable: Bool
    var maximumBytes: Int?

    init(
        _ method: HTTPRequest.Method, _ path: String, body: [UInt8]? = nil, range: String? = nil,
        isRepeatable: Bool = true, maximumBytes: Int? = nil
    ) {
        self.method = method
        self.path = path
        self.body = body
        self.range = range
        self.isRepeatable = isRepeatable
        self.maximumBytes = maximumBytes
    }
}

struct ICWSAnswer {
    let status: Int
    let headers: HTTPResponseHeaders
    let body: [UInt8]
    let generation: Int

    var isSuccess: Bool { (200...299).contains(status) }
}

/// Why a call has no answer; `CICFailure.swift` says what that means for a case.
enum ICWSCallError: Error {
    /// There is no session; nothing was sent. Why there is none.
    case noSession(RoutingReason)
    case transport(HTTPError)
    /// 401: the session had ended, and what was asked was not done.
    case expired
}

/// Paths of ICWS: their parts hold names with blanks, and ids that are only known to be text.
enum ICWSPath {
    /// Percent-encodes all but the unreserved characters of RFC 3986.
    static func encoded(_ part: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in part.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "~"):
                bytes.append(byte)
            case UInt8(ascii: ".") where part != "." && part != "..":
                bytes.append(byte)
            default:
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 0xF)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
