/// Bytes that wait to be sent: appended at the end, taken from the front, moved only when the space is needed.
struct OutputBuffer {
    private var storage: UnsafeMutableRawBufferPointer
    private var head = 0
    private var tail = 0

    /// Kept between bursts; a buffer that grew beyond is given back once it is empty.
    private static let keptCapacity = 256 << 10

    init() {
        storage = .allocate(byteCount: 16 << 10, alignment: 16)
    }

    /// The owner calls this once, as its last use.
    func free() { storage.deallocate() }

    var count: Int { tail - head }
    var isEmpty: Bool { head == tail }
    var unsent: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: storage[head..<tail]) }

    /// Lends at least `size` writable bytes at the end; `body` returns how many it wrote.
    mutating func append(upTo size: Int, _ body: (UnsafeMutableRawBufferPointer) -> Int) {
        if storage.count - tail < size { makeRoom(size) }
        tail += body(UnsafeMutableRawBufferPointer(rebasing: storage[tail...]))
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        append(upTo: bytes.count) { space in
            space.copyMemory(from: bytes)
            return bytes.count
        }
    }

    mutating func removeFirst(_ count: Int) {
        head += count
        guard head == tail else { return }
        head = 0
        tail = 0
        if storage.count > Self.keptCapacity {
            storage.deallocate()
            storage = .allocate(byteCount: Self.keptCapacity, alignment: 16)
        }
    }

    private mutating func makeRoom(_ size: Int) {
        let used = count
        var target = storage
        if used + size > storage.count || used > storage.count / 2 {
            target = .allocate(byteCount: max(storage.count * 2, used + size), alignment: 16)
        }
        target.baseAddress!.copyMemory(from: storage.baseAddress! + head, byteCount: used)
        if target.baseAddress != storage.baseAddress { storage.deallocate() }
        storage = target
        head = 0
        tail = used
    }
}
