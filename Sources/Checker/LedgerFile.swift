import Foundation

/// Reads a ledger line by line without holding it in memory.
///
/// A last line without its newline is not handed out: the simulator may be writing it at this moment.
final class LedgerFile {
    /// Longest line accepted, in bytes. The longest real ones, interactions with all their attributes, stay under 4 KiB.
    static let longestLine = 16 << 20

    private static let chunk = 1 << 20

    let path: String
    private(set) var line = 0
    /// Where the line stands that was handed out last.
    var source: Source { Source(file: name, line: line) }

    private let name: String

    private let descriptor: Int32
    private var buffer: UnsafeMutableRawBufferPointer
    /// What of `buffer` is read from the file and not handed out yet.
    private var unread = 0..<0

    init(path: String) throws(LedgerError) {
        self.path = path
        name = path.split(separator: "/").last.map(String.init) ?? path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        buffer = .allocate(byteCount: Self.chunk, alignment: 16)
        guard descriptor >= 0 else {
            throw LedgerError(path: path, line: 0, problem: "cannot be opened: \(String(cString: strerror(errno)))")
        }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
        buffer.deallocate()
    }

    /// The next line without its newline, valid until the next call; nil at the end of the file.
    func next() throws(LedgerError) -> UnsafeRawBufferPointer? {
        var searched = 0
        while true {
            if let end = newline(after: searched) {
                let found = UnsafeRawBufferPointer(rebasing: buffer[unread.lowerBound..<end])
                unread = (end + 1)..<unread.upperBound
                line += 1
                return found
            }
            searched = unread.count
            guard try fill() else { return nil }
        }
    }

    /// The place of the next newline; `searched` bytes are known to hold none.
    private func newline(after searched: Int) -> Int? {
        let start = unread.lowerBound + searched
        guard start < unread.upperBound, let base = buffer.baseAddress,
            let hit = memchr(base + start, 0x0A, unread.upperBound - start)
        else { return nil }
        return UnsafeRawPointer(hit) - UnsafeRawPointer(base)
    }

    /// Reads more of the file behind what is unread. False at the end.
    private func fill() throws(LedgerError) -> Bool {
        let kept = unread.count
        guard kept <= Self.longestLine else { throw error("is longer than \(Self.longestLine) bytes") }
        if kept + Self.chunk > buffer.count {
            let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * kept + Self.chunk, alignment: 16)
            larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[unread]))
            buffer.deallocate()
            buffer = larger
        } else if unread.lowerBound > 0, let base = buffer.baseAddress {
            memmove(base, base + unread.lowerBound, kept)
        }
        unread = 0..<kept
        while true {
            let count = read(descriptor, buffer.baseAddress! + kept, Self.chunk)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw error("cannot be read: \(String(cString: strerror(errno)))") }
            unread = 0..<(kept + count)
            return count > 0
        }
    }

    /// An error at the line that follows the ones handed out.
    private func error(_ problem: String) -> LedgerError { LedgerError(path: path, line: line + 1, problem: problem) }
}

/// A ledger that cannot be judged. No verdict is better than one that rests on half of the facts.
public struct LedgerError: Error, CustomStringConvertible, Equatable {
    public let path: String
    /// The line, counted from 1; 0 when the file as a whole is meant.
    public let line: Int
    public let problem: String

    public var description: String { line == 0 ? "\(path) \(problem)" : "\(path), line \(line): \(problem)" }
}
