import CCurl
import Polling

/// One easy handle and the exchange it serves; the handle outlives the exchange and serves the next.
///
/// Touched on the loop's thread only, like everything below `HTTPTransport`.
final class Transfer {
    /// Largest head taken, interim answers included. Real ones have 1–4 KiB; cookies and tokens make some of 16.
    static let maximumHeadBytes = 64 << 10
    /// Buffers that grew beyond this are not kept for the next exchange.
    private static let keptBytes = 64 << 10

    private static let statusLine = Array("HTTP/".utf8)

    let easy: UnsafeMutableRawPointer
    let slot: Int
    /// Names the exchange; 0 while there is none. Never used again, so a late cancellation meets nobody else.
    var id: UInt64 = 0
    var request: HTTPRequest?
    var origin: HTTPOrigin?
    /// Whether it is with libcurl, or waits for a place among the connections of its host.
    var isRunning = false

    var answer: CheckedContinuation<Result<HTTPResponse, HTTPError>, Never>?
    var stream: StreamBuffer?

    private var deadlineAt = MonotonicTime.never
    private var connectAt = MonotonicTime.never
    private var idleTimeout: Duration?
    private var lastActivity = MonotonicTime.never
    /// When to look at the time limits again, and the place in the heap ordered by it.
    var wakeAt = MonotonicTime.never
    var heapIndex = -1

    /// How often libcurl was about to send the request.
    private(set) var sendings = 0
    private(set) var repeatRefused = false
    private(set) var isTooLarge = false
    private var head: [UInt8] = []
    private var headBytes = 0
    private var isHeadWhole = false
    private var body: [UInt8] = []

    // What the easy handle is set to, so that only differences are set.
    private var url = ""
    private var method: HTTPRequest.Method?
    private var sendsBody = false
    private var headers: CurlList?
    private var connectTimeout = Duration.zero
    private var decompresses = false
    /// libcurl holds its share until another one is set, so this does too.
    private var jar: CookieJar?
    private var outgoing: UnsafeMutableRawBufferPointer
    private let errorText: UnsafeMutablePointer<CChar>

    init(slot: Int, settings: HTTPTransport.Settings, sockets: UnsafeMutableRawPointer) {
        guard let easy = curl_easy_init() else { preconditionFailure("no memory for a transfer") }
        self.easy = easy
        self.slot = slot
        outgoing = .allocate(byteCount: 1024, alignment: 1)
        errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        errorText[0] = 0
        configureCurl(easy, settings, sockets: sockets)
        let me = Unmanaged.passUnretained(self).toOpaque()
        case_router_set_pointer(easy, CURLOPT_PRIVATE, me)
        case_router_set_pointer(easy, CURLOPT_ERRORBUFFER, errorText)
        case_router_set_pointer(easy, CURLOPT_PREREQDATA, me)
        case_router_set_prerequest(easy) { me, _, _, _, _ in Transfer.from(me).willSend() }
        case_router_set_pointer(easy, CURLOPT_HEADERDATA, me)
        case_router_set_receiver(easy, CURLOPT_HEADERFUNCTION) { bytes, size, count, me in
            Transfer.from(me).receiveHead(UnsafeRawBufferPointer(start: bytes, count: size * count))
        }
        case_router_set_pointer(easy, CURLOPT_WRITEDATA, me)
        case_router_set_receiver(easy, CURLOPT_WRITEFUNCTION) { bytes, size, count, me in
            Transfer.from(me).receiveBody(UnsafeRawBufferPointer(start: bytes, count: size * count))
        }
    }

    deinit {
        curl_easy_cleanup(easy)
        outgoing.deallocate()
        errorText.deallocate()
    }

    static func from(_ pointer: UnsafeMutableRawPointer?) -> Transfer {
        Unmanaged<Transfer>.fromOpaque(pointer!).takeUnretainedValue()
    }

    // MARK: Before and after

