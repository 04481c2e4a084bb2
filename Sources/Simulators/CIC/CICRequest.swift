import Hummingbird

/// One request, read completely.
struct CICRequest: Sendable {
    let host: Int
    let method: HTTPRequest.Method
    /// As it came, for the ledger.
    let path: String
    /// Percent-decoded, without the empty ones.
    let segments: [String]
    let query: [(name: String, value: String)]
    let headers: HTTPFields
    /// `nil` when there is no body; see `malformed`.
    let body: CICJSON?
    let malformed: Bool

    init(host: Int, head: HTTPRequest, body bytes: ByteBuffer) {
        self.host = host
        method = head.method
        headers = head.headerFields
        let target = head.path ?? "/"
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = String(parts[0])
        segments = parts[0].split(separator: "/").map { Self.decoded($0, plus: false) }
        query = (parts.count > 1 ? parts[1].split(separator: "&") : []).map { pair in
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (Self.decoded(sides[0], plus: true), sides.count > 1 ? Self.decoded(sides[1], plus: true) : "")
        }
        var value: CICJSON?
        var failed = false
        if bytes.readableBytes > 0 {
            value = bytes.withUnsafeReadableBytes { raw in
                do throws(CICJSON.Malformed) {
                    return try CICJSON.parse(raw.assumingMemoryBound(to: UInt8.self))
                } catch {
                    failed = true
                    return nil
                }
            }
        }
        self.body = value
        malformed = failed
    }

    /// The query's value of a name.
    func query(_ name: String) -> String? {
        query.first { $0.name == name }?.value
    }

    /// The query's value as a comma-joined list.
    func list(_ name: String) -> [String]? {
        query(name).map { value in
            value.split(separator: ",").map { $0.trimmingBlanks() }.filter { !$0.isEmpty }
        }
    }

    /// A required property of the body.
    func required(_ name: String) throws(CICError) -> CICJSON {
        guard let value = try object()[name], value != .null else { throw CICError.missing(name) }
        return value
    }

    func requiredString(_ name: String) throws(CICError) -> String {
        guard let text = try required(name).string else { throw CICError.invalid(name) }
        return text
    }

    /// The body, which must be an object.
    func object() throws(CICError) -> CICJSON {
        guard !malformed, let body, body.members != nil else {
            throw CICError(400, "error.request.common.malformedBody", "The body of the request is not a JSON object.")
        }
        return body
    }

    private static func decoded(_ text: Substring, plus: Bool) -> String {
        guard text.utf8.contains(where: { $0 == UInt8(ascii: "%") || (plus && $0 == UInt8(ascii: "+")) }) else {
            return String(text)
        }
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(plus && byte == UInt8(ascii: "+") ? 0x20 : byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension StringProtocol {
    func trimmingBlanks() -> String {
        var text = self[...]
        while text.first == " " { text = text.dropFirst() }
        while text.last == " " { text = text.dropLast() }
        return String(text)
    }
}

/// What goes back.
struct CICAnswer: Sendable {
    static let mediaType = "application/vnd.inin.icws+JSON; charset=utf-8"

    var status: Int
    var body: [UInt8] = []
    var headers: [(name: String, value: String)] = []
    /// The connection is closed instead of answering.
    var cut = false
    /// Milliseconds to wait before answering, after everything was done.
    var wait = 0
    /// An event stream begins.
    var stream: CICEventStream?
    /// Nothing was done yet: ask again after `wait`.
    var again = false

    init(_ status: Int, _ json: CICJSON? = nil) {
        self.status = status
        if let json { body = json.bytes }
    }

    init(_ status: Int, bytes: [UInt8]) {
        self.status = status
        body = bytes
    }

    /// A success without a body, which still has the JSON content type.
    static let done = CICAnswer(200)
}

/// An answer with an error body.
struct CICError: Error, Sendable {
    var status: Int
    var errorID: String
    var message: String
    var type: String?
    var propertyName: String?
    /// The number of older servers, which newer ones still send with errors of the connection.
    var code: Int?

    init(_ status: Int, _ errorID: String, _ message: String, code: Int? = nil) {
        self.status = status
        self.errorID = errorID
        self.message = message
        self.code = code
    }

    static func missing(_ property: String) -> CICError {
        var error = CICError(400, "error.request.common.missingProperty", "The property \(property) is missing.")
        error.type = "urn:inin.com:common:missingPropertyError"
        error.propertyName = property
        return error
    }

    static func invalid(_ property: String) -> CICError {
        var error = CICError(400, "error.request.common.invalidProperty", "The property \(property) is not valid.")
        error.type = "urn:inin.com:common:invalidPropertyError"
        error.propertyName = property
        return error
    }

    static let unauthorized = CICError(
        401, "error.request.connection.sessionInvalid", "The session is not known here.", code: -2_147_221_499)
    static let wrongToken = CICError(
        401, "error.request.connection.tokenInvalid", "The session's token is missing or wrong.", code: 2)
    static let notFound = CICError(404, "error.request.common.notFound", "There is no such resource.")
    static let noInteraction = CICError(
        404, "error.request.interactions.notFound", "The interaction does not exist.")

    var answer: CICAnswer {
        var members: [(key: String, value: CICJSON)] = [
            ("errorId", .string(errorID)), ("message", .string(message)),
        ]
        if let code { members.append(("errorCode", CICJSON(code))) }
        if let propertyName { members.append(("propertyName", .string(propertyName))) }
        if let type { members.append(("__type", .string(type))) }
        var answer = CICAnswer(status, .object(members))
        if status == 401 {
            answer.headers.append(("WWW-Authenticate", "ICWS realm=\"ICWS\" location=\"/ICWS/connection\""))
        }
        return answer
    }
}
