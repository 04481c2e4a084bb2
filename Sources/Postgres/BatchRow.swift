/// Where an operation writes one caller's elements, one for each column in order.
///
/// The elements go straight into the array parameters that are sent; nothing is allocated for a row.
public struct BatchRow: ~Copyable {
    private let types: [PostgresType]
    private let buffers: [EncodingBuffer]
    private var nulls: [Bool]
    private var column = 0
    private(set) var count = 0

    init(_ types: [PostgresType]) {
        self.types = types
        buffers = types.map { _ in EncodingBuffer() }
        nulls = types.map { _ in false }
        removeAll()
    }

    mutating func removeAll() {
        for index in buffers.indices {
            buffers[index].removeAll()
            buffers[index].skip(EncodingBuffer.arrayHeader)
            nulls[index] = false
        }
        count = 0
    }

    /// Ends a caller's row.
    mutating func endRow(_ operation: BatchOperationCore) {
        precondition(column == types.count, "\(operation.name) wrote \(column) of \(types.count) columns")
        column = 0
        count += 1
    }

    /// Writes the headers and gives the arrays to a parameter list. Valid until the next append.
    func finish(into parameters: ParameterList) {
        for index in buffers.indices {
            let buffer = buffers[index]
            buffer.writeArrayHeader(types[index], at: 0, elements: count, hasNull: nulls[index])
            parameters.append(buffer.base, count: buffer.count)
        }
    }

    @inline(__always)
    private mutating func next(_ type: PostgresType) -> EncodingBuffer {
        precondition(column < types.count && types[column] == type, "column \(column) is not \(type)")
        let buffer = buffers[column]
        column += 1
        return buffer
    }

    // MARK: Elements

    public mutating func appendNull() {
        precondition(column < types.count, "there is no column \(column)")
        buffers[column].appendNull()
        nulls[column] = true
        column += 1
    }

    public mutating func append(_ value: Bool) { next(.bool).append(value) }
    public mutating func append(_ value: Int16) { next(.int2).append(value) }
    public mutating func append(_ value: Int32) { next(.int4).append(value) }
    public mutating func append(_ value: Int64) { next(.int8).append(value) }
    public mutating func append(_ value: Double) { next(.float8).append(value) }
    public mutating func append(_ value: String) { next(.text).append(value) }
    public mutating func append(bytes value: [UInt8]) {
        let buffer = next(.bytea)
        value.withUnsafeBytes { buffer.append($0) }
    }
    /// The 128 bits as a number, the first byte the most significant.
    public mutating func append(uuid value: UInt128) { next(.uuid).append(value) }
    /// Microseconds since 1970.
    public mutating func append(microseconds value: Int64) { next(.timestamptz).append(Timestamp.toServer(value)) }
    /// JSON text; the server checks it.
    public mutating func append(json value: String) { next(.jsonb).append(jsonb: value) }

    public mutating func append(_ value: Bool?) { if let value { append(value) } else { appendNull() } }
    public mutating func append(_ value: Int16?) { if let value { append(value) } else { appendNull() } }
    public mutating func append(_ value: Int32?) { if let value { append(value) } else { appendNull() } }
    public mutating func append(_ value: Int64?) { if let value { append(value) } else { appendNull() } }
    public mutating func append(_ value: Double?) { if let value { append(value) } else { appendNull() } }
    public mutating func append(_ value: String?) { if let value { append(value) } else { appendNull() } }
    public mutating func append(bytes value: [UInt8]?) { if let value { append(bytes: value) } else { appendNull() } }
    public mutating func append(uuid value: UInt128?) { if let value { append(uuid: value) } else { appendNull() } }
    public mutating func append(microseconds value: Int64?) {
        if let value { append(microseconds: value) } else { appendNull() }
    }
    public mutating func append(json value: String?) { if let value { append(json: value) } else { appendNull() } }
}
