extension JSONReader {
    /// The text of a string that was scanned, and so is known to be well-formed, as UTF-8.
    @usableFromInline
    func resolve(_ text: JSONText) -> [UInt8] {
        let end = text.start + text.count
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var index = text.start
        while index < end {
            guard base[index] == UInt8(ascii: "\\") else {
                bytes.append(base[index])
                index += 1
                continue
            }
            let escape = base[index + 1]
            index += 2
            switch escape {
            case UInt8(ascii: "b"): bytes.append(0x08)
            case UInt8(ascii: "f"): bytes.append(0x0C)
            case UInt8(ascii: "n"): bytes.append(0x0A)
            case UInt8(ascii: "r"): bytes.append(0x0D)
            case UInt8(ascii: "t"): bytes.append(0x09)
            case UInt8(ascii: "u"):
                var scalar = hexadecimalNumber(at: index)
                index += 4
                if scalar >> 10 == 0xD800 >> 10 {
                    scalar = 0x10000 + (scalar & 0x3FF) << 10 + hexadecimalNumber(at: index + 2) & 0x3FF
                    index += 6
                }
                Self.append(scalar, to: &bytes)
            default: bytes.append(escape)
            }
        }
        return bytes
    }

    /// The four digits at `index`, which `scanString` has checked.
    private func hexadecimalNumber(at index: Int) -> UInt32 {
        var number: UInt32 = 0
        for offset in index..<index + 4 { number = number << 4 | UInt32(Self.hexadecimal(base[offset]) ?? 0) }
        return number
    }

    /// Appends a scalar's UTF-8 form (RFC 3629, section 3).
    private static func append(_ scalar: UInt32, to bytes: inout [UInt8]) {
        let continuation = { (shift: UInt32) in 0x80 | UInt8(truncatingIfNeeded: scalar >> shift) & 0x3F }
        switch scalar {
        case ..<0x80:
            bytes.append(UInt8(scalar))
        case ..<0x800:
            bytes += [0xC0 | UInt8(scalar >> 6), continuation(0)]
        case ..<0x10000:
            bytes += [0xE0 | UInt8(scalar >> 12), continuation(6), continuation(0)]
        default:
            bytes += [0xF0 | UInt8(scalar >> 18), continuation(12), continuation(6), continuation(0)]
        }
    }
}
