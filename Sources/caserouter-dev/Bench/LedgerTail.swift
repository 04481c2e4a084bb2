import CBench
import Foundation

/// Counts the lines of a ledger that hold certain texts, as they are written: cheap enough to be asked while a benchmark
/// goes on.
final class LedgerTail {
    private let handle: FileHandle
    private let texts: [[UInt8]]
    private var rest: [UInt8] = []
    /// Lines so far, in the order of the texts. A line counts for a text when it holds it.
    private(set) var counts: [Int]

    init(path: String, _ texts: [String]) throws {
        handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
        self.texts = texts.map { Array($0.utf8) }
        counts = texts.map { _ in 0 }
    }

    /// Counts what is new.
    @discardableResult func look() throws -> [Int] {
        while let chunk = try handle.read(upToCount: 1 << 20), !chunk.isEmpty {
            rest += chunk
            guard let end = rest.lastIndex(of: 0x0A) else { continue }
            for index in texts.indices { counts[index] += Self.count(texts[index], in: rest[...end]) }
            rest.removeFirst(end + 1)
        }
        return counts
    }

    /// The texts are such that a line holds each at most once.
    private static func count(_ text: [UInt8], in lines: ArraySlice<UInt8>) -> Int {
        lines.withUnsafeBytes { case_router_bench_occurrences($0.baseAddress, $0.count, text, text.count) }
    }
}
