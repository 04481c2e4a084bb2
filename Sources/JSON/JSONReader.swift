/// Reads one JSON document (RFC 8259) from front to back, straight from its bytes.
///
/// Made for answers and messages from outside: the whole document is checked, also what nobody asks for; nothing is
/// allocated but what the program keeps; limits hold throughout. Nothing is repaired: invalid UTF-8, bare control
/// characters, half surrogate pairs, a byte order mark and bytes after the document are refused.
///
///     let request = try JSONReader.decode(body) { reader in
///         var id: String?
///         var skills: [String] = []
///         try reader.object { key, reader in
///             switch key {
///             case "id": id = try reader.string()
///             case "skills": skills = try reader.strings()
///             default: break
///             }
///         }
///         return Request(id: try reader.required(id, "id"), skills: skills)
///     }
///
/// Members and elements whose value the closure does not read are skipped, so `default: break` is all an unknown
/// name needs. **A name that is read twice in one object is refused**, because systems that take the first and
/// systems that take the last would disagree about what was said; names nobody reads may repeat.
///
/// A reader exists only inside `decode`, which throws nothing but `JSONError`; the closures may throw anything, and what
/// is no `JSONError` arrives as `rejected`. The first error is final: a closure that swallows it changes nothing.
public struct JSONReader: ~Copyable {
    @usableFromInline let base: UnsafePointer<UInt8>
    @usableFromInline let count: Int
    @usableFromInline let limits: JSONLimits
    @usableFromInline var position = 0
    @usableFromInline var depth = 0
    /// Names read so far in the objects that are open, outermost first.
    @usableFromInline var names: [JSONText] = []
    /// What `decode` throws in the end, whatever the closures made of it.
    @usableFromInline var failure: JSONError?

    @usableFromInline
    init(_ bytes: UnsafeBufferPointer<UInt8>, limits: JSONLimits) throws(JSONError) {
        guard bytes.count <= limits.maximumBytes else {
            throw JSONError(.tooManyBytes, offset: limits.maximumBytes)
        }
        guard let base = bytes.baseAddress, !bytes.isEmpty else { throw JSONError(.endedEarly, offset: 0) }
        self.base = base
        self.count = bytes.count
        self.limits = limits
        skipWhitespace()
    }

    /// Reads a whole document; `body` reads its one value (a value it leaves alone is skipped, hence checked).
    ///
    /// - Throws: the first problem of the document, or what `body` found wrong with it.
    @inlinable
    public static func decode<Value>(
        _ bytes: Span<UInt8>, limits: JSONLimits = JSONLimits(),
        _ body: (inout JSONReader) throws -> Value
    ) throws(JSONError) -> Value {
        try bytes.withUnsafeBufferPointer { (bytes: UnsafeBufferPointer<UInt8>) throws(JSONError) -> Value in
            var reader = try JSONReader(bytes, limits: limits)
            let start = reader.position
            let value: Value
            do { value = try body(&reader) } catch { throw reader.final(error) }
            try reader.finish(valueBeganAt: start)
            return value
        }
    }

    /// Reads a whole document from an array.
    @inlinable
    public static func decode<Value>(
        _ bytes: [UInt8], limits: JSONLimits = JSONLimits(),
        _ body: (inout JSONReader) throws -> Value
    ) throws(JSONError) -> Value {
        try decode(bytes.span, limits: limits, body)
    }

    /// Reads a whole document where a C library holds it, without a copy.
    @inlinable
    public static func decode<Value>(
        _ bytes: UnsafeRawBufferPointer, limits: JSONLimits = JSONLimits(),
        _ body: (inout JSONReader) throws -> Value
    ) throws(JSONError) -> Value {
        try decode(bytes.bindMemory(to: UInt8.self).span, limits: limits, body)
    }

    @usableFromInline
    mutating func finish(valueBeganAt start: Int) throws(JSONError) {
        if position == start, failure == nil { try skip() }
        if let failure { throw failure }
        skipWhitespace()
        guard position == count else { throw JSONError(.trailingBytes, offset: position) }
    }

    /// What `decode` throws when a closure threw `error`.
    @inline(never)
    @usableFromInline
    func final(_ error: any Error) -> JSONError {
        failure ?? error as? JSONError ?? JSONError(.rejected(error), offset: position)
    }

    /// Notes the document's first problem.
    @inline(never)
    @usableFromInline
    mutating func fail(_ problem: JSONError.Problem, at offset: Int) -> JSONError {
        let error = JSONError(problem, offset: offset)
        if failure == nil { failure = error }
        return error
    }

    /// The problem of a byte that cannot stand where it stands, or is not there.
    @inline(never)
    @usableFromInline
    mutating func unexpected() -> JSONError {
        fail(position < count ? .unexpectedByte : .endedEarly, at: position)
    }

    /// The byte at `position`; 0, which can stand nowhere outside a string, at the end.
    @inline(__always)
    @usableFromInline
    var next: UInt8 { position < count ? base[position] : 0 }

    @inline(__always)
    @usableFromInline
    mutating func skipWhitespace() {
        while position < count {
            let byte = base[position]
            guard byte <= 0x20, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
            position += 1
        }
    }
}
