import DequeModule

/// Bytes that wait to be sent: appended at the end, taken from the front. A list of chunks, so that no amount of waiting
/// bytes has to be moved.
struct OutputBuffer {
    private struct Chunk {
        let storage: UnsafeMutableRawBufferPointer
        var head = 0
        var tail = 0

        init(_ size: Int) { storage = .allocate(byteCount: size, alignment: 16) }
    }

    /// Frames of the usual size fit.
    private static let chunkSize = 64 << 10

    /// Never empty.
    private var chunks: Deque<Chunk> = [Chunk(chunkSize)]
    private(set) var count = 0

    /// The owner calls this once, as its last use.
    func free() { for chunk in chunks { chunk.storage.deallocate() } }

    var isEmpty: Bool { count == 0 }

    /// The first bytes; there may be more behind them.
    var unsent: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: chunks[0].storage[chunks[0].head..<chunks[0].tail])
    }

    /// Lends at least `size` writable bytes at the end; `body` returns how many it wrote.
    mutating func append(upTo size: Int, _ body: (UnsafeMutableRawBufferPointer) -> Int) {
        if chunks[chunks.count - 1].storage.count - chunks[chunks.count - 1].tail < size {
            chunks.append(Chunk(max(size, Self.chunkSize)))
            // `unsent` must not be empty while there are bytes.
            if count == 0 { chunks.removeFirst().storage.deallocate() }
        }
        let last = chunks.count - 1
        let written = body(UnsafeMutableRawBufferPointer(rebasing: chunks[last].storage[chunks[last].tail...]))
        chunks[last].tail += written
        count += written
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        append(upTo: bytes.count) { space in
            space.copyMemory(from: bytes)
            return bytes.count
        }
    }

    /// Removes bytes of `unsent`.
    mutating func removeFirst(_ number: Int) {
        chunks[0].head += number
        count -= number
        guard chunks[0].head == chunks[0].tail else { return }
        if chunks.count > 1 {
            chunks.removeFirst().storage.deallocate()
        } else {
            chunks[0].head = 0
            chunks[0].tail = 0
        }
    }
}
