import ArgumentParser
import Foundation

/// A run that lives as long as its command.
enum OwnedRun {
    /// Ends what an earlier command left in the directory, does `work`, and ends everything that it started: when it is
    /// done, fails or is interrupted, and by the guard when this process is killed.
    ///
    /// - Parameter whenInterrupted: called before everything is ended, which takes seconds.
    /// - Throws: `ExitCode`, 128 plus the signal as every shell says it, when it was interrupted.
    static func with<Result: Sendable>(
        _ run: RunDirectory, whenInterrupted: () -> Void = {},
        _ work: @escaping @Sendable (RunDirectory) async throws -> Result
    ) async throws -> Result {
        let lock = try await RunLock(run, wait: .seconds(60))
        try run.endEverything()
        try run.makeEmpty()
        let runGuard = try RunGuard(run)
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await Interrupt.watching { try await work(run) })
        } catch {
            if error is Interrupt { whenInterrupted() }
            result = .failure(error)
        }
        try run.endEverything()
        try await runGuard.release()
        lock.release()
        do {
            return try result.get()
        } catch let interrupt as Interrupt {
            throw ExitCode(128 + interrupt.signal)
        }
    }
}
