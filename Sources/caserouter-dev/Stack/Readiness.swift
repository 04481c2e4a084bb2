import Foundation

/// Waiting for a server that was started.
enum Readiness {
    /// Asks every 50 ms until the server is ready.
    ///
    /// - Throws: as soon as the process has ended, or when the limit has passed; the message shows the end of its log.
    static func wait(
        for label: String, _ child: ChildProcess, log: String, limit: Duration, isReady: () -> Bool
    ) async throws {
        let deadline = ContinuousClock.now + limit
        while !isReady() {
            if let code = child.exitCode() {
                throw RunFailure("\(label) ended with \(code): see \(log)\n\(RunDirectory.lastLines(of: log))")
            }
            guard ContinuousClock.now < deadline else {
                throw RunFailure("\(label) is not ready after \(limit): see \(log)\n\(RunDirectory.lastLines(of: log))")
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}

/// Passwords that live as long as a run.
enum Secret {
    /// 128 random bits as hexadecimal digits.
    static func make() -> String { (0..<16).map { _ in String(format: "%02x", UInt8.random(in: 0...255)) }.joined() }
}
