import JSON
import Testing

/// A document that is not JSON, with the first problem in it and the byte to blame.
struct RefusedDocument: CustomTestStringConvertible {
    let bytes: [UInt8]
    let error: JSONError

    init(_ text: String, _ problem: JSONError.Problem, _ offset: Int) {
        self.init(bytes: Array(text.utf8), problem, offset)
    }

    init(bytes: [UInt8], _ problem: JSONError.Problem, _ offset: Int) {
        self.bytes = bytes
        self.error = JSONError(problem, offset: offset)
    }

    /// A string in quotes around `bytes`.
    init(quoted bytes: [UInt8], _ problem: JSONError.Problem, _ offset: Int) {
        self.init(bytes: [0x22] + bytes + [0x22], problem, offset)
    }

    var testDescription: String { bytes.map { String($0, radix: 16) }.joined(separator: " ") }
}

@Suite struct RefusedDocumentTests {
    @Test(arguments: cut + words + numbers + strings + notUTF8 + structures)
    func `an invalid document is refused at the byte to blame`(document: RefusedDocument) {
        #expect(throws: document.error) { try JSONValue(parsing: document.bytes) }
        #expect(throws: document.error) { try JSONReader.decode(document.bytes) { _ in } }
    }

    static let cut: [RefusedDocument] = [
        .init("", .endedEarly, 0), .init(" ", .endedEarly, 1), .init("[", .endedEarly, 1), .init("{", .endedEarly, 1),
        .init("[1", .endedEarly, 2), .init("[1,", .endedEarly, 3), .init("{\"a\"", .endedEarly, 4),
        .init("{\"a\":", .endedEarly, 5), .init("{\"a\":1", .endedEarly, 6), .init("{\"a\":1,", .endedEarly, 7),
        .init("\"", .endedEarly, 1), .init("\"abc", .endedEarly, 4), .init("\"abcdefgh", .endedEarly, 9),
        .init("\"\\", .endedEarly, 2), .init("\"\\\"", .endedEarly, 3), .init("\"\\u", .endedEarly, 3),
        .init("\"\\u00", .endedEarly, 5), .init("\"\\uD83D\\u", .endedEarly, 9), .init("nul", .endedEarly, 3),
        .init("t", .endedEarly, 1), .init("-", .endedEarly, 1), .init("1.", .endedEarly, 2),
        .init("1e", .endedEarly, 2),
        .init("1e+", .endedEarly, 3), .init("[[[", .endedEarly, 3),
    ]

    static let words: [RefusedDocument] = [
        .init("nulL", .unexpectedByte, 3), .init("True", .unexpectedByte, 0), .init("tru e", .unexpectedByte, 3),
        .init("falsy", .unexpectedByte, 4), .init("nullx", .trailingBytes, 4), .init("NaN", .unexpectedByte, 0),
        .init("Infinity", .unexpectedByte, 0), .init("undefined", .unexpectedByte, 0), .init("'a'", .unexpectedByte, 0),
        .init("a", .unexpectedByte, 0), .init("\u{FEFF}1", .unexpectedByte, 0), .init("\u{A0}1", .unexpectedByte, 0),
        .init("\u{0B}1", .unexpectedByte, 0), .init("\u{0C}1", .unexpectedByte, 0), .init("1\u{0}", .trailingBytes, 1),
        .init("\u{0}", .unexpectedByte, 0), .init("// note\n1", .unexpectedByte, 0), .init("/**/1", .unexpectedByte, 0),
    ]

    static let numbers: [RefusedDocument] = [
        .init("+1", .unexpectedByte, 0), .init(".5", .unexpectedByte, 0), .init("01", .malformedNumber, 0),
        .init("00", .malformedNumber, 0), .init("-01", .malformedNumber, 0), .init("-a", .malformedNumber, 0),
        .init("--1", .malformedNumber, 0), .init("1.a", .malformedNumber, 0), .init("[1.]", .malformedNumber, 1),
        .init("[-]", .malformedNumber, 1), .init("[1e]", .malformedNumber, 1), .init("[1e+]", .malformedNumber, 1),
        .init("1.e5", .malformedNumber, 0), .init("-.5", .malformedNumber, 0), .init("1.5.5", .trailingBytes, 3),
        .init("1e5.5", .trailingBytes, 3), .init("1e5e5", .trailingBytes, 3), .init("0x10", .trailingBytes, 1),
        .init("1_000", .trailingBytes, 1), .init("1 2", .trailingBytes, 2), .init("1,", .trailingBytes, 1),
        .init("-Infinity", .malformedNumber, 0), .init("[01]", .malformedNumber, 1), .init("١", .unexpectedByte, 0),
        .init("1-", .trailingBytes, 1), .init("[1 2]", .unexpectedByte, 3),
    ]

