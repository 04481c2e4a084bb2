extension JSONReader {
    /// Reads a string, escapes resolved.
    ///
    /// It may hold U+0000, which JSON allows as `\u0000` and PostgreSQL's `text` does not.
    public mutating func string() throws(JSONError) -> String {
        try expect(.string)
        let text = try scanString()
        if text.isEscaped { return String(decoding: resolve(text), as: UTF8.self) }
        return String(decoding: UnsafeBufferPointer(start: base + text.start, count: text.count), as: UTF8.self)
    }

    /// Reads an array of strings.
    public mutating func strings() throws -> [String] {
        try values { reader in try reader.string() }
    }

    /// Checks a string, from its opening quote, and passes over it and the whitespace behind.
    @usableFromInline
    mutating func scanString() throws(JSONError) -> JSONText {
        let start = position + 1
        var index = start
        var isEscaped = false
        while true {
            index = JSONPlainText.end(in: base, from: index, count: count, atNonASCII: true)
            guard index < count else { throw fail(.endedEarly, at: count) }
            let byte = base[index]
            if byte == UInt8(ascii: "\"") { break }
            if byte == UInt8(ascii: "\\") {
                isEscaped = true
                index = try passEscape(at: index)
            } else if byte < 0x20 {
                throw fail(.controlCharacter, at: index)
            } else {
                index = try passCharacter(at: index)
            }
        }
        guard index - start <= limits.maximumStringBytes else { throw fail(.stringTooLong, at: start) }
        position = index + 1
        skipWhitespace()
        return JSONText(start: start, count: index - start, isEscaped: isEscaped)
    }

    /// Checks the escape that begins at `index`; where it ends.
    private mutating func passEscape(at index: Int) throws(JSONError) -> Int {
        guard index + 1 < count else { throw fail(.endedEarly, at: count) }
        switch base[index + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return index + 2
        case UInt8(ascii: "u"):
            let first = try codeUnit(at: index)
            guard UTF16.isSurrogate(first) else { return index + 6 }
            guard UTF16.isLeadSurrogate(first), index + 7 < count, base[index + 6] == UInt8(ascii: "\\"),
                base[index + 7] == UInt8(ascii: "u")
            else { throw fail(.loneSurrogate, at: index) }
            guard UTF16.isTrailSurrogate(try codeUnit(at: index + 6)) else { throw fail(.loneSurrogate, at: index) }
            return index + 12
        default:
            throw fail(.malformedEscape, at: index)
        }
    }

    /// The UTF-16 code unit that `\uXXXX` at `index` stands for.
    private mutating func codeUnit(at index: Int) throws(JSONError) -> UInt16 {
        var unit: UInt16 = 0
        for offset in index + 2..<index + 6 {
            guard offset < count else { throw fail(.endedEarly, at: count) }
            guard let digit = Self.hexadecimal(base[offset]) else { throw fail(.malformedEscape, at: index) }
            unit = unit << 4 | UInt16(digit)
        }
        return unit
    }

    static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// Checks the multi-byte character at `index` by the table of RFC 3629, section 4; where it ends.
    private mutating func passCharacter(at index: Int) throws(JSONError) -> Int {
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch base[index] {
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: length = 4
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: throw fail(.malformedUTF8, at: index)
        }
        guard index + length <= count, second.contains(base[index + 1]) else { throw fail(.malformedUTF8, at: index) }
        for offset in index + 2..<index + length where base[offset] & 0xC0 != 0x80 {
            throw fail(.malformedUTF8, at: index)
        }
        return index + length
    }
}
