/// What is sent, and how long and how much it may take.
public struct HTTPRequest: Sendable {
    public enum Method: String, Sendable {
        case get = "GET"
        case head = "HEAD"
        case post = "POST"
        case put = "PUT"
        case patch = "PATCH"
        case delete = "DELETE"
    }

    public var method: Method
    /// An absolute http or https URL of visible ASCII characters, without user name or password.
    public var url: String
    /// Keep a value that many requests share, instead of building equal ones: libcurl's form of it is kept with it.
    public var headers: HTTPHeaders
    /// `nil` sends no body; POST, PUT and PATCH then send one of length 0.
    public var body: [UInt8]?

    /// The whole exchange, waiting for a connection and reading the body included. For a stream: until its head is
    /// there; what follows is limited by `idleTimeout` alone.
    public var deadline: Duration
    /// Until the request can be sent: waiting for a place among the connections of the host, name, TCP and TLS.
    public var connectTimeout: Duration
    /// The longest silence after the request was sent; `nil` leaves it to the deadline. Time in which a stream
    /// waits for its reader does not count.
    public var idleTimeout: Duration?

    /// Cookies that this request sends and sets; `nil` sends none and forgets what it is given.
    public var cookieJar: CookieJar?
    /// Largest body taken, measured after decompression. A longer one fails the request as `tooLarge`. For a
    /// stream: most bytes held for a reader that lags; then the transfer pauses.
    public var maximumResponseBytes: Int

    /// Whether the request must not reach the server twice.
    ///
    /// libcurl repeats a request by itself when a kept-alive connection dies before the first byte of an answer, and
    /// then reports only the second answer. With `sendOnce` the second sending is refused: the request fails with
    /// `notRepeated`, and whether the server acted on it is unknown. Without, the repetition stays; it is
    /// harmless for requests that change nothing.
    public var sendOnce: Bool

    /// - Parameter sendOnce: by default true for every method that may change something: all but GET and HEAD.
    public init(
        _ method: Method, _ url: String, headers: HTTPHeaders = HTTPHeaders(), body: [UInt8]? = nil,
        deadline: Duration = .seconds(30), connectTimeout: Duration = .seconds(10), idleTimeout: Duration? = nil,
        cookieJar: CookieJar? = nil, maximumResponseBytes: Int = 1 << 20, sendOnce: Bool? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.deadline = deadline
        self.connectTimeout = connectTimeout
        self.idleTimeout = idleTimeout
        self.cookieJar = cookieJar
        self.maximumResponseBytes = maximumResponseBytes
        self.sendOnce = sendOnce ?? (method != .get && method != .head)
    }
}
