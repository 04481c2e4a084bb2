/// Ledger lines written by hand, kept together until the effects they tell of are about to be seen.
///
/// A simulator under load writes several lines per effect; one system call for all lines of a request and no encoder
/// keep the ledger cheaper than what it records.
struct LedgerBatch {
    /// The insides of the lines as `Ledger.append(encoded:)` takes them.
    private(set) var bytes: [UInt8] = []

    /// Adds a line; `members` writes what follows the kind, each member beginning with a comma.
    mutating func line(_ kind: StaticString, _ members: (inout LedgerLine) -> Void) {
        var line = LedgerLine(bytes: bytes)
        bytes = []
        line.raw("\"kind\":\"")
        line.raw(kind)
        line.raw("\"")
        members(&line)
        line.raw("\n")
        bytes = line.bytes
    }

    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
    }
}

/// The members of one line.
struct LedgerLine {
    fileprivate(set) var bytes: [UInt8]

    fileprivate init(bytes: consuming [UInt8]) {
        self.bytes = bytes
    }

    mutating func member(_ name: StaticString, _ value: String) {
        open(name)
        bytes.append(UInt8(ascii: "\""))
        for byte in value.utf8 {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            } else if byte < 0x20 {
                raw("\\u00")
                bytes.append(Self.digits[Int(byte >> 4)])
                bytes.append(Self.digits[Int(byte & 15)])
            } else {
                bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    mutating func member(_ name: StaticString, _ value: Int) {
        open(name)
        bytes.append(contentsOf: String(value).utf8)
    }

    mutating func member(_ name: StaticString, _ value: Bool) {
        open(name)
        raw(value ? "true" : "false")
    }

    private mutating func open(_ name: StaticString) {
        raw(",\"")
        raw(name)
        raw("\":")
    }

    fileprivate mutating func raw(_ text: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private static let digits = Array("0123456789abcdef".utf8)
}
