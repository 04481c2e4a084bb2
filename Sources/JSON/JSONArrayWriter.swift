/// Writes an array's elements; lent by `JSONWriter` and the writer of the enclosing object or array.
public struct JSONArrayWriter: ~Copyable {
    @usableFromInline var buffer: JSONBuffer
    @usableFromInline var isEmpty = true

    @inlinable
    init(_ buffer: consuming JSONBuffer) { self.buffer = buffer }

    public mutating func write(_ value: String) {
        begin()
        buffer.append(value)
    }

    public mutating func write(_ value: Int) {
        begin()
        buffer.append(value)
    }

    /// Infinities and what is not a number become `null`.
    public mutating func write(_ value: Double) {
        begin()
        buffer.append(value)
    }

    public mutating func write(_ value: Bool) {
        begin()
        buffer.append(value)
    }

    public mutating func write(_ value: JSONValue) {
        begin()
        value.append(to: &buffer.bytes)
    }

    public mutating func writeNull() {
        begin()
        buffer.append(word: "null")
    }

    /// A value that is JSON already.
    ///
    /// - Precondition: `bytes` is one JSON value; checked in debug builds only.
    public mutating func write(raw bytes: [UInt8]) {
        begin()
        buffer.append(raw: bytes)
    }

    @inlinable
    public mutating func object<Failure: Error>(
        _ body: (inout JSONObjectWriter) throws(Failure) -> Void
    ) throws(Failure) {
        begin()
        try JSONWriter.append(to: &buffer.bytes, object: body)
    }

    @inlinable
    public mutating func array<Failure: Error>(
        _ body: (inout JSONArrayWriter) throws(Failure) -> Void
    ) throws(Failure) {
        begin()
        try JSONWriter.append(to: &buffer.bytes, array: body)
    }

    @usableFromInline
    mutating func begin() {
        if !isEmpty { buffer.bytes.append(UInt8(ascii: ",")) }
        isEmpty = false
    }
}
