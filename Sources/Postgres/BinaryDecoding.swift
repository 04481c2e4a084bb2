/// Values from PostgreSQL's binary form. Each returns nil when the bytes are none of it.
extension FixedWidthInteger {
    /// Big-endian, of this width or a narrower one (int2 and int4 where int8 is asked for).
    @inline(__always)
    init?(binary bytes: UnsafeRawBufferPointer) {
        if bytes.count == MemoryLayout<Self>.size {
            self = Self(bigEndian: bytes.loadUnaligned(as: Self.self))
            return
        }
        guard bytes.count < MemoryLayout<Self>.size else { return nil }
        switch bytes.count {
        case 4: self.init(exactly: Int32(bigEndian: bytes.loadUnaligned(as: Int32.self)))
        case 2: self.init(exactly: Int16(bigEndian: bytes.loadUnaligned(as: Int16.self)))
        default: return nil
        }
    }
}

extension Bool {
    init?(binary bytes: UnsafeRawBufferPointer) {
        guard bytes.count == 1 else { return nil }
        self = bytes[0] != 0
    }
}

extension Double {
    init?(binary bytes: UnsafeRawBufferPointer) {
        guard bytes.count == 8, let bits = UInt64(binary: bytes) else { return nil }
        self.init(bitPattern: bits)
    }
}

extension String {
    /// The connection's encoding is UTF-8 and the server checks it.
    init?(binary bytes: UnsafeRawBufferPointer) { self.init(decoding: bytes, as: UTF8.self) }

    /// A version, 1, and the text.
    init?(jsonb bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 0, bytes[0] == 1 else { return nil }
        self.init(decoding: bytes[1...], as: UTF8.self)
    }
}

extension Array where Element == UInt8 {
    init?(binary bytes: UnsafeRawBufferPointer) { self.init(bytes) }
}

/// An array of one dimension, or an empty one.
func decodeArray<Element>(
    _ bytes: UnsafeRawBufferPointer, accepts: (UInt32) -> Bool, _ read: (UnsafeRawBufferPointer) -> Element?
) -> [Element?]? {
    func number(at offset: Int) -> Int? {
        guard offset + 4 <= bytes.count else { return nil }
        return Int(Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self)))
    }
    guard let dimensions = number(at: 0), let type = number(at: 8),
        accepts(UInt32(truncatingIfNeeded: type))
    else { return nil }
    if dimensions == 0 { return [] }
    guard dimensions == 1, let count = number(at: 12), count >= 0, count <= bytes.count / 4 else { return nil }
    var elements: [Element?] = []
    elements.reserveCapacity(count)
    var offset = EncodingBuffer.arrayHeader
    for _ in 0..<count {
        guard let length = number(at: offset) else { return nil }
        offset += 4
        if length < 0 {
            elements.append(nil)
            continue
        }
        guard offset + length <= bytes.count,
            let element = read(UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length]))
        else { return nil }
        elements.append(element)
        offset += length
    }
    return elements
}
