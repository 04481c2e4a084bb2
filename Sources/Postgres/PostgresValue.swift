/// A parameter of a single statement. It is always sent apart from the text, in binary.
public enum PostgresValue: Hashable, Sendable {
    /// NULL of whatever type the statement expects there.
    case null
    case bool(Bool)
    case int2(Int16)
    case int4(Int32)
    case int8(Int64)
    case float8(Double)
    case text(String)
    case bytea([UInt8])
    /// The 128 bits as a number, the first byte the most significant.
    case uuid(UInt128)
    /// Microseconds since 1970, UTC; `Int64.max` and `Int64.min` are infinity and -infinity.
    case timestamptz(Int64)
    /// JSON text. The server checks it.
    case jsonb(String)

    case boolArray([Bool?])
    case int2Array([Int16?])
    case int4Array([Int32?])
    case int8Array([Int64?])
    case float8Array([Double?])
    case textArray([String?])
    case byteaArray([[UInt8]?])
    case uuidArray([UInt128?])
    case timestamptzArray([Int64?])
    case jsonbArray([String?])
    /// Days since 1970. The planner sees which they are, so that it opens no other partitions.
    case dateArray([Int32?])

    /// The type told to the server; 0 lets it choose.
    var oid: UInt32 {
        switch self {
        case .null: 0
        case .bool: PostgresType.bool.oid
        case .int2: PostgresType.int2.oid
        case .int4: PostgresType.int4.oid
        case .int8: PostgresType.int8.oid
        case .float8: PostgresType.float8.oid
        case .text: PostgresType.text.oid
        case .bytea: PostgresType.bytea.oid
        case .uuid: PostgresType.uuid.oid
        case .timestamptz: PostgresType.timestamptz.oid
        case .jsonb: PostgresType.jsonb.oid
        case .boolArray: PostgresType.bool.arrayOID
        case .int2Array: PostgresType.int2.arrayOID
        case .int4Array: PostgresType.int4.arrayOID
        case .int8Array: PostgresType.int8.arrayOID
        case .float8Array: PostgresType.float8.arrayOID
        case .textArray: PostgresType.text.arrayOID
        case .byteaArray: PostgresType.bytea.arrayOID
        case .uuidArray: PostgresType.uuid.arrayOID
        case .timestamptzArray: PostgresType.timestamptz.arrayOID
        case .jsonbArray: PostgresType.jsonb.arrayOID
        case .dateArray: PostgresType.date.arrayOID
        }
    }

    /// Appends length and bytes.
    func encode(into buffer: EncodingBuffer) {
        switch self {
        case .null: buffer.appendNull()
        case .bool(let value): buffer.append(value)
        case .int2(let value): buffer.append(value)
        case .int4(let value): buffer.append(value)
        case .int8(let value): buffer.append(value)
        case .float8(let value): buffer.append(value)
        case .text(let value): buffer.append(value)
        case .bytea(let value): value.withUnsafeBytes { buffer.append($0) }
        case .uuid(let value): buffer.append(value)
        case .timestamptz(let value): buffer.append(Timestamp.toServer(value))
        case .jsonb(let value): buffer.append(jsonb: value)
        case .boolArray(let values): buffer.appendArray(.bool, values) { buffer.append($0) }
        case .int2Array(let values): buffer.appendArray(.int2, values) { buffer.append($0) }
        case .int4Array(let values): buffer.appendArray(.int4, values) { buffer.append($0) }
        case .int8Array(let values): buffer.appendArray(.int8, values) { buffer.append($0) }
        case .float8Array(let values): buffer.appendArray(.float8, values) { buffer.append($0) }
        case .textArray(let values): buffer.appendArray(.text, values) { buffer.append($0) }
        case .byteaArray(let values):
            buffer.appendArray(.bytea, values) { $0.withUnsafeBytes { buffer.append($0) } }
        case .uuidArray(let values): buffer.appendArray(.uuid, values) { buffer.append($0) }
        case .timestamptzArray(let values):
            buffer.appendArray(.timestamptz, values) { buffer.append(Timestamp.toServer($0)) }
        case .jsonbArray(let values): buffer.appendArray(.jsonb, values) { buffer.append(jsonb: $0) }
        case .dateArray(let values): buffer.appendArray(.date, values) { buffer.append(Day.toServer($0)) }
        }
    }
}

extension EncodingBuffer {
    /// Bytes before the elements of an array of one dimension: dimensions, flags, element type, length, lower bound.
    static let arrayHeader = 20

    fileprivate func appendArray<Element>(
        _ type: PostgresType, _ values: [Element?], _ appendElement: (Element) -> Void
    ) {
        let start = count
        skip(4)
        let header = count
        skip(values.isEmpty ? 12 : Self.arrayHeader)
        var hasNull = false
        for value in values {
            if let value {
                appendElement(value)
            } else {
                appendNull()
                hasNull = true
            }
        }
        writeArrayHeader(type, at: header, elements: values.count, hasNull: hasNull)
        store(Int32(count - header), at: start)
    }

    func writeArrayHeader(_ type: PostgresType, at offset: Int, elements: Int, hasNull: Bool) {
        store(elements == 0 ? 0 : 1, at: offset)
        store(hasNull ? 1 : 0, at: offset + 4)
        store(Int32(bitPattern: type.oid), at: offset + 8)
        if elements == 0 { return }
        store(Int32(elements), at: offset + 12)
        store(1, at: offset + 16)
    }
}
