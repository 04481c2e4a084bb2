import CCurl
import Polling

/// The multi handle and its transfers. Touched on the loop's thread only; `HTTPTransport` is its isolation.
final class TransferEngine {
    /// Easy handles kept for later exchanges; each holds about 10 KiB.
    private static let idleTransfers = 1024
    /// Origins remembered without a transfer.
    private static let idleOrigins = 256
    /// Times in one turn that libcurl may ask to be called at once, before the loop looks at its sockets again.
    private static let roundsPerTurn = 8

    private let loop: PollExecutor
    private let settings: HTTPTransport.Settings
    private let multi: UnsafeMutableRawPointer
    private let sockets: CurlSockets
    private var hook: UInt64?
    private var isClosed = false

    private var transfers: [Transfer?] = []
    private var idle: [Transfer] = []
    private var freeSlots: [Int] = []
    private var nextID: UInt64 = 1
    private var count = 0
    private var origins: [OriginURL: HTTPOrigin] = [:]
    private var lastOrigin: HTTPOrigin?
    private var streams: [UInt64: StreamBuffer] = [:]

    private var deadlines = DeadlineHeap()
    /// libcurl asks to be called in this turn.
    private var isDue = false
    /// When libcurl asks to be called.
    private var curlAt = MonotonicTime.never
    private var alarm: PollTimer?
    private var alarmAt = MonotonicTime.never

    init(_ loop: PollExecutor, _ settings: HTTPTransport.Settings) {
        prepareCurl()
        guard let multi = curl_multi_init() else { preconditionFailure("no memory for transfers") }
        self.loop = loop
        self.settings = settings
        self.multi = multi
        sockets = CurlSockets(loop)
    }

    deinit {
        precondition(isClosed || hook == nil, "an HTTPTransport must be closed before it is dropped")
        if !isClosed { curl_multi_cleanup(multi) }
    }

