/// JSON text built by appending to bytes, without an intermediate tree.
extension [UInt8] {
    mutating func add(_ text: StaticString) {
        append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func add(number: Int) {
        append(contentsOf: String(number).utf8)
    }

    mutating func add(bool: Bool) {
        add(bool ? "true" : "false")
    }

    /// Appends a quoted string.
    mutating func add(string: String) {
        append(UInt8(ascii: "\""))
        var string = string
        string.withUTF8 { text in
            if text.contains(where: { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }) {
                for byte in text { addEscaped(byte) }
            } else {
                append(contentsOf: text)
            }
        }
        append(UInt8(ascii: "\""))
    }

    private mutating func addEscaped(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            append(UInt8(ascii: "\\"))
            append(byte)
        case 0..<0x20:
            add("\\u00")
            append(hexDigit(byte >> 4))
            append(hexDigit(byte & 15))
        default: append(byte)
        }
    }

    private func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    mutating func add(strings: some Sequence<String>) {
        append(UInt8(ascii: "["))
        var first = true
        for string in strings {
            if !first { append(UInt8(ascii: ",")) }
            first = false
            add(string: string)
        }
        append(UInt8(ascii: "]"))
    }

    mutating func add(json value: CICJSON) {
        switch value {
        case .null: add("null")
        case .bool(let value): add(bool: value)
        case .number(let value):
            if let whole = Int(exactly: value) { add(number: whole) } else { append(contentsOf: String(value).utf8) }
        case .string(let text): add(string: text)
        case .array(let values):
            append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { append(UInt8(ascii: ",")) }
                add(json: value)
            }
            append(UInt8(ascii: "]"))
        case .object(let members):
            append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { append(UInt8(ascii: ",")) }
                add(string: member.key)
                append(UInt8(ascii: ":"))
                add(json: member.value)
            }
            append(UInt8(ascii: "}"))
        }
    }
}

extension CICJSON: ExpressibleByStringLiteral, ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral
{
    init(stringLiteral value: String) { self = .string(value) }
    init(booleanLiteral value: Bool) { self = .bool(value) }
    init(integerLiteral value: Int) { self = .number(Double(value)) }
    init(arrayLiteral elements: CICJSON...) { self = .array(elements) }
    init(dictionaryLiteral elements: (String, CICJSON)...) {
        self = .object(elements.map { (key: $0.0, value: $0.1) })
    }
    init(_ value: Int) { self = .number(Double(value)) }
    init(_ strings: some Sequence<String>) { self = .array(strings.map { .string($0) }) }

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.add(json: self)
        return bytes
    }
}
