/// The name of an object's member while its value is read, escapes resolved.
///
/// A view of the document, not a copy; the compiler lets it live only inside the closure that receives it.
/// Names are compared byte by byte (RFC 8259, section 8.3), never by Unicode equivalence:
///
///     switch key {
///     case "subject": subject = try reader.string()
///     default: break
///     }
public typealias JSONKey = Span<UInt8>

/// Matches a name written in the program, without allocating.
@inlinable
public func ~= (name: StaticString, key: JSONKey) -> Bool {
    guard key.count == name.utf8CodeUnitCount else { return false }
    for index in 0..<key.count where key[unchecked: index] != name.utf8Start[index] { return false }
    return true
}

extension String {
    /// A copy of the name, to keep.
    public init(_ key: JSONKey) {
        // The reader has checked the bytes, so nothing is repaired here.
        self = key.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }
}
