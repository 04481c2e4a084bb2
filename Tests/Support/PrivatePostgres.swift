import Foundation
import Polling
import Synchronization

/// A PostgreSQL server of a test's own, to be restarted, killed and given a new timeline.
public final class PrivatePostgres: Sendable {
    /// How `stop` ends it.
    public enum Stop: String, Sendable {
        /// Sessions are ended, then it shuts down in order.
        case fast
        /// Without a checkpoint, as after a crash: the next start recovers.
        case immediate
    }

    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    public let port: Int
    private let directory: URL
    private let programs: URL
    private let isRunning = Mutex(false)

    /// A superuser's URL.
    public var url: String { "postgresql://postgres@127.0.0.1:\(port)/postgres" }

    /// Runs `body` with a new server, and removes it afterwards.
    public static func with<Value>(
        isolation: isolated (any Actor)? = #isolation, _ body: (PrivatePostgres) async throws -> Value
    ) async throws -> Value {
        let server = try PrivatePostgres()
        do {
            try await server.create()
            try await server.start()
            let value = try await body(server)
            try await server.remove()
            return value
        } catch {
            // The failure of the test is the news, not that of the cleaning up.
            try? await server.remove()
            throw error
        }
    }

    /// Runs `body` with a standby that streams from this server, and removes it afterwards.
    public func withStandby<Value>(
        isolation: isolated (any Actor)? = #isolation, _ body: (PrivatePostgres) async throws -> Value
    ) async throws -> Value {
        let standby = try PrivatePostgres()
        do {
            try standby.createDirectory()
            try await standby.run(
                "pg_basebackup",
                ["-D", standby.data, "-R", "-X", "stream", "-c", "fast", "--no-sync", "-d", replicationURL])
            try await standby.start()
            let value = try await body(standby)
            try await standby.remove()
            return value
        } catch {
            // As above.
            try? await standby.remove()
            throw error
        }
    }

    private var replicationURL: String { "postgresql://postgres@127.0.0.1:\(port)/postgres" }

    private init() throws {
        port = try LoopbackSocket.freePort()
        programs = try Self.findPrograms()
        // Short, because the path of a socket in it is limited to 107 bytes.
        directory = URL(fileURLWithPath: "/tmp/case-router-pg-\(getpid())-\(UInt32.random(in: 0 ... .max))")
    }

    /// The newest installed version, as Debian lays it out.
    private static func findPrograms() throws -> URL {
        let root = URL(fileURLWithPath: "/usr/lib/postgresql")
        let versions = try FileManager.default.contentsOfDirectory(atPath: root.path).compactMap(Int.init)
        guard let newest = versions.max() else { throw Failure(description: "no PostgreSQL in \(root.path)") }
        return root.appendingPathComponent("\(newest)/bin")
    }

    // MARK: Control

    private func create() async throws {
        try createDirectory()
        try await run("initdb", ["-D", data, "-A", "trust", "-U", "postgres", "--no-sync"])
    }

    private func createDirectory() throws {
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
        if geteuid() == 0 {
            guard let user = getpwnam("postgres") else { throw Failure(description: "no user postgres") }
            guard chown(directory.path, user.pointee.pw_uid, user.pointee.pw_gid) == 0 else {
                throw Failure(description: "chown of \(directory.path): error \(errno)")
            }
        }
    }

    /// Starts it and waits until it takes connections.
    public func start() async throws {
        let options =
            "-p \(port) -c listen_addresses=127.0.0.1 -c unix_socket_directories=\(directory.path) -c fsync=off "
            + "-c max_connections=50 -c shared_buffers=16MB"
        try await run("pg_ctl", ["-D", data, "-l", "\(directory.path)/log", "-o", options, "-w", "-s", "start"])
        isRunning.withLock { $0 = true }
    }

    /// Stops it and waits for its end.
    public func stop(_ how: Stop = .fast) async throws {
        try await run("pg_ctl", ["-D", data, "-m", how.rawValue, "-w", "-s", "stop"])
        isRunning.withLock { $0 = false }
    }

