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
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
        if geteuid() == 0 {
            guard let user = getpwnam("postgres") else { throw Failure(description: "no user postgres") }
            guard chown(directory.path, user.pointee.pw_uid, user.pointee.pw_gid) == 0 else {
                throw Failure(description: "chown of \(directory.path): error \(errno)")
            }
        }
        try await run("initdb", ["-D", data, "-A", "trust", "-U", "postgres", "--no-sync"])
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
        try await run("pg_ctl", ["-D", data, "-w", "-s", "promote"])
    }

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
            guard FileManager.default.createFile(atPath: log, contents: nil),
                let output = FileHandle(forWritingAtPath: log)
            else { throw Failure(description: "cannot write \(log)") }
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = command
            process.currentDirectoryURL = URL(fileURLWithPath: "/")
            // A file, because a server that is started would keep a pipe open.
            process.standardOutput = output
            process.standardError = output
            process.standardInput = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            return process.terminationStatus
        }
        if status != 0 {
            let text = try String(contentsOfFile: log, encoding: .utf8)
            throw Failure(description: "\(program) ended with \(status): \(text)")
        }
    }
}
