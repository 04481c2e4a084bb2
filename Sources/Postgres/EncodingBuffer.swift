import Glibc

/// Bytes in PostgreSQL's binary form, growing at the end, reused from flush to flush.
///
/// Memory of its own, because libpq wants the addresses of all parameters at once; an address is valid until the
/// next append. Every element is its length (Int32) and its bytes, as in an array; a single parameter is such an
/// element without its length.
final class EncodingBuffer {
    private(set) var base: UnsafeMutableRawPointer
    private(set) var count = 0
    private var capacity: Int

    init(capacity: Int = 1_024) {
        self.capacity = capacity
        base = .allocate(byteCount: capacity, alignment: 16)
    }

    deinit { base.deallocate() }

    func removeAll() { count = 0 }

    func skip(_ bytes: Int) {
        reserve(bytes)
        count += bytes
    }

    @inline(__always)
    private func reserve(_ bytes: Int) {
        if count + bytes > capacity { grow(bytes) }
    }

    private func grow(_ bytes: Int) {
        let wanted = max(capacity * 2, count + bytes)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: wanted, alignment: 16)
        larger.copyMemory(from: base, byteCount: count)
        base.deallocate()
        base = larger
        capacity = wanted
    }

    @inline(__always)
    private func put(_ value: some FixedWidthInteger, at offset: Int) {
        base.storeBytes(of: value.bigEndian, toByteOffset: offset, as: type(of: value))
    }

    func store(_ value: Int32, at offset: Int) { put(value, at: offset) }

    // MARK: Elements

    func appendNull() {
        reserve(4)
        put(Int32(-1), at: count)
        count += 4
    }

    @inline(__always)
    func append<Value: FixedWidthInteger>(_ value: Value) {
        let size = MemoryLayout<Value>.size
        reserve(4 + size)
        put(Int32(truncatingIfNeeded: size), at: count)
        put(value, at: count + 4)
        count += 4 + size
    }

    func append(_ value: Bool) { append(value ? UInt8(1) : 0) }

    func append(_ value: Double) { append(value.bitPattern) }

    func append(_ bytes: UnsafeRawBufferPointer) {
        reserve(4 + bytes.count)
        put(Int32(bytes.count), at: count)
        if let start = bytes.baseAddress { (base + count + 4).copyMemory(from: start, byteCount: bytes.count) }
        count += 4 + bytes.count
    }

    func append(_ text: String) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    /// The binary form of jsonb is a version, 1, and the text.
    func append(jsonb text: String) {
        var text = text
        text.withUTF8 { bytes in
            reserve(5 + bytes.count)
            put(Int32(bytes.count + 1), at: count)
            put(UInt8(1), at: count + 4)
            if let start = bytes.baseAddress { (base + count + 5).copyMemory(from: start, byteCount: bytes.count) }
            count += 5 + bytes.count
        }
    }
}
