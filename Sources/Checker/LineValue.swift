import Foundation

extension UnsafeRawBufferPointer {
    /// Whether the bytes are exactly this text.
    func spells(_ text: StaticString) -> Bool {
        count == text.utf8CodeUnitCount && (count == 0 || memcmp(baseAddress!, text.utf8Start, count) == 0)
    }
}

extension LineScanner.Value {
    /// The text of a string; null counts as empty, because both sides of a ledger may leave a name out.
    func text() throws(LineScanner.Problem) -> String {
        switch kind {
        case .string: return String(decoding: bytes, as: UTF8.self)
        case .null: return ""
        case .stringWithEscapes:
            let quoted = Data([0x22]) + Data(bytes) + Data([0x22])
            do {
                return try JSONDecoder().decode(String.self, from: quoted)
            } catch {
                throw LineScanner.Problem("holds a string with a wrong escape")
            }
        default: throw LineScanner.Problem("holds something else where a text belongs")
        }
    }

    /// The text as a Salesforce id, cut to the 15 characters that make it unique: the other three are a checksum, and
    /// neither side must be believed to always write them.
    func identifier() throws(LineScanner.Problem) -> String {
        guard kind == .string, bytes.count > 15 else { return try text() }
        return String(decoding: bytes[..<15], as: UTF8.self)
    }

    func integer() throws(LineScanner.Problem) -> Int64 {
        guard kind == .number, !bytes.isEmpty, bytes.count <= 18 else {
            throw LineScanner.Problem("holds something else where a whole number belongs")
        }
        var value: Int64 = 0
        for byte in bytes {
            guard case UInt8(ascii: "0")...UInt8(ascii: "9") = byte else {
                throw LineScanner.Problem("holds something else where a whole number belongs")
            }
            value = value * 10 + Int64(byte - UInt8(ascii: "0"))
        }
        return value
    }

    func flag() throws(LineScanner.Problem) -> Bool {
        switch kind {
        case .true: true
        case .false: false
        default: throw LineScanner.Problem("holds something else where true or false belongs")
        }
    }
}
