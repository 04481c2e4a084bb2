/// An answer whose body is read while it arrives, in pieces as they come, for one reader.
///
/// When the reader lags by `HTTPRequest.maximumResponseBytes`, the server is no longer read from. Cancelling the
/// reader, `close()` and dropping the stream end the exchange and close its connection.
public final class HTTPStream: AsyncSequence, Sendable {
    public typealias Element = [UInt8]
    public typealias Failure = HTTPError

    public let status: Int
    public let headers: HTTPResponseHeaders
    private let transport: HTTPTransport
    private let id: UInt64

    init(_ transport: HTTPTransport, _ id: UInt64, _ head: StreamBuffer.Head) {
        self.transport = transport
        self.id = id
        status = head.status
        headers = head.headers
    }

    deinit {
        // A deinitialiser cannot wait; the task only carries the news to the loop.
        Task(executorPreference: transport.loop) { [transport, id] in await transport.closeStream(id, .closed) }
    }

    /// Ends the stream; a reader that waits gets `closed`.
    public func close() async { await transport.closeStream(id, .closed) }

    public func makeAsyncIterator() -> Iterator { Iterator(stream: self) }

    public struct Iterator: AsyncIteratorProtocol {
        let stream: HTTPStream

        /// The next piece, never empty; `nil` after the last. After an error there is nothing more.
        ///
        /// On an actor of the transport's loop this costs no switch of threads.
        public mutating func next(
            isolation actor: isolated (any Actor)? = #isolation
        ) async throws(HTTPError) -> [UInt8]? {
            try await stream.transport.nextChunk(stream.id).get()
        }
    }
}
