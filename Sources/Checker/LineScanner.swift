/// Walks through the fields of one JSON object without building it.
///
/// Foundation's decoder needs some 20 µs for a line, which is minutes for a ledger of 200,000 cases; a walk that only
/// compares and skips needs less than one.
struct LineScanner {
    /// A value as it stands in the line. The bytes of a string are those between its quotes.
    struct Value {
        enum Kind { case string, stringWithEscapes, number, `true`, `false`, null, object, array }

        let kind: Kind
        let bytes: UnsafeRawBufferPointer
    }

    /// What is wrong with a line, for a person.
    struct Problem: Error {
        let text: String

        init(_ text: String) { self.text = text }
    }

    /// Objects and arrays within each other; ledger lines need three.
    private static let deepest = 16

    private let bytes: UnsafeRawBufferPointer
    private var at = 0

    private init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// Calls `field` for every field of the object that `bytes` hold, in their order.
    static func fields(
        of bytes: UnsafeRawBufferPointer,
        _ field: (_ key: UnsafeRawBufferPointer, _ value: Value) throws(Problem) -> Void
    ) throws(Problem) {
        var scanner = LineScanner(bytes)
        try scanner.object(depth: 0, field)
        scanner.skipBlanks()
        guard scanner.at == bytes.count else { throw Problem("has something after the object") }
    }

    private mutating func object(
        depth: Int, _ field: (UnsafeRawBufferPointer, Value) throws(Problem) -> Void
    ) throws(Problem) {
        try expect(UInt8(ascii: "{"))
        skipBlanks()
        if take(UInt8(ascii: "}")) { return }
        repeat {
            skipBlanks()
            try expect(UInt8(ascii: "\""))
            let key = try string().bytes
            skipBlanks()
            try expect(UInt8(ascii: ":"))
            try field(key, value(depth: depth + 1))
            skipBlanks()
        } while take(UInt8(ascii: ","))
        try expect(UInt8(ascii: "}"))
    }

    private mutating func value(depth: Int) throws(Problem) -> Value {
        skipBlanks()
        guard at < bytes.count, depth <= Self.deepest else { throw Problem("ends early or nests too deep") }
        let start = at
        switch bytes[at] {
        case UInt8(ascii: "\""):
            at += 1
            return try string()
        case UInt8(ascii: "{"):
            try object(depth: depth) { _, _ in }
            return Value(kind: .object, bytes: slice(start))
        case UInt8(ascii: "["):
            try array(depth: depth)
            return Value(kind: .array, bytes: slice(start))
        case UInt8(ascii: "t"): return try word("true", .true)
        case UInt8(ascii: "f"): return try word("false", .false)
        case UInt8(ascii: "n"): return try word("null", .null)
        default:
            while at < bytes.count, isPartOfNumber(bytes[at]) { at += 1 }
            guard at > start else { throw Problem("holds a value that is not JSON") }
            return Value(kind: .number, bytes: slice(start))
        }
    }

    private mutating func array(depth: Int) throws(Problem) {
        at += 1
        skipBlanks()
        if take(UInt8(ascii: "]")) { return }
        repeat {
            _ = try value(depth: depth + 1)
            skipBlanks()
        } while take(UInt8(ascii: ","))
        try expect(UInt8(ascii: "]"))
    }

    /// Reads to the closing quote; the opening one is taken already.
    private mutating func string() throws(Problem) -> Value {
        let start = at
        var kind = Value.Kind.string
        while at < bytes.count {
            switch bytes[at] {
            case UInt8(ascii: "\""):
                at += 1
                return Value(kind: kind, bytes: UnsafeRawBufferPointer(rebasing: bytes[start..<(at - 1)]))
            case UInt8(ascii: "\\"):
                kind = .stringWithEscapes
                at += 2
            default:
                at += 1
            }
        }
        throw Problem("ends within a string")
    }

    private mutating func word(_ text: StaticString, _ kind: Value.Kind) throws(Problem) -> Value {
        let start = at
        at = min(at + text.utf8CodeUnitCount, bytes.count)
        guard slice(start).spells(text) else { throw Problem("holds a word that is not JSON") }
        return Value(kind: kind, bytes: slice(start))
    }

    private mutating func expect(_ byte: UInt8) throws(Problem) {
        skipBlanks()
        guard take(byte) else { throw Problem("lacks a \"\(Character(Unicode.Scalar(byte)))\" at byte \(at + 1)") }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard at < bytes.count, bytes[at] == byte else { return false }
        at += 1
        return true
    }

    private mutating func skipBlanks() {
        while at < bytes.count, bytes[at] == 0x20 || bytes[at] == 0x09 || bytes[at] == 0x0D { at += 1 }
    }

    private func slice(_ start: Int) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[start..<at]) }

    private func isPartOfNumber(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."),
            UInt8(ascii: "e"), UInt8(ascii: "E"):
            true
        default: false
        }
    }
}
