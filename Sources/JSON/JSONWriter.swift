/// Writes JSON (RFC 8259), without whitespace, straight into bytes.
///
/// Objects and arrays are closures, so brackets and commas cannot go wrong:
///
///     let body = JSONWriter.object { object in
///         object.write("id", id)
///         object.write("skills", ["French", "Gold"])
///         object.object("data") { $0.write("priority", 50) }
///     }
///
/// The writer does not look for a name written twice.
public enum JSONWriter {
    /// A document that is an object.
    ///
    /// - Parameter capacity: bytes to reserve; enough saves allocations.
    @inlinable
    public static func object<Failure: Error>(
        capacity: Int = 256, _ body: (inout JSONObjectWriter) throws(Failure) -> Void
    ) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(capacity)
        try append(to: &bytes, object: body)
        return bytes
    }

    /// A document that is an array.
    @inlinable
    public static func array<Failure: Error>(
        capacity: Int = 256, _ body: (inout JSONArrayWriter) throws(Failure) -> Void
    ) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(capacity)
        try append(to: &bytes, array: body)
        return bytes
    }

    /// Appends an object to `bytes`, which when `body` throws end in half an object.
    @inlinable
    public static func append<Failure: Error>(
        to bytes: inout [UInt8], object body: (inout JSONObjectWriter) throws(Failure) -> Void
    ) throws(Failure) {
        // The bytes move into the writer and back: the buffer has one owner at any time and is never copied.
        var writer = JSONObjectWriter(JSONBuffer(bytes: bytes.moved()))
        defer { bytes = writer.buffer.bytes.moved() }
        writer.buffer.bytes.append(UInt8(ascii: "{"))
        try body(&writer)
        writer.buffer.bytes.append(UInt8(ascii: "}"))
    }

    /// Appends an array to `bytes`, which when `body` throws end in half an array.
    @inlinable
    public static func append<Failure: Error>(
        to bytes: inout [UInt8], array body: (inout JSONArrayWriter) throws(Failure) -> Void
    ) throws(Failure) {
        var writer = JSONArrayWriter(JSONBuffer(bytes: bytes.moved()))
        defer { bytes = writer.buffer.bytes.moved() }
        writer.buffer.bytes.append(UInt8(ascii: "["))
        try body(&writer)
        writer.buffer.bytes.append(UInt8(ascii: "]"))
    }

    /// Appends a string with its quotes and escapes.
    public static func append(to bytes: inout [UInt8], string: String) {
        var buffer = JSONBuffer(bytes: bytes.moved())
        buffer.append(string)
        bytes = buffer.bytes
    }
}

extension [UInt8] {
    /// Hands the bytes over and leaves none, so that whoever appends next owns the buffer alone.
    @inlinable
    mutating func moved() -> [UInt8] {
        var bytes: [UInt8] = []
        swap(&bytes, &self)
        return bytes
    }
}
