import Polling

/// HTTP/1.1 over libcurl on a `PollExecutor`: thousands of exchanges on one thread, connections kept alive.
///
/// It follows no redirect, repeats nothing (see `HTTPRequest.sendOnce`), knows no proxy, and verifies TLS ≥ 1.2 always.
/// Plain http is refused except to this machine. Close it before it is dropped.
public actor HTTPTransport {
    /// What is trusted to sign a server's certificate.
    public enum Trust: Sendable {
        case system
        /// Only the certificates in this PEM file.
        case file(String)
        /// The system's and those in this PEM file.
        case systemAndFile(String)
    }

    public struct Settings: Sendable {
        public var userAgent: String
        public var trust: Trust
        /// Exchanges with one host and port at a time, each on a connection of its own; the others wait.
        public var connectionsPerHost: Int
        /// Connections kept, all hosts together; beyond that the one longest idle is closed.
        public var keptConnections: Int
        /// Exchanges under way and waiting; one more fails as `busy`.
        public var maximumTransfers: Int
        /// Allows plain http beyond this machine.
        public var allowInsecure: Bool

        public init(
            userAgent: String = "CaseRouter", trust: Trust = .system, connectionsPerHost: Int = 256,
            keptConnections: Int = 1024, maximumTransfers: Int = 10_000, allowInsecure: Bool = false
        ) {
            self.userAgent = userAgent
            self.trust = trust
            self.connectionsPerHost = max(1, connectionsPerHost)
            self.keptConnections = max(1, keptConnections)
            self.maximumTransfers = maximumTransfers
            self.allowInsecure = allowInsecure
        }
    }

    public nonisolated let loop: PollExecutor
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    private let engine: TransferEngine

    public init(on loop: PollExecutor, settings: Settings = Settings()) {
        self.loop = loop
        engine = TransferEngine(loop, settings)
    }

    /// Sends a request and waits for the whole answer, whatever its status.
    ///
    /// A cancelled caller is resumed at once; the exchange ends there and its connection is closed.
    public func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
        let transfer = try engine.admit(request)
        let (slot, id) = (transfer.slot, transfer.id)
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                transfer.answer = continuation
                if Task.isCancelled { return engine.end(transfer, transfer.error(.cancelled)) }
                engine.begin(transfer)
            }
        } onCancel: {
            // A handler of cancellation runs on any thread and cannot wait; the task only carries it to the loop, past
            // a thread pool that may be busy.
            Task(executorPreference: loop) { await self.cancel(slot, id) }
        }
        return try result.get()
    }

    /// Sends a request and returns when the head of the answer is there, whatever its status.
    ///
    /// The body follows while it arrives. The deadline covers the time until the head; after that only the idle
    /// time-out ends a stream that its server leaves open.
    public func stream(_ request: HTTPRequest) async throws(HTTPError) -> HTTPStream {
        let transfer = try engine.admit(request)
        let (slot, id) = (transfer.slot, transfer.id)
        let result: Result<StreamBuffer.Head, HTTPError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                engine.beginStream(transfer, continuation)
                if Task.isCancelled { engine.cancel(slot: slot, id: id) }
            }
        } onCancel: {
            // As in `send`.
            Task(executorPreference: loop) { await self.cancel(slot, id) }
        }
        let head = try result.get()
        return HTTPStream(self, id, head)
    }

    /// Forgets the cookies of a session that goes on.
    public func clear(_ jar: CookieJar) { jar.clear() }

    /// Ends every exchange (`closed`) and closes every connection. Requests that come later fail as `closed`.
    public func close() { engine.close() }

    private func cancel(_ slot: Int, _ id: UInt64) { engine.cancel(slot: slot, id: id) }

    // MARK: For streams

    func nextChunk(_ id: UInt64) async -> Result<[UInt8]?, HTTPError> {
        if case .value(let value, _) = engine.nextChunk(id) { return value }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                // Getting here may have taken a turn of the loop, in which a piece came or the stream ended.
                if case .value(let value, _) = engine.nextChunk(id) { return continuation.resume(returning: value) }
                engine.waitForChunk(id, continuation)
                if Task.isCancelled { engine.closeStream(id, .cancelled) }
            }
        } onCancel: {
            // As in `send`.
            Task(executorPreference: loop) { await self.closeStream(id, .cancelled) }
        }
    }

    func closeStream(_ id: UInt64, _ kind: HTTPError.Kind) { engine.closeStream(id, kind) }
}
