import Foundation

/// A command that runs with our terminal and the addresses of a stack.
enum ForegroundCommand {
    /// Runs it to its end and returns its exit code. It stays in our process group: Ctrl-C is for it too.
    static func run(_ command: [String], with environmentFile: String) async throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", ". \"$0\" && exec \"$@\"", environmentFile] + command
        let (ended, continuation) = AsyncStream.makeStream(of: Void.self)
        process.terminationHandler = { _ in continuation.finish() }
        try process.run()
        for await _ in ended {}
        if Task.isCancelled {
            process.terminate()
            process.waitUntilExit()
            throw CancellationError()
        }
        return process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
    }
}
