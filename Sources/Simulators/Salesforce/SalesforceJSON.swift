/// A JSON value as it came over the wire, with the order of members kept.
///
/// Foundation's decoders cost several times the rest of a request; the simulator shares two cores with the workers it
/// is measured beside.
enum SalesforceJSON: Sendable, Equatable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([SalesforceJSON])
    case object([Member])

    struct Member: Sendable, Equatable {
        let name: String
        let value: SalesforceJSON
    }

    struct SyntaxError: Error {
        let offset: Int
    }

    /// Deeper documents are refused, as every real server does at some depth.
    static let maximumDepth = 64

    init(parsing bytes: [UInt8]) throws(SyntaxError) {
        var parser = SalesforceJSONParser(bytes: bytes)
        self = try parser.document()
    }

    subscript(name: String) -> SalesforceJSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    var string: String? {
        if case .string(let value) = self { value } else { nil }
    }

    var number: Double? {
        if case .number(let value) = self { value } else { nil }
    }

    var bool: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    var array: [SalesforceJSON]? {
        if case .array(let value) = self { value } else { nil }
    }

    var members: [Member]? {
        if case .object(let value) = self { value } else { nil }
    }

    var integer: Int? {
        number.flatMap { Int(exactly: $0) }
    }

    /// Strings in an array, anything else left out.
    var strings: [String] {
        array?.compactMap(\.string) ?? []
    }
}

/// One pass over the bytes of a document.
struct SalesforceJSONParser {
    private let bytes: [UInt8]
    private var at = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func document() throws(SalesforceJSON.SyntaxError) -> SalesforceJSON {
        let value = try self.value(depth: 0)
        skipBlanks()
        guard at == bytes.count else { throw failure }
        return value
    }

    private var failure: SalesforceJSON.SyntaxError { .init(offset: at) }

    private mutating func skipBlanks() {
        while at < bytes.count, bytes[at] == 0x20 || bytes[at] == 0x0A || bytes[at] == 0x0D || bytes[at] == 0x09 {
            at += 1
        }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        skipBlanks()
        guard at < bytes.count, bytes[at] == byte else { return false }
        at += 1
        return true
    }

    private mutating func value(depth: Int) throws(SalesforceJSON.SyntaxError) -> SalesforceJSON {
        skipBlanks()
        guard at < bytes.count, depth < SalesforceJSON.maximumDepth else { throw failure }
        switch bytes[at] {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func word(
        _ text: StaticString, _ value: SalesforceJSON
    ) throws(SalesforceJSON.SyntaxError) -> SalesforceJSON {
        let length = text.utf8CodeUnitCount
        guard at + length <= bytes.count else { throw failure }
        for offset in 0..<length where bytes[at + offset] != text.utf8Start[offset] { throw failure }
        at += length
        return value
    }

    private mutating func number() throws(SalesforceJSON.SyntaxError) -> SalesforceJSON {
        let start = at
        while at < bytes.count, "+-.eE0123456789".utf8.contains(bytes[at]) { at += 1 }
        let text = String(decoding: bytes[start..<at], as: UTF8.self)
        guard let value = Double(text) else { throw failure }
        return .number(value)
    }

    private mutating func array(depth: Int) throws(SalesforceJSON.SyntaxError) -> SalesforceJSON {
        at += 1
        var elements: [SalesforceJSON] = []
        if take(UInt8(ascii: "]")) { return .array(elements) }
        while true {
            elements.append(try value(depth: depth + 1))
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "]")) else { throw failure }
            return .array(elements)
        }
    }

    private mutating func object(depth: Int) throws(SalesforceJSON.SyntaxError) -> SalesforceJSON {
        at += 1
        var members: [SalesforceJSON.Member] = []
        if take(UInt8(ascii: "}")) { return .object(members) }
        while true {
            skipBlanks()
            guard at < bytes.count, bytes[at] == UInt8(ascii: "\"") else { throw failure }
            let name = try string()
            guard take(UInt8(ascii: ":")) else { throw failure }
            members.append(.init(name: name, value: try value(depth: depth + 1)))
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "}")) else { throw failure }
            return .object(members)
        }
    }

    private mutating func string() throws(SalesforceJSON.SyntaxError) -> String {
        at += 1
        let start = at
        while at < bytes.count, bytes[at] != UInt8(ascii: "\""), bytes[at] != UInt8(ascii: "\\") {
            guard bytes[at] >= 0x20 else { throw failure }
            at += 1
        }
        guard at < bytes.count else { throw failure }
        if bytes[at] == UInt8(ascii: "\"") {
            defer { at += 1 }
            return String(decoding: bytes[start..<at], as: UTF8.self)
        }
        return try escapedString(from: start)
    }

    private mutating func escapedString(from start: Int) throws(SalesforceJSON.SyntaxError) -> String {
        var units = Array(bytes[start..<at])
        while at < bytes.count {
            let byte = bytes[at]
            at += 1
            if byte == UInt8(ascii: "\"") { return String(decoding: units, as: UTF8.self) }
            guard byte == UInt8(ascii: "\\") else {
                guard byte >= 0x20 else { throw failure }
                units.append(byte)
                continue
            }
            guard at < bytes.count else { throw failure }
            let escape = bytes[at]
            at += 1
            switch escape {
            case UInt8(ascii: "n"): units.append(0x0A)
            case UInt8(ascii: "r"): units.append(0x0D)
            case UInt8(ascii: "t"): units.append(0x09)
            case UInt8(ascii: "b"): units.append(0x08)
            case UInt8(ascii: "f"): units.append(0x0C)
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): units.append(escape)
            case UInt8(ascii: "u"): units.append(contentsOf: try unicodeEscape())
            default: throw failure
            }
        }
        throw failure
    }

    /// A `\uXXXX`, or two of them where the first is a high surrogate.
    private mutating func unicodeEscape() throws(SalesforceJSON.SyntaxError) -> [UInt8] {
        var code = UInt32(try hexadecimal())
        if code & 0xFC00 == 0xD800, at + 1 < bytes.count, bytes[at] == UInt8(ascii: "\\"),
            bytes[at + 1] == UInt8(ascii: "u")
        {
            at += 2
            let low = UInt32(try hexadecimal())
            guard low & 0xFC00 == 0xDC00 else { throw failure }
            code = 0x10000 + ((code & 0x3FF) << 10) + (low & 0x3FF)
        }
        guard let scalar = Unicode.Scalar(code) else { return Array("\u{FFFD}".utf8) }
        return Array(String(scalar).utf8)
    }

    private mutating func hexadecimal() throws(SalesforceJSON.SyntaxError) -> UInt16 {
        guard at + 4 <= bytes.count, let value = UInt16(String(decoding: bytes[at..<at + 4], as: UTF8.self), radix: 16)
        else { throw failure }
        at += 4
        return value
    }
}
