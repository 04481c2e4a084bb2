/// What is broken at the moment, by the control API. Everything here is off until asked for.
struct SalesforceFaults: Sendable {
    /// The next events of the outbox or a topic: never persisted to the bus, sent twice, or sent after their successor.
    var dropEvents = 0
    var duplicateEvents = 0
    var reorderEvents = 0
    /// Connects are held and answered, but no event is ever in them.
    var silent = false
    /// Seconds by which events come later than their commit.
    var eventDelay = 0.0
    /// After this many further connects the session that sent the last one is unknown.
    var unknownClientAfterConnects: Int?
    /// Cases change, but the package's triggers do not run.
    var triggersOff = false
    /// Events are in no reply but that to a connect.
    var eventsOnlyInConnectReplies = false
    /// Bayeux answers: the organization's daily event limit is reached; the server is too busy (number of answers).
    var dailyLimit = false
    var busy = 0
    /// Which ids the stream gives out: the next is 1…this much higher.
    var largestReplayGap = 27
    /// Objects, and `Object.Field`, that may be read and not changed.
    var readOnly: Set<String> = []
    /// The integration user's password has expired, as far as anybody asks.
    var passwordExpired = false
    /// Descriptions say that the integration user may do everything.
    var allRights = false
    /// What logins say where the org is.
    var instanceURL: String?
    var rest: [REST] = []
    var rows: [Row] = []
    var drops: [Drop] = []

    /// A REST call that fails, or is late, instead of being carried out.
    struct REST: Sendable {
        var method: String?
        /// Part of the path.
        var path: String
        var status: Int?
        var errorCode: String
        var message: String
        /// How many more calls it hits.
        var count: Int
        /// Seconds before the call is looked at.
        var delay: Double
        /// Fail only after the call was carried out: the effect is there, the answer says otherwise.
        var afterEffect: Bool
    }

    /// Single rows of a write that fail.
    struct Row: Sendable {
        /// Ids, or empty for any row of the object.
        var ids: [String]
        var object: String?
        var statusCode: String
        var message: String
        var count: Int
    }

    /// A response of which only the first part is sent before the connection is closed.
    struct Drop: Sendable {
        var path: String
        var count: Int
        /// Bytes of the body that are sent.
        var after: Int
        /// Close before the status line instead; the call was carried out all the same.
        var beforeStatus: Bool
    }
}

/// A failure of a REST call, as its answer tells it.
struct SalesforceRESTError: Error {
    let status: Int
    let code: String
    let message: String
    var fields: [String] = []

    static let notFound = SalesforceRESTError(
        status: 404, code: "NOT_FOUND", message: "The requested resource does not exist")
    static let invalidSession = SalesforceRESTError(
        status: 401, code: "INVALID_SESSION_ID", message: "Session expired or invalid")

    static func badMethod(_ method: String) -> SalesforceRESTError {
        SalesforceRESTError(
            status: 405, code: "METHOD_NOT_ALLOWED", message: "HTTP Method '\(method)' not allowed.")
    }

    static func bad(_ code: String, _ message: String, _ fields: [String] = []) -> SalesforceRESTError {
        SalesforceRESTError(status: 400, code: code, message: message, fields: fields)
    }
}

/// What goes back over HTTP.
struct SalesforceReply: Sendable {
    var status: Int
    var body: [UInt8] = []
    var contentType = "application/json;charset=UTF-8"
    var headers: [(name: String, value: String)] = []
    /// Close the connection after so many bytes of the body.
    var cutAfter: Int?

    static func json(_ status: Int = 200, _ write: (inout SalesforceBytes) -> Void) -> SalesforceReply {
        var bytes = SalesforceBytes()
        write(&bytes)
        return SalesforceReply(status: status, body: bytes.bytes)
    }

    static func failure(_ error: SalesforceRESTError) -> SalesforceReply {
        json(error.status) { bytes in
            bytes.raw("[{\"message\":")
            bytes.string(error.message)
            bytes.raw(",\"errorCode\":")
            bytes.string(error.code)
            if !error.fields.isEmpty {
                bytes.raw(",\"fields\":")
                bytes.json(.array(error.fields.map { .string($0) }))
            }
            bytes.raw("}]")
        }
    }
}

/// A request as the simulator sees it.
struct SalesforceCall: Sendable {
    let method: String
    /// Percent-decoded, without the query.
    let path: String
    let query: [(name: String, value: String)]
    let headers: [String: String]
    let body: [UInt8]
    /// Bytes of path and query as they were sent.
    var uriLength = 0

    /// Came over HTTPS.
    let isSecure: Bool
    /// `host:port` by which the client knows this org.
    let authority: String

    /// Cookies by name.
    var cookies: [String: String] {
        var cookies: [String: String] = [:]
        for pair in (headers["cookie"] ?? "").split(separator: ";") {
            let sides = pair.split(separator: "=", maxSplits: 1)
            guard sides.count == 2 else { continue }
            let name = String(sides[0].drop { $0 == " " })
            cookies[name] = sides[1].trimmingQuotes
        }
        return cookies
    }

    /// Path elements without empty ones.
    var elements: [String] { path.split(separator: "/").map(String.init) }

    /// Stands for what a person does in a browser, which is no API request and counts as none.
    var isClick: Bool { headers["sforce-call-options"] == "client=browser" }

    func parameter(_ name: String) -> String? {
        query.first { $0.name == name }?.value
    }

    /// The bare access token, whichever of the usual ways it was sent in.
    var accessToken: String? {
        guard let header = headers["authorization"] else { return nil }
        for scheme in ["Bearer ", "OAuth ", "bearer "] where header.hasPrefix(scheme) {
            return String(header.dropFirst(scheme.count))
        }
        return header
    }
}

extension Substring {
    /// Python's clients put cookie values with special characters into quotes.
    fileprivate var trimmingQuotes: String {
        hasPrefix("\"") && hasSuffix("\"") && count >= 2 ? String(dropFirst().dropLast()) : String(self)
    }
}
