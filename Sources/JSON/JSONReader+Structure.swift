extension JSONReader {
    /// Reads an object: `body` runs once per member, in the document's order, standing before the member's value.
    ///
    /// - Throws: `mismatch` when the next value is not an object; `repeatedName` when `body` read a name twice.
    @inlinable
    public mutating func object(
        _ body: (JSONKey, inout JSONReader) throws -> Void
    ) throws {
        let outer = names.count
        var register: Set<JSONName> = []
        var more = try open(.object, closing: UInt8(ascii: "}"))
        while more {
            let name = try memberName()
            let start = position
            if name.isEscaped {
                try body(resolve(name).span, &self)
            } else {
                try body(UnsafeBufferPointer(start: base + name.start, count: name.count).span, &self)
            }
            if position == start {
                try skip()
            } else {
                try note(name, after: outer, in: &register)
            }
            more = try goOn(closing: UInt8(ascii: "}"))
        }
        names.removeLast(names.count - outer)
    }

    /// Reads an array: `body` runs once per element, standing before it.
    @inlinable
    public mutating func array(_ body: (inout JSONReader) throws -> Void) throws {
        var more = try open(.array, closing: UInt8(ascii: "]"))
        while more {
            let start = position
            try body(&self)
            if position == start { try skip() }
            more = try goOn(closing: UInt8(ascii: "]"))
        }
    }

    /// Reads an array into what `body` makes of its elements.
    @inlinable
    public mutating func values<Value>(
        _ body: (inout JSONReader) throws -> Value
    ) throws -> [Value] {
        var values: [Value] = []
        try array { reader in values.append(try body(&reader)) }
        return values
    }

    /// Enters an object or array; whether it holds anything.
    @usableFromInline
    mutating func open(_ kind: JSONKind, closing: UInt8) throws(JSONError) -> Bool {
        try expect(kind)
        guard depth < limits.maximumDepth else { throw fail(.tooDeep, at: position) }
        position += 1
        skipWhitespace()
        if next == closing {
            position += 1
            skipWhitespace()
            return false
        }
        depth += 1
        return true
    }

    /// After a member or element: whether another one follows. Leaves the object or array when none does.
    @usableFromInline
    mutating func goOn(closing: UInt8) throws(JSONError) -> Bool {
        let byte = next
        guard byte == UInt8(ascii: ",") || byte == closing else { throw unexpected() }
        position += 1
        skipWhitespace()
        if byte == closing { depth -= 1 }
        return byte != closing
    }

    /// Reads a member's name and the colon.
    @usableFromInline
    mutating func memberName() throws(JSONError) -> JSONText {
        guard next == UInt8(ascii: "\"") else { throw unexpected() }
        let name = try scanString()
        guard next == UInt8(ascii: ":") else { throw unexpected() }
        position += 1
        skipWhitespace()
        return name
    }

    /// Checks the kind of the next value without moving.
    @inline(__always)
    @usableFromInline
    mutating func expect(_ kind: JSONKind) throws(JSONError) {
        guard let found = JSONKind(firstByte: next) else { throw unexpected() }
        guard found == kind else { throw fail(.mismatch(expected: kind, found: found), at: position) }
    }
}
