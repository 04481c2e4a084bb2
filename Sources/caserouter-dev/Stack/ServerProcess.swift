import Foundation
import Synchronization

/// A server of a run that can be ended and started again on the same data and ports.
final class ServerProcess: Sendable {
    private let launch: @Sendable () async throws -> ChildProcess
    private let child: Mutex<ChildProcess>

    /// Starts the server.
    ///
    /// - Parameter launch: starts it and waits until it answers; called again for every new start.
    init(_ launch: @escaping @Sendable () async throws -> ChildProcess) async throws {
        self.launch = launch
        child = Mutex(try await launch())
    }

    var pid: Int32 { child.withLock { $0.pid } }

    /// Whether it has ended, by itself or not.
    var hasEnded: Bool { child.withLock { $0.exitCode() != nil } }

    /// Ends the server with a signal, and kills what it left, and returns when the process is gone.
    func end(_ signal: Int32, within limit: Duration = .seconds(30)) async throws {
        let child = child.withLock { $0 }
        // What was started may be a script, which ends the server in order; a kill has to reach the server itself.
        kill(signal == SIGKILL ? -child.pid : child.pid, signal)
        let deadline = ContinuousClock.now + limit
        while child.exitCode() == nil {
            if ContinuousClock.now >= deadline { kill(-child.pid, SIGKILL) }
            try await Task.sleep(for: .milliseconds(20))
        }
        // Helpers of a server that was killed die by themselves, or now.
        kill(-child.pid, SIGKILL)
    }

    /// Sends a signal to the server and its helpers, to stop or to go on.
    func signalAll(_ signal: Int32) { kill(-pid, signal) }

    /// Starts the server that was ended. What a killed one held may still be in the way for a moment: tried for a
    /// while.
    func start() async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            do {
                let started = try await launch()
                return child.withLock { $0 = started }
            } catch {
                guard ContinuousClock.now < deadline, !Task.isCancelled else { throw error }
                try await Task.sleep(for: .milliseconds(500))
            }
        }
    }
}
