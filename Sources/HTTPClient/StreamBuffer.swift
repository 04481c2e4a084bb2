import CCurl
import DequeModule

/// What has come of a stream and was not read yet. It outlives the transfer until the reader has seen the end.
final class StreamBuffer {
    typealias Opening = CheckedContinuation<Result<Head, HTTPError>, Never>
    typealias Reading = CheckedContinuation<Result<[UInt8]?, HTTPError>, Never>

    struct Head: Sendable {
        let status: Int
        let headers: HTTPResponseHeaders
    }

    let id: UInt64
    private let limit: Int
    private var chunks: Deque<[UInt8]> = []
    private var bytes = 0
    private(set) var isPaused = false
    private var end: Result<[UInt8]?, HTTPError>?
    private var opening: Opening?
    private var reader: Reading?
    /// `nil` once the exchange has ended.
    var transfer: Transfer?

    init(id: UInt64, limit: Int, opening: Opening) {
        self.id = id
        self.limit = limit
        self.opening = opening
    }

    func open(status: Int, headers: HTTPResponseHeaders) {
        opening?.resume(returning: .success(Head(status: status, headers: headers)))
        opening = nil
    }

    /// Takes what came, or says that the reader lags too far.
    func take(_ data: UnsafeRawBufferPointer) -> Bool {
        if bytes >= limit {
            isPaused = true
            return false
        }
        let chunk = Array(data)
        if let reader {
            self.reader = nil
            reader.resume(returning: .success(chunk))
        } else {
            chunks.append(chunk)
            bytes += chunk.count
        }
        return true
    }

    /// The exchange is over. Returns false where the reader will not come for the news because it has it.
    func finish(_ result: Result<[UInt8]?, HTTPError>) -> Bool {
        transfer = nil
        if let opening {
            self.opening = nil
            switch result {
            case .success: preconditionFailure("a stream ended well without a head")
            case .failure(let error): opening.resume(returning: .failure(error))
            }
            return false
        }
        if let reader {
            self.reader = nil
            reader.resume(returning: result)
            return false
        }
        end = result
        return true
    }

    enum Next {
        case value(Result<[UInt8]?, HTTPError>, isLast: Bool)
        case wait
    }

    func next() -> Next {
        if let chunk = chunks.popFirst() {
            bytes -= chunk.count
            return .value(.success(chunk), isLast: false)
        }
        if let end { return .value(end, isLast: true) }
        return .wait
    }

    func wait(_ reader: Reading) {
        precondition(self.reader == nil, "a stream has one reader")
        self.reader = reader
    }

    /// Whether the transfer may go on.
    func takeResumption() -> Bool {
        if !isPaused || bytes > limit / 2 { return false }
        isPaused = false
        return true
    }
}
