import JSON
import Testing

/// One document of RFC 8259 and what it says.
struct AcceptedDocument: CustomTestStringConvertible {
    let text: String
    let value: JSONValue

    init(_ text: String, _ value: JSONValue) {
        self.text = text
        self.value = value
    }

    var testDescription: String { text }
}

@Suite struct AcceptedDocumentTests {
    @Test(arguments: words + whitespace + whole + fractions + strings + structures)
    func `a valid document is read as what it says`(document: AcceptedDocument) throws {
        let bytes = Array(document.text.utf8)
        #expect(try JSONValue(parsing: bytes) == document.value)
        try JSONReader.decode(bytes) { reader in try reader.skip() }
    }

    @Test(arguments: words + whitespace + whole + fractions + strings + structures)
    func `what was read is written so that it reads the same`(document: AcceptedDocument) throws {
        #expect(try JSONValue(parsing: document.value.bytes) == document.value)
    }

    static let words: [AcceptedDocument] = [
        .init("null", .null), .init("true", true), .init("false", false),
    ]

    static let whitespace: [AcceptedDocument] = [
        .init(" 1", 1), .init("1 ", 1), .init("\t\n\r 1\t\n\r ", 1), .init("[ ]", []), .init("{ }", [:]),
        .init("[ 1 , 2 ]", [1, 2]), .init("{ \"a\" : 1 , \"b\" : 2 }", ["a": 1, "b": 2]), .init("\n[\r\n]\r\n", []),
        .init("\"a\" ", "a"), .init("true ", true), .init(" null\n", .null), .init("1.5 ", 1.5),
    ]

    static let whole: [AcceptedDocument] = [
        .init("0", 0), .init("-0", 0), .init("1", 1), .init("-1", -1), .init("10", 10),
        .init("1234567890", 1_234_567_890),
        .init("9223372036854775807", .int(.max)), .init("-9223372036854775808", .int(.min)),
        .init("9223372036854775808", .double(9_223_372_036_854_775_808)),
        .init("-9223372036854775809", .double(-9_223_372_036_854_775_808)),
        .init("18446744073709551616", .double(18_446_744_073_709_551_616)),
        .init("100000000000000000000000000000", .double(1e29)),
    ]

    static let fractions: [AcceptedDocument] = [
        .init("0.0", 0.0), .init("-0.0", .double(-0.0)), .init("0.5", 0.5), .init("-0.5", -0.5), .init("1.0", 1.0),
        .init("0.1", 0.1), .init("123.456", 123.456), .init("1e0", 1.0), .init("1E0", 1.0), .init("1e+0", 1.0),
        .init("1e-0", 1.0), .init("1e2", 100.0), .init("1e02", 100.0), .init("1.5E+3", 1500.0),
        .init("-1.5e-3", -0.0015),
        .init("0e5", 0.0), .init("1.7976931348623157e308", .double(.greatestFiniteMagnitude)),
        .init("5e-324", .double(.leastNonzeroMagnitude)), .init("1e-400", 0.0),
        .init("0.000000000000000000000000000001", 1e-30), .init("123456789012345.5", 123456789012345.5),
        .init("9007199254740993.0", 9007199254740992.0),
        .init("2.2250738585072011e-308", .double(Double(bitPattern: 0x000F_FFFF_FFFF_FFFF))),
        .init("0.30000000000000004", 0.30000000000000004), .init("1e23", 1e23),
    ]

    static let strings: [AcceptedDocument] = [
        .init(#""""#, ""), .init(#""a""#, "a"), .init(#""seven..""#, "seven.."), .init(#""eight...""#, "eight..."),
        .init(#""nine bytes""#, "nine bytes"), .init(#""sixteen bytes ..""#, "sixteen bytes .."),
        .init(#""\"""#, "\""), .init(#""\\""#, "\\"), .init(#""\/""#, "/"), .init(#""/""#, "/"),
        .init(#""\b\f\n\r\t""#, "\u{8}\u{C}\n\r\t"), .init(#""\u0041""#, "A"), .init(#""\u0000""#, "\0"),
        .init(#""\u001F\u007f""#, "\u{1F}\u{7F}"), .init(#""\u00e9\u00E9""#, "éé"), .init(#""\u20AC""#, "€"),
        .init(#""\uD83D\uDE00""#, "😀"), .init(#""\ud83d\ude00x""#, "😀x"), .init(#""\uD800\uDC00""#, "\u{10000}"),
        .init(#""\uDBFF\uDFFF""#, "\u{10FFFF}"), .init(#""\uFFFF\uFFFE""#, "\u{FFFF}\u{FFFE}"),
        .init(#""\uE000""#, "\u{E000}"), .init(#""\uD7FF""#, "\u{D7FF}"), .init(#""a\\\"b""#, "a\\\"b"),
        .init("\"\u{7F}\"", "\u{7F}"), .init("\"\u{80}\"", "\u{80}"), .init("\"\u{7FF}\u{800}\"", "\u{7FF}\u{800}"),
        .init("\"\u{D7FF}\u{E000}\u{FFFF}\"", "\u{D7FF}\u{E000}\u{FFFF}"),
        .init("\"\u{10000}\u{10FFFF}\"", "\u{10000}\u{10FFFF}"),
        .init("\"äöü €uro 😀 日本語\"", "äöü €uro 😀 日本語"), .init("\"\u{2028}\u{2029}\"", "\u{2028}\u{2029}"),
        .init("\"\u{FEFF}\"", "\u{FEFF}"), .init(#""1234567é""#, "1234567é"), .init(#""\u0065\u0301""#, "e\u{301}"),
        .init(#""[]{}:,""#, "[]{}:,"), .init(#""null""#, "null"),
    ]

    static let structures: [AcceptedDocument] = [
        .init("[]", []), .init("{}", [:]), .init("[[]]", [[]]), .init("[{}]", [[:]]), .init("[null]", [.null]),
        .init("[1,\"a\",true,null,2.5]", [1, "a", true, .null, 2.5]), .init("[[],[[]],{}]", [[], [[]], [:]]),
        .init(#"{"a":1}"#, ["a": 1]), .init(#"{"":0}"#, ["": 0]),
        .init(#"{"a":{"b":{"c":[]}}}"#, ["a": ["b": ["c": []]]]),
        .init(#"{"a":1,"b":[2,{"c":3}]}"#, ["a": 1, "b": [2, ["c": 3]]]), .init(#"{"a\"b":1}"#, ["a\"b": 1]),
        .init(#"{"\u0061":1}"#, ["a": 1]), .init(#"{"a":1,"A":2}"#, ["a": 1, "A": 2]),
        .init(#"{"a":[{"a":1},{"a":2}]}"#, ["a": [["a": 1], ["a": 2]]]), .init(#"["",{"":""}]"#, ["", ["": ""]]),
        .init("[0,0]", [0, 0]), .init("[-0,0.0]", [0, 0.0]),
        .init(String(repeating: "[", count: 32) + String(repeating: "]", count: 32), nested(31)),
    ]

    static func nested(_ levels: Int) -> JSONValue {
        (0..<levels).reduce([]) { value, _ in [value] }
    }
}