    static let strings: [RefusedDocument] = [
        .init("\"a\nb\"", .controlCharacter, 2), .init("\"\t\"", .controlCharacter, 1),
        .init("\"\u{0}\"", .controlCharacter, 1), .init("\"\u{1F}\"", .controlCharacter, 1),
        .init("\"1234567\u{1}\"", .controlCharacter, 8), .init("\"12345678\u{1}\"", .controlCharacter, 9),
        .init(#""\a""#, .malformedEscape, 1), .init(#""\'""#, .malformedEscape, 1),
        .init(#""\x41""#, .malformedEscape, 1),
        .init(#""\0""#, .malformedEscape, 1), .init(#""\U0041""#, .malformedEscape, 1),
        .init(#""\u004""#, .malformedEscape, 1), .init(#""\u00g0""#, .malformedEscape, 1),
        .init(#""\u+041""#, .malformedEscape, 1), .init(#""ab\ cd""#, .malformedEscape, 3),
        .init("\"\\\u{E9}\"", .malformedEscape, 1), .init(#""\uD800""#, .loneSurrogate, 1),
        .init(#""\uDC00""#, .loneSurrogate, 1), .init(#""\uD800x""#, .loneSurrogate, 1),
        .init(#""\uD800\n""#, .loneSurrogate, 1), .init(#""\uD800\uD800""#, .loneSurrogate, 1),
        .init(#""\uD800\u0041""#, .loneSurrogate, 1), .init(#""\uDC00\uD800""#, .loneSurrogate, 1),
        .init(#""a"b"#, .trailingBytes, 3), .init(#""a""b""#, .trailingBytes, 3),
    ]

    /// Ill-formed sequences along RFC 3629, section 4.
    static let notUTF8: [RefusedDocument] = [
        .init(quoted: [0x80], .malformedUTF8, 1), .init(quoted: [0xBF], .malformedUTF8, 1),
        .init(quoted: [0xC0, 0xAF], .malformedUTF8, 1), .init(quoted: [0xC1, 0xBF], .malformedUTF8, 1),
        .init(quoted: [0xC2], .malformedUTF8, 1), .init(quoted: [0xC2, 0xC2], .malformedUTF8, 1),
        .init(quoted: [0xE0, 0x80, 0xAF], .malformedUTF8, 1), .init(quoted: [0xE0, 0x9F, 0xBF], .malformedUTF8, 1),
        .init(quoted: [0xE2, 0x82], .malformedUTF8, 1), .init(quoted: [0xE2, 0x28, 0xA1], .malformedUTF8, 1),
        .init(quoted: [0xED, 0xA0, 0x80], .malformedUTF8, 1), .init(quoted: [0xED, 0xBF, 0xBF], .malformedUTF8, 1),
        .init(quoted: [0xF0, 0x8F, 0xBF, 0xBF], .malformedUTF8, 1),
        .init(quoted: [0xF0, 0x9F, 0x98], .malformedUTF8, 1),
        .init(quoted: [0xF4, 0x90, 0x80, 0x80], .malformedUTF8, 1),
        .init(quoted: [0xF5, 0x80, 0x80, 0x80], .malformedUTF8, 1),
        .init(quoted: [0xFE], .malformedUTF8, 1), .init(quoted: [0xFF], .malformedUTF8, 1),
        .init(quoted: [0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0xE9], .malformedUTF8, 9),
        .init(bytes: [0x22, 0xF0, 0x9F, 0x98], .malformedUTF8, 1),
        .init(bytes: [0x7B, 0x22, 0xFF, 0x22], .malformedUTF8, 2),
        .init(bytes: [0x80], .unexpectedByte, 0), .init(bytes: [0x31, 0x00], .trailingBytes, 1),
    ]

    static let structures: [RefusedDocument] = [
        .init("]", .unexpectedByte, 0), .init("}", .unexpectedByte, 0), .init(",", .unexpectedByte, 0),
        .init("[,]", .unexpectedByte, 1), .init("[1,]", .unexpectedByte, 3), .init("[,1]", .unexpectedByte, 1),
        .init("[1,,2]", .unexpectedByte, 3), .init("[1}", .unexpectedByte, 2), .init("[1:2]", .unexpectedByte, 2),
        .init("[]]", .trailingBytes, 2), .init("[][]", .trailingBytes, 2), .init("{}}", .trailingBytes, 2),
        .init("{]", .unexpectedByte, 1), .init("{,}", .unexpectedByte, 1), .init("{1:2}", .unexpectedByte, 1),
        .init("{a:1}", .unexpectedByte, 1), .init("{'a':1}", .unexpectedByte, 1), .init(#"{"a"}"#, .unexpectedByte, 4),
        .init(#"{"a" 1}"#, .unexpectedByte, 5), .init(#"{"a":}"#, .unexpectedByte, 5),
        .init(#"{"a"::1}"#, .unexpectedByte, 5),
        .init(#"{"a":1,}"#, .unexpectedByte, 7), .init(#"{"a":1 "b":2}"#, .unexpectedByte, 7),
        .init(#"{"a":1,,"b":2}"#, .unexpectedByte, 7), .init(#"{"a":1]"#, .unexpectedByte, 6),
        .init(#"{"a",1}"#, .unexpectedByte, 4),
        .init(#"{"a":1;"b":2}"#, .unexpectedByte, 6), .init("[1] x", .trailingBytes, 4),
        .init("{\"a\":1}\u{0}", .trailingBytes, 7),
        .init(#"{null:1}"#, .unexpectedByte, 1), .init("[\"a\",\n\"b\",\n]", .unexpectedByte, 11),
    ]
}
