/// Why an exchange has no (whole) answer. An answer with status 500 is none of these.
///
/// It names the method and the host, never the path, the query, a header or a body: those may hold secrets.
public struct HTTPError: Error, Equatable, CustomStringConvertible {
    public enum Kind: String, Sendable {
        /// The server is not reached: no route, or not connected within the connect time-out.
        case cannotConnect = "cannot connect"
        /// The machine is there and nothing listens on the port.
        case refused = "connection refused"
        /// The host's name has no address.
        case resolve = "name not found"
        /// No secure connection: certificate not trusted, wrong name, expired, protocol too old.
        case tls = "no secure connection"
        /// The request's deadline passed.
        case deadline = "deadline passed"
        /// Nothing came for the idle time-out.
        case idle = "silent for too long"
        /// The connection broke before the answer was whole.
        case connectionLost = "connection lost"
        /// A kept-alive connection broke after the request was sent and before an answer; a `sendOnce` request is not
        /// sent a second time.
        case notRepeated = "connection lost, not repeated"
        /// The answer is longer than the request allows, or its head than `HTTPTransport` allows.
        case tooLarge = "answer too large"
        /// What came is not HTTP, or cannot be decoded.
        case badResponse = "bad answer"
        /// The request may not be sent as it is: URL, header, scheme.
        case invalidRequest = "invalid request"
        /// More transfers wait than the transport allows.
        case busy = "too many transfers"
        /// The caller's task was cancelled.
        case cancelled
        /// The transport or the stream was closed.
        case closed
    }

    /// Method and host with port, for example `POST cic1.example.com:8019`.
    public let operation: String
    public let kind: Kind
    /// libcurl's number (`CURLE_…`), 0 where the driver itself ended the exchange.
    public let code: Int32
    /// libcurl's words, or the reason why a request is invalid.
    public let detail: String
    /// False only if it is certain that no byte of the request left this machine. When true, the server may have
    /// acted on it: the outcome of a request that changes something is then unknown.
    public let mayHaveBeenSent: Bool

    init(operation: String, kind: Kind, code: Int32 = 0, detail: String = "", mayHaveBeenSent: Bool) {
        self.operation = operation
        self.kind = kind
        self.code = code
        self.detail = detail
        self.mayHaveBeenSent = mayHaveBeenSent
    }

    public var description: String {
        var text = "\(operation): \(kind.rawValue)"
        if !detail.isEmpty { text += ", \(detail)" }
        if code != 0 { text += " (curl \(code))" }
        return text
    }
}
