/// Writes an object's members; lent by `JSONWriter` and the writer of the enclosing object or array.
public struct JSONObjectWriter: ~Copyable {
    @usableFromInline var buffer: JSONBuffer
    @usableFromInline var isEmpty = true

    @inlinable
    init(_ buffer: consuming JSONBuffer) { self.buffer = buffer }

    public mutating func write(_ name: String, _ value: String) {
        begin(name)
        buffer.append(value)
    }

    public mutating func write(_ name: String, _ value: Int) {
        begin(name)
        buffer.append(value)
    }

    /// Infinities and what is not a number become `null`.
    public mutating func write(_ name: String, _ value: Double) {
        begin(name)
        buffer.append(value)
    }

    public mutating func write(_ name: String, _ value: Bool) {
        begin(name)
        buffer.append(value)
    }

    public mutating func write(_ name: String, _ value: JSONValue) {
        begin(name)
        value.append(to: &buffer.bytes)
    }

    /// An array of strings.
    public mutating func write(_ name: String, _ values: [String]) {
        array(name) { for value in values { $0.write(value) } }
    }

    /// Leaves the member out when there is no value.
    public mutating func write(_ name: String, ifPresent value: String?) {
        if let value { write(name, value) }
    }

    /// Leaves the member out when there is no value.
    public mutating func write(_ name: String, ifPresent value: Int?) {
        if let value { write(name, value) }
    }

    public mutating func writeNull(_ name: String) {
        begin(name)
        buffer.append(word: "null")
    }

    /// A value that is JSON already.
    ///
    /// - Precondition: `bytes` is one JSON value; checked in debug builds only.
    public mutating func write(_ name: String, raw bytes: [UInt8]) {
        begin(name)
        buffer.append(raw: bytes)
    }

    @inlinable
    public mutating func object<Failure: Error>(
        _ name: String, _ body: (inout JSONObjectWriter) throws(Failure) -> Void
    ) throws(Failure) {
        begin(name)
        try JSONWriter.append(to: &buffer.bytes, object: body)
    }

    @inlinable
    public mutating func array<Failure: Error>(
        _ name: String, _ body: (inout JSONArrayWriter) throws(Failure) -> Void
    ) throws(Failure) {
        begin(name)
        try JSONWriter.append(to: &buffer.bytes, array: body)
    }

    @usableFromInline
    mutating func begin(_ name: String) {
        if !isEmpty { buffer.bytes.append(UInt8(ascii: ",")) }
        isEmpty = false
        buffer.append(name)
        buffer.bytes.append(UInt8(ascii: ":"))
    }
}
