import Foundation
import Synchronization

/// The append-only record of everything a simulator was asked and everything it did.
///
/// One JSON object per line, in the order in which the simulator did it. The checker judges the product by these
/// files and nothing else, so an effect is written before anybody can see it: `append` returns after `write(2)`.
/// Every line carries `n`, a number that rises by one, and `at`, microseconds since 1970.
public final class Ledger: Sendable {
    private struct State {
        var handle: FileHandle
        var next = 1
    }

    private let state: Mutex<State>

    /// Opens a ledger; an existing file is continued.
    public init(path: String) throws {
        if !FileManager.default.fileExists(atPath: path) {
            guard FileManager.default.createFile(atPath: path, contents: nil) else {
                throw CocoaError(.fileWriteUnknown, userInfo: [NSFilePathErrorKey: path])
            }
        }
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try handle.seekToEnd()
        state = Mutex(State(handle: handle))
    }

    /// Appends several lines with one `write(2)`, for a simulator that makes tens of thousands of them a second.
    ///
    /// - Parameter lines: the insides of JSON objects, `kind` included and without `n` and `at`, each ended by a
    ///   newline. They are written as they are.
    public func append(encoded lines: [UInt8]) {
        guard !lines.isEmpty else { return }
        let at = Int64(Date().timeIntervalSince1970 * 1_000_000)
        state.withLock { state in
            var bytes: [UInt8] = []
            bytes.reserveCapacity(lines.count + 256)
            var rest = lines[...]
            while let end = rest.firstIndex(of: 0x0A) {
                bytes.append(contentsOf: "{\"n\":\(state.next),\"at\":\(at),".utf8)
                bytes.append(contentsOf: rest[..<end])
                bytes.append(contentsOf: [0x7D, 0x0A])
                state.next += 1
                rest = rest[(end + 1)...]
            }
            do {
                try state.handle.write(contentsOf: bytes)
            } catch {
                // A ledger with a hole would acquit the product of what it did.
                fatalError("the ledger cannot be written: \(error)")
            }
        }
    }

    /// Appends one line. `kind` names what the line is about; the keys of each kind stand in `docs/simulators.md`.
    public func append<Line: Encodable & Sendable>(_ kind: String, _ line: Line) {
        let at = Int64(Date().timeIntervalSince1970 * 1_000_000)
        state.withLock { state in
            let entry = Entry(n: state.next, at: at, kind: kind, line: line)
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            do {
                var bytes = try encoder.encode(entry)
                bytes.append(0x0A)
                try state.handle.write(contentsOf: bytes)
                state.next += 1
            } catch {
                // A ledger with a hole would acquit the product of what it did.
                fatalError("the ledger cannot be written: \(error)")
            }
        }
    }

    private struct Entry<Line: Encodable>: Encodable {
        let n: Int
        let at: Int64
        let kind: String
        let line: Line

        enum Key: String, CodingKey { case n, at, kind }

        func encode(to encoder: any Encoder) throws {
            try line.encode(to: encoder)
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(n, forKey: .n)
            try container.encode(at, forKey: .at)
            try container.encode(kind, forKey: .kind)
        }
    }
}
