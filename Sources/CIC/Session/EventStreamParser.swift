import Glibc

/// Takes the data of server-sent events out of the bytes of a stream, in pieces as they come.
///
/// Of the format (HTML, 9.2.6) only `data` matters to ICWS; comments such as `:ping`, `id`, `event` and `retry` are passed
/// over. A single event can be a full listing of tens of megabytes, so its bytes are kept once.
struct EventStreamParser {
    struct TooLarge: Error {}

    /// A buffer that grew beyond this is not kept for the next event.
    private static let keptBytes = 64 << 10

    let maximumBytes: Int
    private var data: [UInt8] = []
    private var hasData = false
    /// The beginning of the line, until it tells what the line is.
    private var head: [UInt8] = []
    private var line = Line.undecided
    private var endedByReturn = false

    private enum Line { case undecided, data, other }
    private static let field = Array("data:".utf8)

    init(maximumBytes: Int) { self.maximumBytes = maximumBytes }

    /// Reads a piece and hands over the data of every event that is whole now.
    ///
    /// - Throws: `TooLarge`, after which the stream is of no use.
    mutating func append(_ piece: [UInt8], event: ([UInt8]) -> Void) throws(TooLarge) {
        var index = 0
        while index < piece.count {
            if endedByReturn {
                endedByReturn = false
                if piece[index] == UInt8(ascii: "\n") {
                    index += 1
                    continue
                }
            }
            let end = Self.endOfLine(piece, from: index)
            try take(piece[index..<end])
            guard end < piece.count else { return }
            endedByReturn = piece[end] == UInt8(ascii: "\r")
            endLine(event)
            index = end + 1
        }
    }

    /// Where the next line feed or carriage return stands; the end when there is none.
    private static func endOfLine(_ piece: [UInt8], from index: Int) -> Int {
        piece.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return 0 }
            let feed = memchr(base + index, 0x0A, bytes.count - index).map { base.distance(to: $0) } ?? bytes.count
            return memchr(base + index, 0x0D, feed - index).map { base.distance(to: $0) } ?? feed
        }
    }

    private mutating func take(_ bytes: ArraySlice<UInt8>) throws(TooLarge) {
        var bytes = bytes
        if line == .undecided {
            while head.count <= Self.field.count, let byte = bytes.first {
                head.append(byte)
                bytes.removeFirst()
            }
            if head.count > Self.field.count { decide() }
        }
        guard line == .data else { return }
        guard data.count + bytes.count <= maximumBytes else { throw TooLarge() }
        data.append(contentsOf: bytes)
    }

    /// `head` holds the name, the colon and one byte more, a blank of which does not count.
    private mutating func decide() {
        guard head.starts(with: Self.field) else {
            line = .other
            return
        }
        line = .data
        if hasData { data.append(UInt8(ascii: "\n")) }
        hasData = true
        if head.count > Self.field.count, head[Self.field.count] != UInt8(ascii: " ") {
            data.append(head[Self.field.count])
        }
    }

    private mutating func endLine(_ event: ([UInt8]) -> Void) {
        if line == .undecided {
            if head.isEmpty {
                if hasData { event(data) }
                data.removeAll(keepingCapacity: data.capacity <= Self.keptBytes)
                hasData = false
            } else if head == Self.field {
                decide()
            }
        }
        head.removeAll(keepingCapacity: true)
        line = .undecided
    }
}