    /// Kills the server process as `kill -9` does; its sessions' processes end by themselves.
    public func kill() async throws {
        let pid = try processID()
        Glibc.kill(pid, SIGKILL)
        // A new server refuses to start while a process of the old one is attached to its memory.
        let deadline = MonotonicTime.now + .seconds(20)
        while Glibc.kill(pid, 0) == 0 || hasSessions() {
            guard MonotonicTime.now < deadline else { throw Failure(description: "server \(pid) does not end") }
            try await Task.sleep(for: .milliseconds(20))
        }
        isRunning.withLock { $0 = false }
    }

    /// Restarts it as a standby and promotes it: the timeline is the next one, as after a failover.
    public func failOver() async throws {
        try await stop()
        try await runProgram("touch", ["\(data)/standby.signal"])
        try await start()
        try await promote()
    }

    /// A standby stays as it is from now on, whatever is committed on its primary.
    public func stopStreaming() async throws {
        let change = "ALTER SYSTEM SET primary_conninfo = ''"
        try await run("psql", ["-d", url, "-q", "-c", change, "-c", "SELECT pg_reload_conf()"])
    }

    /// Ends a standby's recovery: it takes writes from now on, on the next timeline.
    public func promote() async throws { try await run("pg_ctl", ["-D", data, "-w", "-s", "promote"]) }

    private func remove() async throws {
        if isRunning.withLock({ $0 }) { try await stop(.immediate) }
        try FileManager.default.removeItem(at: directory)
    }

    // MARK: Details

    private var data: String { "\(directory.path)/data" }

    private func processID() throws -> pid_t {
        let text = try String(contentsOfFile: "\(data)/postmaster.pid", encoding: .utf8)
        guard let pid = text.split(separator: "\n").first.flatMap({ pid_t($0) }) else {
            throw Failure(description: "no process id in postmaster.pid")
        }
        return pid
    }

    /// Whether a process works in the data directory still.
    private func hasSessions() -> Bool {
        let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return processes.contains { process in
            guard pid_t(process) != nil else { return false }
            // Unreadable ones are others' processes, or gone.
            return (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/cwd")) == data
        }
    }

    private func run(_ program: String, _ arguments: [String]) async throws {
        try await runProgram(programs.appendingPathComponent(program).path, arguments)
    }

    /// As user `postgres` when this is root, because the server refuses root.
    private func runProgram(_ program: String, _ arguments: [String]) async throws {
        let asPostgres = geteuid() == 0 ? ["runuser", "-u", "postgres", "--"] : []
        let command = asPostgres + [program] + arguments
        let log = "\(directory.path)/\((program as NSString).lastPathComponent).out"
        let status = try await BlockingThread.run("private-pg") { () throws -> Int32 in
            // Somewhere the user postgres may be.
            try Self.wait(for: ["/usr/bin/env", "-C", "/"] + command, output: log)
        }
        if status != 0 {
            let text = try String(contentsOfFile: log, encoding: .utf8)
            throw Failure(description: "\(program) ended with \(status): \(text)")
        }
    }

    /// Not Foundation's `Process`: it waits until every process that inherited its end of a socket has ended, and the
    /// server that `pg_ctl` leaves behind is one of them.
    private static func wait(for command: [String], output: String) throws -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        // Of what this process has open nothing is the server's business.
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
            if let descriptor = Int32(name), descriptor > 2 { posix_spawn_file_actions_addclose(&actions, descriptor) }
        }
        var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
        arguments.append(nil)
        defer { for argument in arguments { free(argument) } }
        var pid = pid_t()
        let result = posix_spawn(&pid, command[0], &actions, nil, arguments, environ)
        guard result == 0 else { throw Failure(description: "\(command[0]): error \(result)") }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 {
            guard errno == EINTR else { throw Failure(description: "waitpid: error \(errno)") }
        }
        // Exit status, or 128 and the signal, as a shell says it.
        return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + status & 0x7F
    }
}
