import CPostgres

/// The rows a statement returned, in binary as the server sent them; a row's columns are decoded when asked for.
// Sendable is unchecked because a finished result is never changed, only read, and freed with the last reference.
public final class PostgresRows: RandomAccessCollection, @unchecked Sendable {
    /// The statement, for messages.
    let operation: String
    let result: OpaquePointer
    /// Rows returned.
    public let count: Int
    /// Rows that an INSERT, UPDATE or DELETE touched; for a SELECT the rows returned.
    public let affectedRows: Int

    /// Takes over the result.
    init(_ operation: String, _ result: OpaquePointer) {
        self.operation = operation
        self.result = result
        count = Int(PQntuples(result))
        affectedRows = Int(String(cString: PQcmdTuples(result))) ?? 0
    }

    /// `SELECT 3`, `ROLLBACK`.
    var commandTag: String { String(cString: PQcmdStatus(result)) }

    deinit { PQclear(result) }

    public var startIndex: Int { 0 }
    public var endIndex: Int { count }

    public subscript(index: Int) -> PostgresRow {
        precondition(index >= 0 && index < count, "row \(index) of \(count)")
        return PostgresRow(rows: self, index: Int32(index))
    }
}

/// One row. Columns are counted from 0.
///
/// Every accessor throws `.decoding`, naming the column, when the column is missing, of another type, or NULL where
/// the accessor is not an optional one.
public struct PostgresRow: Sendable {
    let rows: PostgresRows
    let index: Int32

    public func bool(_ column: Int) throws(PostgresError) -> Bool { try value(column, optionalBool(column)) }
    public func int16(_ column: Int) throws(PostgresError) -> Int16 { try value(column, optionalInt16(column)) }
    public func int32(_ column: Int) throws(PostgresError) -> Int32 { try value(column, optionalInt32(column)) }
    /// Any of the three integer types.
    public func int64(_ column: Int) throws(PostgresError) -> Int64 { try value(column, optionalInt64(column)) }
    /// float8.
    public func double(_ column: Int) throws(PostgresError) -> Double { try value(column, optionalDouble(column)) }
    /// text, varchar, char(n), name or json.
    public func text(_ column: Int) throws(PostgresError) -> String { try value(column, optionalText(column)) }
    /// bytea.
    public func bytes(_ column: Int) throws(PostgresError) -> [UInt8] { try value(column, optionalBytes(column)) }
    /// The 128 bits as a number, the first byte the most significant.
    public func uuid(_ column: Int) throws(PostgresError) -> UInt128 { try value(column, optionalUUID(column)) }
    /// timestamptz, in microseconds since 1970; infinity is `Int64.max`, -infinity `Int64.min`.
    public func microseconds(_ column: Int) throws(PostgresError) -> Int64 {
        try value(column, optionalMicroseconds(column))
    }
    /// jsonb, as text.
    public func json(_ column: Int) throws(PostgresError) -> String { try value(column, optionalJSON(column)) }

    public func isNull(_ column: Int) -> Bool { PQgetisnull(rows.result, index, Int32(clamping: column)) == 1 }

    public func optionalBool(_ column: Int) throws(PostgresError) -> Bool? {
        try decode(column, .bool, Bool.init(binary:))
    }
    public func optionalInt16(_ column: Int) throws(PostgresError) -> Int16? {
        try decode(column, .int2, Int16.init(binary:))
    }
    public func optionalInt32(_ column: Int) throws(PostgresError) -> Int32? {
        try decode(column, .int4, Int32.init(binary:))
    }
    public func optionalInt64(_ column: Int) throws(PostgresError) -> Int64? {
        try decode(column, .int8, Int64.init(binary:))
    }
    public func optionalDouble(_ column: Int) throws(PostgresError) -> Double? {
        try decode(column, .float8, Double.init(binary:))
    }
    public func optionalText(_ column: Int) throws(PostgresError) -> String? {
        try decode(column, .text, String.init(binary:))
    }
    public func optionalBytes(_ column: Int) throws(PostgresError) -> [UInt8]? {
        try decode(column, .bytea, [UInt8].init(binary:))
    }
    public func optionalUUID(_ column: Int) throws(PostgresError) -> UInt128? {
        try decode(column, .uuid, UInt128.init(binary:))
    }
    public func optionalMicroseconds(_ column: Int) throws(PostgresError) -> Int64? {
        try decode(column, .timestamptz, Int64.init(binary:)).map(Timestamp.fromServer)
    }
    public func optionalJSON(_ column: Int) throws(PostgresError) -> String? {
        try decode(column, .jsonb, String.init(jsonb:))
    }

    // MARK: Cells

    private func value<Value>(_ column: Int, _ optional: Value?) throws(PostgresError) -> Value {
        guard let optional else { throw failure(column, "is null where a value is expected") }
        return optional
    }

    func decode<Value>(
        _ column: Int, _ type: PostgresType, _ read: (UnsafeRawBufferPointer) -> Value?
    ) throws(PostgresError) -> Value? {
        try decode(column, accepts: type.accepts(try columnType(column)), expected: "\(type)", read)
    }

    func decode<Value>(
        _ column: Int, accepts: Bool, expected: @autoclosure () -> String, _ read: (UnsafeRawBufferPointer) -> Value?
    ) throws(PostgresError) -> Value? {
        if !accepts {
            let found = PostgresType.name(ofOID: try columnType(column))
            throw failure(column, "is \(found) where \(expected()) is expected")
        }
        if PQgetisnull(rows.result, index, Int32(column)) == 1 { return nil }
        // The bytes belong to the result, which `rows` keeps alive.
        let value = withExtendedLifetime(rows) {
            read(
                UnsafeRawBufferPointer(
                    start: PQgetvalue(rows.result, index, Int32(column)),
                    count: Int(PQgetlength(rows.result, index, Int32(column)))))
        }
        guard let value else { throw failure(column, "has bytes that are no \(expected())") }
        return value
    }

    func columnType(_ column: Int) throws(PostgresError) -> UInt32 {
        guard column >= 0, column < Int(PQnfields(rows.result)) else {
            throw PostgresError(.decoding, rows.operation, "there is no column \(column)")
        }
        return PQftype(rows.result, Int32(column))
    }

    func failure(_ column: Int, _ what: String) -> PostgresError {
        let name = PQfname(rows.result, Int32(clamping: column)).map { String(cString: $0) } ?? "?"
        return PostgresError(.decoding, rows.operation, "column \(column) (\(name)) \(what)")
    }
}
