import Glibc
import Synchronization

/// A process that a test starts, in a process group of its own, with its output in a file.
///
/// Foundation's `Process` learns of an end by a descriptor that grandchildren inherit, so it waits for ever for a
/// program that leaves a daemon behind.
public final class ChildProcess: Sendable {
    public let processID: pid_t
    private let status = Mutex<Int32?>(nil)

    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    /// Starts a program. It gets exactly the environment given, and no input.
    public init(
        _ program: String, _ arguments: [String], environment: [String: String], directory: String, output: String
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Threads of Swift's pool block signals, and a child would inherit that.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))

        // The shell only changes the directory; the program takes its place.
        let shell = ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", directory, program]
        let words = (shell + arguments).map { strdup($0) } + [nil]
        let variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in words + variables { free(pointer) } }
        var processID: pid_t = 0
        let result = posix_spawn(&processID, "/bin/sh", &actions, &attributes, words, variables)
        guard result == 0 else { throw Failure(description: "\(program) cannot be started: error \(result)") }
        self.processID = processID
    }

    /// The exit status (128 + signal when it was ended by one), nil while it runs.
    public var exitStatus: Int32? {
        status.withLock { status in
            if status != nil { return status }
            var raw: Int32 = 0
            guard waitpid(processID, &raw, WNOHANG) == processID else { return nil }
            status = raw & 0x7F == 0 ? (raw >> 8) & 0xFF : 128 + raw & 0x7F
            return status
        }
    }

    /// Returns its exit status once it has ended; nil when it has not within `limit`.
    @discardableResult
    public func wait(atMost limit: Duration) async throws -> Int32? {
        let deadline = ContinuousClock.now + limit
        while exitStatus == nil && ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(10)) }
        return exitStatus
    }

    public func signal(_ number: Int32) {
        // Not after its end: the number may belong to somebody else by then.
        if exitStatus == nil { kill(processID, number) }
    }

    /// Ends it and its process group at once and waits for that.
    public func end() {
        if exitStatus == nil { kill(-processID, SIGKILL) }
        while exitStatus == nil { usleep(1_000) }
    }

    deinit { end() }
}