    /// Sets the handle to the request; its time begins.
    func prepare(_ now: MonotonicTime) {
        let request = request!
        deadlineAt = now + request.deadline
        connectAt = now + request.connectTimeout
        idleTimeout = request.idleTimeout
        lastActivity = now
        if url != request.url {
            url = request.url
            case_router_set_string(easy, CURLOPT_URL, url)
        }
        setMethod(request)
        if headers !== request.headers.list {
            // libcurl reads the list during the transfer: it is held until another one is set.
            headers = request.headers.list
            case_router_set_headers(easy, request.headers.list.first)
        }
        if connectTimeout != request.connectTimeout {
            connectTimeout = request.connectTimeout
            // The limit itself is ours; told of it, libcurl leaves time for the second address of a name.
            case_router_set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, connectTimeout.wholeMilliseconds)
        }
        if decompresses != (stream == nil) {
            decompresses = stream == nil
            // A compressing proxy would hold back the events of a stream.
            case_router_set_string(easy, CURLOPT_ACCEPT_ENCODING, decompresses ? "gzip" : nil)
        }
        if jar !== request.cookieJar { use(request.cookieJar) }
    }

    private func use(_ new: CookieJar?) {
        if jar != nil {
            // In this order: else the handle would begin cookies of its own, for whoever uses it next.
            case_router_set_string(easy, CURLOPT_COOKIEFILE, nil)
            case_router_set_share(easy, nil)
        }
        jar = new
        guard let new else { return }
        case_router_set_share(easy, new.share)
        // libcurl uses the shared cookies only with its cookie engine on, which a file without a name does.
        case_router_set_string(easy, CURLOPT_COOKIEFILE, "")
    }

    private func setMethod(_ request: HTTPRequest) {
        let method = request.method
        let sendsBody = request.body != nil || method == .post || method == .put || method == .patch
        if self.method != method || self.sendsBody != sendsBody {
            self.method = method
            self.sendsBody = sendsBody
            case_router_set_long(easy, CURLOPT_NOBODY, 0)
            case_router_set_long(easy, sendsBody ? CURLOPT_POST : CURLOPT_HTTPGET, 1)
            if method == .head && !sendsBody { case_router_set_long(easy, CURLOPT_NOBODY, 1) }
            case_router_set_string(easy, CURLOPT_CUSTOMREQUEST, method.rawValue)
        }
        if !sendsBody { return }
        // libcurl does not copy a body given by pointer, so it gets memory that stays in place.
        let count = request.body?.count ?? 0
        if outgoing.count < count {
            outgoing.deallocate()
            outgoing = .allocate(byteCount: count, alignment: 1)
        }
        request.body?.withUnsafeBytes { outgoing.copyMemory(from: $0) }
        case_router_set_size(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(count))
        case_router_set_pointer(easy, CURLOPT_POSTFIELDS, outgoing.baseAddress)
    }

    /// Whether somebody waits for its answer or its stream, which is so from just before it begins.
    var isAwaited: Bool { answer != nil || stream != nil }

    /// Forgets the exchange.
    func reset() {
        request = nil
        origin = nil
        stream = nil
        id = 0
        isRunning = false
        sendings = 0
        repeatRefused = false
        isTooLarge = false
        isHeadWhole = false
        headBytes = 0
        wakeAt = .never
        errorText[0] = 0
        head.removeAll(keepingCapacity: true)
        body.removeAll(keepingCapacity: body.capacity <= Self.keptBytes)
        if outgoing.count > Self.keptBytes {
            outgoing.deallocate()
            outgoing = .allocate(byteCount: 1024, alignment: 1)
        }
    }

    /// Copies of just the size, so that the buffers stay for the next exchange.
    var response: HTTPResponse {
        HTTPResponse(status: status, headers: responseHeaders, body: body.withUnsafeBytes(Array.init))
    }

    private var status: Int { case_router_get_long(easy, CURLINFO_RESPONSE_CODE) }
    private var responseHeaders: HTTPResponseHeaders { HTTPResponseHeaders(head: head.withUnsafeBytes(Array.init)) }

    // MARK: Errors

    /// Method and host, for errors.
    static func operation(_ request: HTTPRequest, _ origin: OriginURL?) -> String {
        "\(request.method.rawValue) \(origin?.authority ?? "(no host)")"
    }

    func error(_ kind: HTTPError.Kind, code: CURLcode = CURLE_OK, detail: String = "") -> HTTPError {
        HTTPError(
            operation: request.map { Self.operation($0, origin?.url) } ?? "", kind: kind,
            code: Int32(code.rawValue), detail: detail, mayHaveBeenSent: sendings > 0)
    }

    /// The error for libcurl's result.
    func error(_ code: CURLcode) -> HTTPError {
        if repeatRefused { return error(.notRepeated, code: code) }
        if isTooLarge { return error(.tooLarge, code: code) }
        let systemError = Int32(case_router_get_long(easy, CURLINFO_OS_ERRNO))
        let kind = kindOfFailure(code, systemError: systemError, sent: sendings > 0)
        // Before the request is sent libcurl's words are about names, addresses and certificates; after, they may
        // quote what the server sent.
        let words =
            sendings == 0 && errorText[0] != 0 ? String(cString: errorText) : String(cString: curl_easy_strerror(code))
        return error(kind, code: code, detail: words)
    }

    // MARK: What libcurl calls

    private func willSend() -> Int32 {
        if sendings > 0 && request!.sendOnce {
            repeatRefused = true
            return CURL_PREREQFUNC_ABORT
        }
        sendings += 1
        noteActivity()
        return CURL_PREREQFUNC_OK
    }

    private func receiveHead(_ line: UnsafeRawBufferPointer) -> Int {
        // What follows the body (trailers) is not part of the head.
        if isHeadWhole { return line.count }
        noteActivity()
        headBytes += line.count
        if headBytes > Self.maximumHeadBytes {
            isTooLarge = true
            return 0
        }
        if line.starts(with: Self.statusLine) { head.removeAll(keepingCapacity: true) }
        head.append(contentsOf: line)
        let isLast = line.count <= 2 && (line.first == UInt8(ascii: "\r") || line.first == UInt8(ascii: "\n"))
        if isLast && status >= 200 {
            isHeadWhole = true
            stream?.open(status: status, headers: responseHeaders)
        }
        return line.count
    }

    private func receiveBody(_ bytes: UnsafeRawBufferPointer) -> Int {
        if let stream {
            if !stream.take(bytes) { return Int(CURL_WRITEFUNC_PAUSE) }
            noteActivity()
            return bytes.count
        }
        noteActivity()
        if body.count + bytes.count > request!.maximumResponseBytes {
            isTooLarge = true
            return 0
        }
        body.append(contentsOf: bytes)
        return bytes.count
    }

    // MARK: Time

    /// Begins the idle time anew.
    func noteActivity() { if idleTimeout != nil { lastActivity = .now } }

    /// Which limit has passed, or else when to look again.
    func checkTime(_ now: MonotonicTime) -> HTTPError.Kind? {
        var next = MonotonicTime.never
        if stream == nil || !isHeadWhole {
            if deadlineAt <= now { return .deadline }
            next = deadlineAt
        }
        if sendings == 0 {
            if connectAt <= now { return .cannotConnect }
            next = min(next, connectAt)
        }
        if let idleTimeout {
            if sendings == 0 || stream?.isPaused == true { lastActivity = now }
            let idleAt = lastActivity + idleTimeout
            if idleAt <= now { return .idle }
            next = min(next, idleAt)
        }
        wakeAt = next
        return nil
    }
}

extension MonotonicTime {
    /// Later than every other time.
    static let never = MonotonicTime.now + .seconds(Int64.max)
}

extension Duration {
    /// At least 1, at most a day: for libcurl, to which 0 means its own default.
    fileprivate var wholeMilliseconds: Int {
        let (seconds, attoseconds) = components
        if seconds >= 86_400 { return 86_400_000 }
        return Int(max(1, seconds * 1000 + attoseconds / 1_000_000_000_000_000))
    }
}
