import Dispatch
import Foundation

/// Ctrl-C, a closed terminal and a polite kill: work is cancelled, so that the caller can tidy up.
struct Interrupt: Error, CustomStringConvertible {
    let signal: Int32

    var description: String { "interrupted" }

    private static let signals = [SIGINT, SIGTERM, SIGHUP]

    /// Does `work`; the first signal cancels it and is thrown. Later ones wait until everything is tidied up.
    static func watching<Result: Sendable>(
        _ work: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let (arrived, continuation) = AsyncStream.makeStream(of: Int32.self)
        let sources = signals.map { number in
            Foundation.signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { continuation.yield(number) }
            source.resume()
            return source
        }
        defer { sources.forEach { $0.cancel() } }
        return try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await work() }
            group.addTask {
                for await number in arrived { throw Interrupt(signal: number) }
                return nil
            }
            defer { group.cancelAll() }
            while let finished = try await group.next() {
                if let result = finished { return result }
            }
            throw CancellationError()
        }
    }

    /// Does `work`, and ends everything of the run when it fails or is interrupted.
    static func endsEverything(of run: RunDirectory, _ work: @escaping @Sendable () async throws -> Void) async throws {
        do {
            try await watching(work)
        } catch {
            try run.endEverything()
            throw error
        }
    }
}
