import Foundation
import Synchronization

/// A process of our own making, in a process group of its own, so that the terminal's Ctrl-C reaches only us and we end
/// it in our order.
final class ChildProcess: Sendable {
    let pid: Int32

    private let status = Mutex<Int32?>(nil)

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - command: the program's path and its arguments.
    ///   - environment: all of it; nothing is inherited.
    ///   - input: a descriptor for standard input; none means `/dev/null`.
    ///   - output: the file that standard output is appended to; none means our own output and errors.
    ///   - errors: the one for standard error; none means the same.
    init(
        command: [String], environment: [String: String], input: Int32? = nil, output: String?, errors: String? = nil
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        if let output { posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o600) }
        if let errors {
            posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        } else if output != nil {
            posix_spawn_file_actions_adddup2(&actions, 1, 2)
        }

        // A signal that we ignore or block would stay so in the child, which then could not be ended in order.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

        let arguments = command.map { strdup($0) } + [nil]
        let variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (arguments + variables).forEach { free($0) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, command[0], &actions, &attributes, arguments, variables)
        guard code == 0 else {
            throw RunFailure("\(command[0]) cannot be started: \(String(cString: strerror(code)))")
        }
        self.pid = pid
    }

    /// How the process ended: its exit code, or 128 plus the signal that ended it; nil while it runs.
    func exitCode() -> Int32? {
        status.withLock { status in
            if let status { return status }
            var raw: Int32 = 0
            guard waitpid(pid, &raw, WNOHANG) == pid else { return nil }
            let signal = raw & 0x7F
            status = signal == 0 ? (raw >> 8) & 0xFF : 128 + signal
            return status
        }
    }

    /// Waits for the end of the process, and kills it when it takes longer than `limit` or the task is cancelled.
    func waitForExit(limit: Duration) async throws -> Int32 {
        let deadline = ContinuousClock.now + limit
        while true {
            if let code = exitCode() { return code }
            do {
                guard ContinuousClock.now < deadline else {
                    throw RunFailure("process \(pid) did not end within \(limit)")
                }
                try await Task.sleep(for: .milliseconds(20))
            } catch {
                kill(-pid, SIGKILL)
                throw error
            }
        }
    }
}

/// Why a run cannot go on, in a sentence for a person.
struct RunFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
