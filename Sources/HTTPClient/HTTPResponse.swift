/// A whole answer. Any status is an answer, not an error of this driver.
public struct HTTPResponse: Sendable {
    public let status: Int
    public let headers: HTTPResponseHeaders
    /// Decompressed.
    public let body: [UInt8]
}

/// The header fields of an answer. They are kept as they came and read only when asked for.
public struct HTTPResponseHeaders: Sendable {
    private let head: [UInt8]

    /// - Parameter head: the status line and the fields, as received.
    init(head: [UInt8]) { self.head = head }

    /// The first value under this name, whatever its case.
    public subscript(name: String) -> String? {
        var found: String?
        forEach { field, value in
            if found == nil && Self.equal(field, name) { found = Self.text(value) }
        }
        return found
    }

    /// All values under this name, in order.
    public subscript(all name: String) -> [String] {
        var found: [String] = []
        forEach { field, value in
            if Self.equal(field, name) { found.append(Self.text(value)) }
        }
        return found
    }

    /// All fields, in order, names as they came.
    public var fields: [(name: String, value: String)] {
        var fields: [(name: String, value: String)] = []
        forEach { field, value in fields.append((Self.text(field), Self.text(value))) }
        return fields
    }

    private func forEach(_ visit: (ArraySlice<UInt8>, ArraySlice<UInt8>) -> Void) {
        for line in head.split(separator: UInt8(ascii: "\n")).dropFirst() {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            visit(line[..<colon], Self.trimmed(line[(colon + 1)...]))
        }
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var bytes = bytes
        while let last = bytes.last, last <= 0x20 { bytes.removeLast() }
        while let first = bytes.first, first <= 0x20 { bytes.removeFirst() }
        return bytes
    }

    /// Bytes that are no UTF-8 become replacement characters.
    private static func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

    private static func equal(_ bytes: ArraySlice<UInt8>, _ name: String) -> Bool {
        let name = name.utf8
        return bytes.count == name.count && zip(bytes, name).allSatisfy { lowercased($0) == lowercased($1) }
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
    }
}
