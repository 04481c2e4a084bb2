/// A JSON value as a request body holds it. Keys keep their order; `__type` may stand anywhere.
///
/// Parsed by hand because the simulator reads thousands of small bodies a second.
indirect enum CICJSON: Sendable, Equatable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([CICJSON])
    case object([(key: String, value: CICJSON)])

    /// Deepest nesting that is read; no request of the interface comes near it.
    static let maximumDepth = 32

    static func == (left: CICJSON, right: CICJSON) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.number(let a), .number(let b)): a == b
        case (.string(let a), .string(let b)): a == b
        case (.array(let a), .array(let b)): a == b
        case (.object(let a), .object(let b)): a.elementsEqual(b) { $0.key == $1.key && $0.value == $1.value }
        default: false
        }
    }

    /// The last value of a key of an object.
    subscript(key: String) -> CICJSON? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.key == key }?.value
    }

    var string: String? { if case .string(let value) = self { value } else { nil } }
    /// Also `"true"` and `"false"`: a vendor client sends Booleans as text.
    var bool: Bool? {
        switch self {
        case .bool(let value): value
        case .string("true"): true
        case .string("false"): false
        default: nil
        }
    }
    var array: [CICJSON]? { if case .array(let value) = self { value } else { nil } }
    var members: [(key: String, value: CICJSON)]? { if case .object(let value) = self { value } else { nil } }
    var double: Double? { if case .number(let value) = self { value } else { nil } }
    /// A whole number; also one written as text, which some clients do.
    var int: Int? {
        switch self {
        case .number(let value): Int(exactly: value)
        case .string(let text): Int(text)
        default: nil
        }
    }

    /// The strings of an array; `nil` if it is none or holds anything else.
    var strings: [String]? {
        guard case .array(let values) = self else { return nil }
        var strings: [String] = []
        strings.reserveCapacity(values.count)
        for value in values {
            guard case .string(let text) = value else { return nil }
            strings.append(text)
        }
        return strings
    }

    struct Malformed: Error {}

    static func parse(_ bytes: UnsafeBufferPointer<UInt8>) throws(Malformed) -> CICJSON {
        var parser = CICJSONParser(bytes: bytes)
        let value = try parser.value(depth: 0)
        parser.skipBlanks()
        guard parser.position == bytes.count else { throw Malformed() }
        return value
    }
}

struct CICJSONParser {
    let bytes: UnsafeBufferPointer<UInt8>
    var position = 0

    init(bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
    }

    mutating func skipBlanks() {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
    }

    private mutating func next() throws(CICJSON.Malformed) -> UInt8 {
        guard position < bytes.count else { throw CICJSON.Malformed() }
        defer { position += 1 }
        return bytes[position]
    }

    private mutating func expect(_ text: StaticString) throws(CICJSON.Malformed) {
        let count = text.utf8CodeUnitCount
        guard position + count <= bytes.count else { throw CICJSON.Malformed() }
        for index in 0..<count where bytes[position + index] != text.utf8Start[index] { throw CICJSON.Malformed() }
        position += count
    }

    mutating func value(depth: Int) throws(CICJSON.Malformed) -> CICJSON {
        guard depth < CICJSON.maximumDepth else { throw CICJSON.Malformed() }
        skipBlanks()
        guard position < bytes.count else { throw CICJSON.Malformed() }
        switch bytes[position] {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""):
            position += 1
            return .string(try string())
        case UInt8(ascii: "t"):
            try expect("true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try expect("false")
            return .bool(false)
        case UInt8(ascii: "n"):
            try expect("null")
            return .null
        default: return try number()
        }
    }

    private mutating func object(depth: Int) throws(CICJSON.Malformed) -> CICJSON {
        position += 1
        var members: [(key: String, value: CICJSON)] = []
        skipBlanks()
        if position < bytes.count, bytes[position] == UInt8(ascii: "}") {
            position += 1
            return .object([])
        }
        while true {
            skipBlanks()
            guard try next() == UInt8(ascii: "\"") else { throw CICJSON.Malformed() }
            let key = try string()
            skipBlanks()
            guard try next() == UInt8(ascii: ":") else { throw CICJSON.Malformed() }
            members.append((key, try value(depth: depth + 1)))
            skipBlanks()
            switch try next() {
            case UInt8(ascii: ","): continue
            case UInt8(ascii: "}"): return .object(members)
            default: throw CICJSON.Malformed()
            }
        }
    }

    private mutating func array(depth: Int) throws(CICJSON.Malformed) -> CICJSON {
        position += 1
        var values: [CICJSON] = []
        skipBlanks()
        if position < bytes.count, bytes[position] == UInt8(ascii: "]") {
            position += 1
            return .array([])
        }
        while true {
            values.append(try value(depth: depth + 1))
            skipBlanks()
            switch try next() {
            case UInt8(ascii: ","): continue
            case UInt8(ascii: "]"): return .array(values)
            default: throw CICJSON.Malformed()
            }
        }
    }

    private mutating func number() throws(CICJSON.Malformed) -> CICJSON {
        let start = position
        while position < bytes.count, "+-.0123456789eE".utf8.contains(bytes[position]) { position += 1 }
        guard position > start, let value = Double(String(decoding: bytes[start..<position], as: UTF8.self)) else {
            throw CICJSON.Malformed()
        }
        return .number(value)
    }

    /// Reads what follows an opening quote.
    private mutating func string() throws(CICJSON.Malformed) -> String {
        let start = position
        while position < bytes.count {
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") {
                defer { position += 1 }
                return String(decoding: bytes[start..<position], as: UTF8.self)
            }
            guard byte >= 0x20 else { throw CICJSON.Malformed() }
            if byte == UInt8(ascii: "\\") { break }
            position += 1
        }
        var text = Array(bytes[start..<position])
        while true {
            let byte = try next()
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): text.append(contentsOf: try escape())
            case 0..<0x20: throw CICJSON.Malformed()
            default: text.append(byte)
            }
        }
    }

    private mutating func escape() throws(CICJSON.Malformed) -> [UInt8] {
        switch try next() {
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "u"):
            var units = [try hex()]
            if (0xD800..<0xDC00).contains(units[0]) {
                try expect("\\u")
                units.append(try hex())
            }
            return Array(String(decoding: units, as: UTF16.self).utf8)
        case let byte where byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "/"):
            return [byte]
        default: throw CICJSON.Malformed()
        }
    }

    private mutating func hex() throws(CICJSON.Malformed) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            let byte = try next()
            guard let digit = Character(UnicodeScalar(byte)).hexDigitValue else { throw CICJSON.Malformed() }
            value = value << 4 | UInt16(digit)
        }
        return value
    }
}
