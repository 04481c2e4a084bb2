/// Arrays of one dimension. The plain accessors refuse a NULL element; those that name optionals give it as nil.
extension PostgresRow {
    public func boolArray(_ column: Int) throws(PostgresError) -> [Bool] { try whole(column, optionalBools(column)) }
    public func int16Array(_ column: Int) throws(PostgresError) -> [Int16] {
        try whole(column, optionalInt16s(column))
    }
    public func int32Array(_ column: Int) throws(PostgresError) -> [Int32] {
        try whole(column, optionalInt32s(column))
    }
    public func int64Array(_ column: Int) throws(PostgresError) -> [Int64] {
        try whole(column, optionalInt64s(column))
    }
    public func doubleArray(_ column: Int) throws(PostgresError) -> [Double] {
        try whole(column, optionalDoubles(column))
    }
    public func textArray(_ column: Int) throws(PostgresError) -> [String] { try whole(column, optionalTexts(column)) }
    public func bytesArray(_ column: Int) throws(PostgresError) -> [[UInt8]] {
        try whole(column, optionalBytesElements(column))
    }
    public func uuidArray(_ column: Int) throws(PostgresError) -> [UInt128] { try whole(column, optionalUUIDs(column)) }
    public func microsecondsArray(_ column: Int) throws(PostgresError) -> [Int64] {
        try whole(column, optionalMicrosecondsElements(column))
    }
    public func jsonArray(_ column: Int) throws(PostgresError) -> [String] { try whole(column, optionalJSONs(column)) }

    public func optionalBools(_ column: Int) throws(PostgresError) -> [Bool?] {
        try array(column, .bool, Bool.init(binary:))
    }
    public func optionalInt16s(_ column: Int) throws(PostgresError) -> [Int16?] {
        try array(column, .int2, Int16.init(binary:))
    }
    public func optionalInt32s(_ column: Int) throws(PostgresError) -> [Int32?] {
        try array(column, .int4, Int32.init(binary:))
    }
    public func optionalInt64s(_ column: Int) throws(PostgresError) -> [Int64?] {
        try array(column, .int8, Int64.init(binary:))
    }
    public func optionalDoubles(_ column: Int) throws(PostgresError) -> [Double?] {
        try array(column, .float8, Double.init(binary:))
    }
    public func optionalTexts(_ column: Int) throws(PostgresError) -> [String?] {
        try array(column, .text, String.init(binary:))
    }
    public func optionalBytesElements(_ column: Int) throws(PostgresError) -> [[UInt8]?] {
        try array(column, .bytea, [UInt8].init(binary:))
    }
    public func optionalUUIDs(_ column: Int) throws(PostgresError) -> [UInt128?] {
        try array(column, .uuid, UInt128.init(binary:))
    }
    public func optionalMicrosecondsElements(_ column: Int) throws(PostgresError) -> [Int64?] {
        try array(column, .timestamptz, Int64.init(binary:)).map { $0.map(Timestamp.fromServer) }
    }
    public func optionalJSONs(_ column: Int) throws(PostgresError) -> [String?] {
        try array(column, .jsonb, String.init(jsonb:))
    }

    private func array<Element>(
        _ column: Int, _ type: PostgresType, _ read: (UnsafeRawBufferPointer) -> Element?
    ) throws(PostgresError) -> [Element?] {
        let oid = try columnType(column)
        // The element type is checked in the value itself; varchar[] and name[] are read as text[].
        let accepts = oid == type.arrayOID || type == .text && (oid == 1015 || oid == 1003)
        let elements = try decode(column, accepts: accepts, expected: "\(type)[]") { bytes in
            decodeArray(bytes, accepts: type.accepts, read)
        }
        guard let elements else { throw failure(column, "is null where an array is expected") }
        return elements
    }

    private func whole<Element>(_ column: Int, _ elements: [Element?]) throws(PostgresError) -> [Element] {
        var values: [Element] = []
        values.reserveCapacity(elements.count)
        for element in elements {
            guard let element else { throw failure(column, "has a null element") }
            values.append(element)
        }
        return values
    }
}
