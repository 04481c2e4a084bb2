/// A message while its frames arrive: method, header, bodies. No more than `limit` bytes of it are kept.
struct IncomingContent {
    enum Kind {
        case delivery(tag: UInt64, isRedelivered: Bool)
        case returned(code: Int, text: String)
    }

    let kind: Kind
    let limit: Int
    private(set) var header: ContentHeader?
    private(set) var body: [UInt8] = []
    private var received: UInt64 = 0

    init(_ kind: Kind, limit: Int) {
        self.kind = kind
        self.limit = limit
    }

    var isComplete: Bool { header.map { received == $0.bodySize } ?? false }

    mutating func take(header payload: UnsafeRawBufferPointer) throws(AMQPError) {
        guard header == nil else { throw FrameReader.malformed("a second header for one message") }
        header = try ContentHeader(payload)
    }

    mutating func take(body payload: UnsafeRawBufferPointer) throws(AMQPError) {
        guard let size = header?.bodySize, UInt64(payload.count) <= size - received else {
            throw FrameReader.malformed("more body than announced")
        }
        received += UInt64(payload.count)
        let kept = payload.prefix(limit - body.count)
        if body.isEmpty {
            // Most messages fit one frame: exactly one allocation, of the right size.
            body.reserveCapacity(Int(min(size, UInt64(limit))))
        }
        body.append(contentsOf: kept)
    }
}