    /// On the loop, before the first transfer.
    private func open() {
        hook = loop.addBeforeWait { [unowned self] in self.beforeWait() }
        sockets.ready = { [unowned self] descriptor, what in
            var running: Int32 = 0
            curl_multi_socket_action(self.multi, descriptor, what, &running)
            self.collect()
        }
        let me = Unmanaged.passUnretained(self).toOpaque()
        case_router_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_NOTHING))
        case_router_multi_set_long(multi, CURLMOPT_MAXCONNECTS, settings.keptConnections)
        case_router_multi_set_pointer(multi, CURLMOPT_SOCKETDATA, Unmanaged.passUnretained(sockets).toOpaque())
        case_router_multi_set_socket(multi) { _, descriptor, what, sockets, _ in
            CurlSockets.from(sockets).changed(descriptor, what)
            return 0
        }
        case_router_multi_set_pointer(multi, CURLMOPT_TIMERDATA, me)
        case_router_multi_set_timer(multi) { _, milliseconds, me in
            Unmanaged<TransferEngine>.fromOpaque(me!).takeUnretainedValue().setTimer(milliseconds)
            return 0
        }
    }

    // MARK: Begin and end

    /// Checks a request and gives it a transfer, which then has to be begun.
    func admit(_ request: HTTPRequest) throws(HTTPError) -> Transfer {
        let origin = origin(of: request.url)
        func refuse(_ kind: HTTPError.Kind, _ why: String) -> HTTPError {
            HTTPError(
                operation: Transfer.operation(request, origin?.url), kind: kind, detail: why, mayHaveBeenSent: false)
        }
        if isClosed { throw refuse(.closed, "") }
        guard let origin else { throw refuse(.invalidRequest, "not a usable http or https URL") }
        if !origin.url.isSecure && !settings.allowInsecure && !origin.url.isLoopback {
            throw refuse(.invalidRequest, "plain http is allowed to this machine only")
        }
        if !request.headers.areValid { throw refuse(.invalidRequest, "a header that may not be sent") }
        if count >= settings.maximumTransfers { throw refuse(.busy, "") }
        if hook == nil { open() }

        let transfer = takeTransfer()
        transfer.request = request
        transfer.origin = origin
        return transfer
    }

    /// Starts a transfer that `admit` gave, or lets it wait for a place.
    func begin(_ transfer: Transfer) {
        // Closed since it was admitted.
        if isClosed { return end(transfer, transfer.error(.closed)) }
        let now = MonotonicTime.now
        transfer.prepare(now)
        if let passed = transfer.checkTime(now) { return end(transfer, transfer.error(passed)) }
        deadlines.update(transfer)
        setAlarm()
        let origin = transfer.origin!
        if origin.active < settings.connectionsPerHost { start(transfer) } else { origin.append(transfer) }
    }

    func beginStream(_ transfer: Transfer, _ opening: StreamBuffer.Opening) {
        let stream = StreamBuffer(
            id: transfer.id, limit: max(1, transfer.request!.maximumResponseBytes), opening: opening)
        stream.transfer = transfer
        transfer.stream = stream
        streams[stream.id] = stream
        begin(transfer)
    }

    private func start(_ transfer: Transfer) {
        transfer.isRunning = true
        transfer.origin!.active += 1
        let code = curl_multi_add_handle(multi, transfer.easy)
        precondition(code == CURLM_OK, "libcurl does not take a transfer: \(code.rawValue)")
    }

    /// Ends a transfer from outside: its connection is closed, what waits for it is resumed at once.
    func end(_ transfer: Transfer, _ error: HTTPError) {
        if transfer.isRunning { curl_multi_remove_handle(multi, transfer.easy) }
        finish(transfer, .failure(error))
    }

    /// Ends the transfer of this id if it is under way. One that was admitted and not begun yet is left to its caller,
    /// who looks whether it is cancelled before it begins it.
    func cancel(slot: Int, id: UInt64) {
        guard slot < transfers.count, let transfer = transfers[slot], transfer.id == id, transfer.isAwaited else {
            return
        }
        end(transfer, transfer.error(.cancelled))
    }

    /// After libcurl has let the handle go.
    private func finish(_ transfer: Transfer, _ result: Result<Void, HTTPError>) {
        deadlines.remove(transfer)
        if let stream = transfer.stream {
            if !stream.finish(result.map { nil }) { streams[stream.id] = nil }
        } else {
            transfer.answer?.resume(returning: result.map { transfer.response })
            transfer.answer = nil
        }
        let origin = transfer.origin!
        let wasRunning = transfer.isRunning
        putBack(transfer)
        if wasRunning { origin.active -= 1 } else { origin.abandonOne() }
        while !isClosed && origin.active < settings.connectionsPerHost, let next = origin.popFirst() { start(next) }
    }

    func close() {
        if isClosed { return }
        isClosed = true
        for case .some(let transfer) in transfers where transfer.id != 0 && transfer.isAwaited {
            end(transfer, transfer.error(.closed))
        }
        if let hook { loop.removeHook(hook) }
        alarm?.cancel()
        idle = []
        transfers = []
        // Closes the kept connections through `sockets`.
        curl_multi_cleanup(multi)
    }

    // MARK: Streams

    func nextChunk(_ id: UInt64) -> StreamBuffer.Next {
        guard let stream = streams[id] else { return .value(.success(nil), isLast: true) }
        let next = stream.next()
        if case .value(_, isLast: true) = next { streams[id] = nil }
        if let transfer = stream.transfer, stream.takeResumption() {
            transfer.noteActivity()
            curl_easy_pause(transfer.easy, CURLPAUSE_CONT)
        }
        return next
    }

    func waitForChunk(_ id: UInt64, _ reader: StreamBuffer.Reading) { streams[id]!.wait(reader) }

    func closeStream(_ id: UInt64, _ kind: HTTPError.Kind) {
        guard let stream = streams[id] else { return }
        if let transfer = stream.transfer { end(transfer, transfer.error(kind)) }
        streams[id] = nil
    }

    // MARK: Transfers and origins

    private func takeTransfer() -> Transfer {
        count += 1
        let transfer: Transfer
        if let kept = idle.popLast() {
            transfer = kept
        } else {
            let slot = freeSlots.popLast() ?? transfers.count
            if slot == transfers.count { transfers.append(nil) }
            transfer = Transfer(
                slot: slot, settings: settings, sockets: Unmanaged.passUnretained(sockets).toOpaque())
            transfers[slot] = transfer
        }
        transfer.id = nextID
        nextID += 1
        return transfer
    }

    private func putBack(_ transfer: Transfer) {
        count -= 1
        transfer.reset()
        if idle.count < Self.idleTransfers {
            idle.append(transfer)
        } else {
            transfers[transfer.slot] = nil
            freeSlots.append(transfer.slot)
        }
    }

    private func origin(of url: String) -> HTTPOrigin? {
        if let lastOrigin, lastOrigin.url.isOrigin(of: url) { return lastOrigin }
        guard let key = OriginURL(of: url) else { return nil }
        if let known = origins[key] {
            lastOrigin = known
            return known
        }
        if origins.count >= Self.idleOrigins { origins = origins.filter { !$0.value.isUnused } }
        let origin = HTTPOrigin(key)
        origins[key] = origin
        // Replaced together with the dictionary, so that it is never one that was forgotten there.
        lastOrigin = origin
        return origin
    }

    // MARK: The loop

    private func collect() {
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
            let code = case_router_message_code(message)
            let transfer = Transfer.from(case_router_get_private(easy))
            let result: Result<Void, HTTPError> = code == CURLE_OK ? .success(()) : .failure(transfer.error(code))
            curl_multi_remove_handle(multi, easy)
            finish(transfer, result)
        }
    }

    private func setTimer(_ milliseconds: Int) {
        isDue = milliseconds == 0
        curlAt = milliseconds > 0 ? MonotonicTime.now + .milliseconds(milliseconds) : .never
        if milliseconds > 0 { setAlarm() }
    }

    /// Runs libcurl for the transfers that this turn has begun.
    private func beforeWait() {
        var rounds = 0
        while isDue && rounds < Self.roundsPerTurn {
            runDue()
            rounds += 1
        }
        if isDue { loop.schedule(after: .zero) {} }
    }

    private func runDue() {
        isDue = false
        curlAt = .never
        var running: Int32 = 0
        curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running)
        collect()
    }

    /// One timer for libcurl's times and the transfers' limits. A later time is only seen when it fires.
    private func setAlarm() {
        let at = min(curlAt, deadlines.first?.wakeAt ?? .never)
        if at >= alarmAt { return }
        alarm?.cancel()
        alarmAt = at
        alarm = loop.schedule(after: max(.zero, at - .now)) { [unowned self] in self.wake() }
    }

    private func wake() {
        alarmAt = .never
        let now = MonotonicTime.now
        if curlAt <= now { runDue() }
        while let transfer = deadlines.first, transfer.wakeAt <= now {
            if let passed = transfer.checkTime(now) {
                end(transfer, transfer.error(passed, code: CURLE_OPERATION_TIMEDOUT))
            } else if transfer.wakeAt == .never {
                deadlines.remove(transfer)
            } else {
                deadlines.update(transfer)
            }
        }
        setAlarm()
    }
}
