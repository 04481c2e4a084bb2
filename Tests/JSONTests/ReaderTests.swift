import JSON
import Testing

@Suite struct ReaderTests {
    static func read<Value>(
        _ text: String, _ body: (inout JSONReader) throws -> Value
    ) throws(JSONError) -> Value {
        try JSONReader.decode(Array(text.utf8), body)
    }

    @Test(arguments: ["0", "-0", "7", "-7", "9223372036854775807", "-9223372036854775808"])
    func `a whole number is read exactly`(text: String) throws {
        #expect(try Self.read(text) { try $0.int() } == Int(text))
    }

    @Test(arguments: [
        "9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551617",
        "99999999999999999999", "10000000000000000000000000000000000000001",
    ])
    func `a whole number beyond 64 bits is refused instead of wrapped`(text: String) {
        #expect(throws: JSONError(.numberOutOfRange, offset: 0)) { try Self.read(text) { try $0.int() } }
    }

    @Test(arguments: ["1.0", "0.5", "1e3", "1E-1", "-2.50"])
    func `a fraction or exponent is no whole number`(text: String) {
        #expect(throws: JSONError(.notWhole, offset: 0)) { try Self.read(text) { try $0.int() } }
    }

    @Test func `a double is the nearest one`() throws {
        for text in ["0", "-0.0", "3", "0.1", "123.456", "-1e-7", "1e22", "1e23", "8.5e15", "9007199254740993"] {
            #expect(try Self.read(text) { try $0.double() }.bitPattern == Double(text)?.bitPattern, "\(text)")
        }
        #expect(throws: JSONError(.numberOutOfRange, offset: 1)) { try Self.read(" -1e309") { try $0.double() } }
    }

    @Test func `null is told from a value`() throws {
        #expect(try Self.read("null") { try $0.optionalString() } == nil)
        #expect(try Self.read(#""x""#) { try $0.optionalString() } == "x")
        #expect(try Self.read("null") { try $0.optionalInt() } == nil)
        #expect(try Self.read("2") { try $0.optional { try $0.int() } } == 2)
        #expect(try Self.read("2.5") { try $0.optionalDouble() } == 2.5)
        #expect(try Self.read("[null,false]") { try $0.values { try $0.optionalBool() } } == [nil, false])
        #expect(throws: JSONError(.mismatch(expected: .number, found: .null), offset: 0)) {
            try Self.read("null") { try $0.int() }
        }
    }

    @Test(arguments: [
        ("{}", JSONKind.object), ("[]", .array), (#""""#, .string), ("-1", .number), ("true", .bool), ("null", .null),
    ])
    func `the kind of a value is known before it is read`(text: String, kind: JSONKind) throws {
        #expect(try Self.read(text) { $0.kind } == kind)
    }

    @Test func `a value of another kind names both and leaves nothing to guess`() {
        #expect(throws: JSONError(.mismatch(expected: .object, found: .array), offset: 0)) {
            try Self.read("[]") { try $0.object { _, _ in } }
        }
        #expect(throws: JSONError(.mismatch(expected: .array, found: .bool), offset: 1)) {
            try Self.read(" true") { try $0.array { _ in } }
        }
        #expect(throws: JSONError(.mismatch(expected: .bool, found: .string), offset: 1)) {
            try Self.read(#"["true"]"#) { try $0.array { _ = try $0.bool() } }
        }
    }

    @Test func `a raw value is its own bytes and nothing around them`() throws {
        let text = #"{ "a" : { "b" : [ 1 , 2 ] } , "c":"x"  , "d": 12 }"#
        let bytes = Array(text.utf8)
        var ranges: [String: Range<Int>] = [:]
        try JSONReader.decode(bytes) { reader in
            try reader.object { key, reader in ranges[String(key)] = try reader.raw() }
        }
        #expect(
            ranges.mapValues { String(decoding: bytes[$0], as: UTF8.self) } == [
                "a": #"{ "b" : [ 1 , 2 ] }"#, "c": #""x""#, "d": "12",
            ])
        let range = try #require(ranges["a"])
        let later = try JSONReader.decode(bytes.span.extracting(range)) { try $0.value() }
        #expect(later == ["b": [1, 2]])
        #expect(try Self.read(text) { try $0.rawBytes() } == bytes)
    }

    @Test func `a document is read where a C library holds it`() throws {
        let value = try Array("[1,\"x\"]".utf8).withUnsafeBytes { bytes in
            try JSONReader.decode(bytes) { try $0.value() }
        }
        #expect(value == [1, "x"])
        #expect(throws: JSONError(.endedEarly, offset: 0)) {
            try JSONReader.decode(UnsafeRawBufferPointer(start: nil, count: 0)) { _ in }
        }
    }

    @Test func `elements nobody reads are skipped but still checked`() throws {
        var count = 0
        try Self.read("[1,[2],{\"a\":[]}]") { try $0.array { _ in count += 1 } }
        #expect(count == 3)
        #expect(throws: JSONError(.malformedNumber, offset: 3)) { try Self.read("[1,02]") { try $0.array { _ in } } }
    }

    @Test func `reading two values where one stands is refused`() {
        #expect(throws: JSONError(.unexpectedByte, offset: 2)) {
            try Self.read("[1,2]") { try $0.array { reader in _ = (try reader.int(), try reader.int()) } }
        }
        #expect(throws: JSONError(.endedEarly, offset: 1)) {
            try Self.read("1") { reader in _ = (try reader.int(), try reader.int()) }
        }
    }

    @Test func `an error that a closure swallows is thrown all the same`() {
        #expect(throws: JSONError(.mismatch(expected: .string, found: .number), offset: 1)) {
            try Self.read("[1,2]") { reader in
                try reader.array { reader in
                    do { _ = try reader.string() } catch { return }
                }
            }
        }
    }

    struct Refusal: Error {}

    @Test func `what a closure throws of its own is handed on`() throws {
        let error = #expect(throws: JSONError.self) { try Self.read("[1]") { try $0.array { _ in throw Refusal() } } }
        guard case .rejected(let reason) = error?.problem else { throw Refusal() }
        #expect(reason is Refusal)
    }

    @Test func `a value that is valid JSON but of no use says what was needed`() {
        let error = JSONError(.invalid("a date"), offset: 5)
        #expect(throws: error) {
            try Self.read(#"{"a":"tomorrow"}"#) { reader in
                try reader.object { _, reader in
                    let offset = reader.offset
                    _ = try reader.string()
                    throw reader.invalid("a date", at: offset)
                }
            }
        }
        #expect(error.description == "The JSON document holds a value that is not a date (byte 5).")
    }
}
