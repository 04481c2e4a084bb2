/// The bytes written so far, and how each scalar value is written.
@usableFromInline
struct JSONBuffer {
    @usableFromInline var bytes: [UInt8]

    @inlinable
    init(bytes: [UInt8]) { self.bytes = bytes }

    @usableFromInline
    mutating func append(_ string: String) {
        var string = string
        bytes.append(UInt8(ascii: "\""))
        string.withUTF8 { append(escaping: $0) }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Copies runs of bytes that need no escape in one go. A Swift string is valid UTF-8, and RFC 8259 asks only for
    /// quotes, backslashes and control characters to be escaped.
    private mutating func append(escaping text: UnsafeBufferPointer<UInt8>) {
        guard let base = text.baseAddress else { return }
        var start = 0
        while true {
            let end = JSONPlainText.end(in: base, from: start, count: text.count, atNonASCII: false)
            bytes.append(contentsOf: UnsafeBufferPointer(start: base + start, count: end - start))
            guard end < text.count else { return }
            append(escapeOf: base[end])
            start = end + 1
        }
    }

    private mutating func append(escapeOf byte: UInt8) {
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case 0x08: bytes.append(UInt8(ascii: "b"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x0C: bytes.append(UInt8(ascii: "f"))
        case 0x0D: bytes.append(UInt8(ascii: "r"))
        case ..<0x20:
            bytes += [UInt8(ascii: "u"), UInt8(ascii: "0"), UInt8(ascii: "0")]
            bytes.append(UInt8(ascii: "0") + byte >> 4)
            bytes.append(byte & 0xF < 10 ? UInt8(ascii: "0") + byte & 0xF : UInt8(ascii: "a") + byte & 0xF - 10)
        default: bytes.append(byte)
        }
    }

    @usableFromInline
    mutating func append(_ int: Int) {
        if int < 0 { bytes.append(UInt8(ascii: "-")) }
        var rest = int.magnitude
        let start = bytes.count
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        } while rest > 0
        bytes[start...].reverse()
    }

    /// The shortest decimal that reads back as the same double; `null` for infinities and what is not a number,
    /// which JSON cannot say.
    @usableFromInline
    mutating func append(_ double: Double) {
        guard double.isFinite else { return append(word: "null") }
        bytes.append(contentsOf: double.description.utf8)
    }

    @usableFromInline
    mutating func append(_ bool: Bool) { append(word: bool ? "true" : "false") }

    @usableFromInline
    mutating func append(word: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
    }

    /// - Precondition: `raw` is one JSON value; checked in debug builds.
    @usableFromInline
    mutating func append(raw: [UInt8]) {
        assert(JSONValue.isValid(raw), "what is written raw is JSON")
        bytes.append(contentsOf: raw)
    }
}
