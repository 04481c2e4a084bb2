/// A number as scanned: how it is written decides how it may be read.
struct JSONNumber {
    let start: Int
    let end: Int
    let isNegative: Bool
    /// The digits without sign, point and exponent; exact when `digits` is at most 19.
    let significand: UInt64
    /// How many digits from the first that is not 0.
    let digits: Int
    /// How many digits stand behind the point.
    let fractionDigits: Int
    let hasFraction: Bool
    let hasExponent: Bool
}

extension JSONReader {
    /// Reads a whole number, exactly.
    ///
    /// - Throws: `notWhole` for a fraction or an exponent, even of a whole value (`1.0`, `1e3`): who counts or numbers
    ///   things does not write them so; `numberOutOfRange` beyond 64 bits.
    public mutating func int() throws(JSONError) -> Int {
        try expect(.number)
        let number = try scanNumber()
        guard !number.hasFraction, !number.hasExponent else { throw fail(.notWhole, at: number.start) }
        guard let int = Self.int(number) else { throw fail(.numberOutOfRange, at: number.start) }
        return int
    }

    /// Reads a number as the nearest double.
    ///
    /// - Throws: `numberOutOfRange` when it is too large for one; too small ones become 0.
    public mutating func double() throws(JSONError) -> Double {
        try expect(.number)
        return try double(try scanNumber())
    }

    /// The number as a whole one; `nil` beyond 64 bits.
    static func int(_ number: JSONNumber) -> Int? {
        guard number.digits <= 19 else { return nil }
        let limit = UInt64(Int.max)
        if number.isNegative {
            return number.significand <= limit + 1 ? Int(truncatingIfNeeded: 0 &- number.significand) : nil
        }
        return number.significand <= limit ? Int(number.significand) : nil
    }

    mutating func double(_ number: JSONNumber) throws(JSONError) -> Double {
        // Both operands of the division are exact doubles, so its result is the nearest one.
        if !number.hasExponent, number.digits <= 15, number.fractionDigits < Self.powersOfTen.count {
            let magnitude = Double(number.significand) / Self.powersOfTen[number.fractionDigits]
            return number.isNegative ? -magnitude : magnitude
        }
        let text = String(
            decoding: UnsafeBufferPointer(start: base + number.start, count: number.end - number.start), as: UTF8.self)
        guard let double = Double(text), double.isFinite else { throw fail(.numberOutOfRange, at: number.start) }
        return double
    }

    /// The powers of ten up to 10^22 are the ones a double holds exactly.
    private static var powersOfTen: [Double] {
        [
            1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
            1e20, 1e21, 1e22,
        ]
    }

    /// Checks a number against the grammar of RFC 8259, section 6, and passes over it and the whitespace behind.
    mutating func scanNumber() throws(JSONError) -> JSONNumber {
        let start = position
        let isNegative = next == UInt8(ascii: "-")
        if isNegative { position += 1 }
        var significand: UInt64 = 0
        var digits = 0
        let whole = position
        passDigits(&significand, &digits)
        let wholeDigits = position - whole
        guard wholeDigits > 0 else { throw malformedNumber(from: start) }
        guard wholeDigits == 1 || base[whole] != UInt8(ascii: "0") else { throw fail(.malformedNumber, at: start) }
        var fractionDigits = 0
        let hasFraction = next == UInt8(ascii: ".")
        if hasFraction {
            position += 1
            let fraction = position
            passDigits(&significand, &digits)
            fractionDigits = position - fraction
            guard fractionDigits > 0 else { throw malformedNumber(from: start) }
        }
        let hasExponent = next | 0x20 == UInt8(ascii: "e")
        if hasExponent {
            position += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
            let exponent = position
            while Self.isDigit(next) { position += 1 }
            guard position > exponent else { throw malformedNumber(from: start) }
        }
        let end = position
        skipWhitespace()
        return JSONNumber(
            start: start, end: end, isNegative: isNegative, significand: significand, digits: digits,
            fractionDigits: fractionDigits, hasFraction: hasFraction, hasExponent: hasExponent)
    }

    @inline(__always)
    private mutating func passDigits(_ significand: inout UInt64, _ digits: inout Int) {
        while Self.isDigit(next) {
            significand = significand &* 10 &+ UInt64(next &- UInt8(ascii: "0"))
            if digits > 0 || next != UInt8(ascii: "0") { digits += 1 }
            position += 1
        }
    }

    @inline(__always)
    private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

    private mutating func malformedNumber(from start: Int) -> JSONError {
        position < count ? fail(.malformedNumber, at: start) : fail(.endedEarly, at: position)
    }
}
