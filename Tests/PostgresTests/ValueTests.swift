import Postgres
import Testing
import TestSupport

struct ValueTests {
    @Test func `every type comes back as it was sent`() async throws {
        try await withConnection { connection, _ async throws in
            let uuid: UInt128 = 0x0190_1234_5678_7abc_8def_0123_4567_89ab
            let row = try await connection.query(
                """
                SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $8::text, $9::text, $10->>'a', $11::text
                """,
                [
                    .bool(true), .int2(-2), .int4(.min), .int8(.max), .float8(-0.1), .text("Zoë\0".replacing("\0", with: "")),
                    .bytea([0, 255, 10]), .uuid(uuid), .timestamptz(1_700_000_000_123_456), .jsonb(#"{"a": "b"}"#), .null,
                ])[0]
            #expect(try row.bool(0))
            #expect(try row.int16(1) == -2)
            #expect(try row.int32(2) == .min)
            #expect(try row.int64(3) == .max)
            #expect(try row.double(4) == -0.1)
            #expect(try row.text(5) == "Zoë")
            #expect(try row.bytes(6) == [0, 255, 10])
            #expect(try row.uuid(7) == uuid)
            #expect(try row.microseconds(8) == 1_700_000_000_123_456)
            #expect(try row.json(9) == #"{"a": "b"}"#)
            // What the server makes of them.
            #expect(try row.text(10) == "01901234-5678-7abc-8def-0123456789ab")
            #expect(try row.text(11) == "2023-11-14 22:13:20.123456+00")
            #expect(try row.text(12) == "b")
            #expect(try row.optionalText(13) == nil)
            #expect(row.isNull(13))
        }
    }

    @Test func `infinite times are the ends of the number range`() async throws {
        try await withConnection { connection, _ async throws in
            let row = try await connection.query(
                "SELECT $1::text, $2::text, 'infinity'::timestamptz, '-infinity'::timestamptz",
                [.timestamptz(.max), .timestamptz(.min)])[0]
            #expect(try row.text(0) == "infinity")
            #expect(try row.text(1) == "-infinity")
            #expect(try row.microseconds(2) == .max)
            #expect(try row.microseconds(3) == .min)
        }
    }

    @Test func `arrays of every type come back with their nulls`() async throws {
        try await withConnection { connection, _ async throws in
            let row = try await connection.query(
                "SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $6::text",
                [
                    .boolArray([true, nil, false]), .int2Array([1, nil]), .int4Array([nil]), .int8Array([1, 2, nil]),
                    .float8Array([1.5, nil]), .textArray(["a,\"b\\", nil, ""]), .byteaArray([[], nil, [0]]),
                    .uuidArray([1, nil]), .timestamptzArray([0, nil]), .jsonbArray(["[1]", nil]),
                ])[0]
            #expect(try row.optionalBools(0) == [true, nil, false])
            #expect(try row.optionalInt16s(1) == [1, nil])
            #expect(try row.optionalInt32s(2) == [nil])
            #expect(try row.optionalInt64s(3) == [1, 2, nil])
            #expect(try row.optionalDoubles(4) == [1.5, nil])
            #expect(try row.optionalTexts(5) == ["a,\"b\\", nil, ""])
            #expect(try row.optionalBytesElements(6) == [[], nil, [0]])
            #expect(try row.optionalUUIDs(7) == [1, nil])
            #expect(try row.optionalMicrosecondsElements(8) == [0, nil])
            #expect(try row.optionalJSONs(9) == ["[1]", nil])
            #expect(try row.text(10) == #"{"a,\"b\\",NULL,""}"#)
        }
    }

    @Test func `empty arrays of every type come back empty`() async throws {
        try await withConnection { connection, _ async throws in
            let row = try await connection.query(
                "SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, cardinality($6)",
                [
                    .boolArray([]), .int2Array([]), .int4Array([]), .int8Array([]), .float8Array([]), .textArray([]),
                    .byteaArray([]), .uuidArray([]), .timestamptzArray([]), .jsonbArray([]),
                ])[0]
            #expect(try row.boolArray(0) == [])
            #expect(try row.int16Array(1) == [])
            #expect(try row.int32Array(2) == [])
            #expect(try row.int64Array(3) == [])
            #expect(try row.doubleArray(4) == [])
            #expect(try row.textArray(5) == [])
            #expect(try row.bytesArray(6) == [])
            #expect(try row.uuidArray(7) == [])
            #expect(try row.microsecondsArray(8) == [])
            #expect(try row.jsonArray(9) == [])
            #expect(try row.int32(10) == 0)
        }
    }

    @Test func `a column read as what it is not names itself`() async throws {
        try await withConnection { connection, _ async throws in
            let row = try await connection.query(
                "SELECT 1::int4 AS number, NULL::text AS nothing, ARRAY['a', NULL] AS list, 9::int2 AS small")[0]
            func failure(_ read: () throws(PostgresError) -> Void) -> String? {
                do throws(PostgresError) { try read() } catch {
                    #expect(error.kind == .decoding)
                    return error.text
                }
                return nil
            }
            #expect(failure { () throws(PostgresError) in _ = try row.text(0) } == "column 0 (number) is int4 where text is expected")
            #expect(failure { () throws(PostgresError) in _ = try row.text(1) } == "column 1 (nothing) is null where a value is expected")
            #expect(failure { () throws(PostgresError) in _ = try row.textArray(2) } == "column 2 (list) has a null element")
            #expect(failure { () throws(PostgresError) in _ = try row.int64Array(2) } == "column 2 (list) is text[] where int8[] is expected")
            #expect(failure { () throws(PostgresError) in _ = try row.text(4) } == "there is no column 4")
            #expect(try row.int64(3) == 9)
        }
    }
}
