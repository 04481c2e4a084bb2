extension JSONReader {
    /// The kind of the next value, without reading it; `nil` when none begins here.
    public var kind: JSONKind? { JSONKind(firstByte: next) }

    /// Where the next value begins, in bytes from the document's beginning.
    public var offset: Int { position }

    /// Reads `true` or `false`.
    public mutating func bool() throws(JSONError) -> Bool {
        try expect(.bool)
        let isTrue = next == UInt8(ascii: "t")
        try word(isTrue ? "true" : "false")
        return isTrue
    }

    /// Reads `null` if it is the next value; whether it was.
    public mutating func null() throws(JSONError) -> Bool {
        guard next == UInt8(ascii: "n") else { return false }
        try word("null")
        return true
    }

    /// Reads what `body` reads, or `nil` for `null`.
    @inlinable
    public mutating func optional<Value>(
        _ body: (inout JSONReader) throws -> Value
    ) throws -> Value? {
        try null() ? nil : try body(&self)
    }

    // The same for the kinds that adapters read most.

    public mutating func optionalString() throws(JSONError) -> String? { try null() ? nil : try string() }
    public mutating func optionalInt() throws(JSONError) -> Int? { try null() ? nil : try int() }
    public mutating func optionalDouble() throws(JSONError) -> Double? { try null() ? nil : try double() }
    public mutating func optionalBool() throws(JSONError) -> Bool? { try null() ? nil : try bool() }

    /// Passes over a value of any kind. It is checked like any other; only repeated names are not looked for.
    public mutating func skip() throws(JSONError) {
        switch JSONKind(firstByte: next) {
        case .string: _ = try scanString()
        case .number: _ = try scanNumber()
        case .bool: _ = try bool()
        case .null: _ = try null()
        case .array:
            var more = try open(.array, closing: UInt8(ascii: "]"))
            while more {
                try skip()
                more = try goOn(closing: UInt8(ascii: "]"))
            }
        case .object:
            var more = try open(.object, closing: UInt8(ascii: "}"))
            while more {
                _ = try memberName()
                try skip()
                more = try goOn(closing: UInt8(ascii: "}"))
            }
        case nil: throw unexpected()
        }
    }

    /// Passes over a value and says where in the document it stands, to be stored as it is or decoded later.
    public mutating func raw() throws(JSONError) -> Range<Int> {
        let start = position
        try skip()
        var end = position
        // No value ends in whitespace, so what stands before `position` does not belong to it.
        while base[end - 1] <= 0x20 { end -= 1 }
        return start..<end
    }

    /// Passes over a value and returns a copy of its bytes.
    public mutating func rawBytes() throws(JSONError) -> [UInt8] {
        let range = try raw()
        return Array(UnsafeBufferPointer(start: base + range.lowerBound, count: range.count))
    }

    /// The member's value, if the document had it; else the error that says which one is missing.
    @inlinable
    public mutating func required<Value>(_ value: Value?, _ name: StaticString) throws(JSONError) -> Value {
        guard let value else { throw missing(name) }
        return value
    }

    /// The error for a member without which the program cannot go on.
    public mutating func missing(_ name: StaticString) -> JSONError { fail(.missing(name), at: position) }

    /// The error for a well-formed value that is not what the program needs, such as "a date".
    ///
    /// - Parameter offset: where the value began (see `offset`); by default where the reader is now.
    public mutating func invalid(_ needed: StaticString, at offset: Int? = nil) -> JSONError {
        fail(.invalid(needed), at: offset ?? position)
    }

    private mutating func word(_ word: StaticString) throws(JSONError) {
        for index in 0..<word.utf8CodeUnitCount {
            guard next == word.utf8Start[index] else { throw unexpected() }
            position += 1
        }
        skipWhitespace()
    }
}
