/// Finds the end of text that stands in a JSON string as itself.
enum JSONPlainText {
    /// The first byte from `start` on that is a quote, a backslash, a control character or, for a reader, beyond ASCII;
    /// `count` when there is none.
    ///
    /// Eight bytes at a time: a byte's top bit is set in `stop` when the byte is one of those. A borrow can set a wrong
    /// bit only above a right one, and the lowest bit is the one that counts.
    @inline(__always)
    static func end(in bytes: UnsafePointer<UInt8>, from start: Int, count: Int, atNonASCII: Bool) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        var index = start
        while index + 8 <= count {
            let word = UInt64(littleEndian: UnsafeRawPointer(bytes + index).loadUnaligned(as: UInt64.self))
            let quote = word ^ (ones &* 0x22)
            let backslash = word ^ (ones &* 0x5C)
            let special =
                ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash) | ((word &- ones &* 0x20) & ~word)
            let stop = (atNonASCII ? special | word : special) & (ones &* 0x80)
            if stop != 0 { return index + stop.trailingZeroBitCount / 8 }
            index += 8
        }
        while index < count {
            let byte = bytes[index]
            if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { break }
            if atNonASCII, byte >= 0x80 { break }
            index += 1
        }
        return index
    }
}
