import Foundation

/// A private PostgreSQL server of a run: fresh data, loopback only, a random password for its superuser.
struct PostgresServer {
    private static let user = "postgres"

    let port: UInt16
    /// The superuser's URL.
    let url: String
    /// Where the data lie: in the run directory, or beside it where the server's user cannot reach that.
    let dataDirectory: String
    let process: ServerProcess
    /// What the data lie on, where it shall be filled sometimes.
    let disk: SmallDisk?

    /// Initialises and starts the server, and waits until it takes connections.
    ///
    /// - Parameters:
    ///   - durable: false gives up what a power cut would take, for tests that commit a lot.
    ///   - onSmallDisk: whether the data lie on a file system of their own, which can be filled.
    static func start(
        in run: RunDirectory, port: UInt16, durable: Bool, onSmallDisk: Bool = false
    ) async throws -> PostgresServer {
        let environment = Executables.environment(home: "/tmp")
        let account = try ServerAccount()
        let folder = try account.folder(run)
        let disk = onSmallDisk ? try await SmallDisk.mount(over: folder, in: run) : nil
        if disk != nil { try account.own(folder) }
        let password = Secret.make()
        try account.give(password + "\n", at: folder + "/password")
        let data = folder + "/data"
        try await run.run(
            "postgres-initdb",
            account.command([
                try Executables.postgres("initdb"), "--pgdata", data, "--username", user, "--pwfile",
                folder + "/password",
                "--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale", "--no-instructions", "--no-sync",
            ]), environment: environment)

        var settings = [
            "listen_addresses=127.0.0.1", "port=\(port)", "unix_socket_directories=", "max_connections=200",
            "log_line_prefix=%m [%p] %a ", "timezone=UTC", "log_timezone=UTC",
        ]
        if !durable { settings += ["fsync=off", "synchronous_commit=off", "full_page_writes=off"] }
        if onSmallDisk { settings += ["min_wal_size=32MB", "max_wal_size=96MB"] }
        let command = account.command(
            [try Executables.postgres("postgres"), "-D", data] + settings.flatMap { ["-c", $0] })
        let process = try await ServerProcess {
            let child = try run.start(
                "postgres", command, environment: environment, rank: .server, endSignal: SIGINT)
            try await Readiness.wait(for: "postgres", child, log: run.file("postgres.log"), limit: .seconds(180)) {
                Self.isReady(data, child.pid)
            }
            return child
        }
        return PostgresServer(
            port: port, url: "postgresql://\(user):\(password)@127.0.0.1:\(port)/postgres", dataDirectory: data,
            process: process, disk: disk)
    }

    /// The eighth line of the server's own pid file tells its state, the first whose it is: one that was killed leaves it.
    private static func isReady(_ data: String, _ pid: Int32) -> Bool {
        // The file appears while the server starts.
        guard let text = try? String(contentsOfFile: data + "/postmaster.pid", encoding: .utf8) else { return false }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        return lines.count > 7 && lines[0] == "\(pid)"
            && (lines[7].hasPrefix("ready") || lines[7].hasPrefix("standby"))
    }

    // MARK: Failover

    /// Copies the data while the server works: what a standby has at the end of the call.
    func copyData(_ run: RunDirectory) async throws {
        try? FileManager.default.removeItem(atPath: copy)  // There is none the first time.
        try await run.run(
            "postgres-copy",
            try ServerAccount().command([
                try Executables.postgres("pg_basebackup"), "--pgdata", copy, "--dbname", url, "--wal-method", "stream",
                "--checkpoint", "fast", "--no-sync",
            ]), environment: Executables.environment(home: "/tmp"))
    }

    /// Kills the server, starts the copy in its place as a standby and promotes it. What was committed since the copy was
    /// made is lost.
    func replaceByCopy(_ run: RunDirectory) async throws {
        try await process.end(SIGKILL)
        let old = copy + "-before"
        try? FileManager.default.removeItem(atPath: old)  // There is none the first time.
        try FileManager.default.moveItem(atPath: dataDirectory, toPath: old)
        try FileManager.default.moveItem(atPath: copy, toPath: dataDirectory)
        try ServerAccount().give("", at: dataDirectory + "/standby.signal")
        try await process.start()
        try await run.run(
            "postgres-promote",
            try ServerAccount().command([
                try Executables.postgres("pg_ctl"), "--pgdata", dataDirectory, "--wait", "promote",
            ]), environment: Executables.environment(home: "/tmp"))
    }

    private var copy: String { dataDirectory + "-copy" }
}

/// The user PostgreSQL runs as: it refuses root, and any other user is good enough.
private struct ServerAccount {
    private let id: (user: uid_t, group: gid_t)?

    init() throws {
        guard geteuid() == 0 else {
            id = nil
            return
        }
        guard let entry = getpwnam("postgres") else {
            throw RunFailure(
                "PostgreSQL does not run as root, and there is no user postgres: apt-get install postgresql")
        }
        id = (entry.pointee.pw_uid, entry.pointee.pw_gid)
    }

    /// The command, run as that user. `env` and `setpriv` become the command, so that
    /// the process we started is the server; it may not be able to enter our directory, which its tools insist on.
    func command(_ command: [String]) -> [String] {
        guard id != nil else { return command }
        return [
            "/usr/bin/env", "--chdir=/", "/usr/bin/setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups",
            "--",
        ] + command
    }

    /// A folder for the server's data, which its user owns.
    ///
    /// In the run directory; a checkout below root's home however is closed to every other user, and then the data lie
    /// in the temporary directory, with a link to them in the run directory.
    func folder(_ run: RunDirectory) throws -> String {
        let inside = run.file("postgres")
        guard let id, !Self.canReach(run.path, id) else { return try make(inside) }
        let outside = NSTemporaryDirectory() + "caserouter-\(Secret.make().prefix(12))"
        try FileManager.default.createSymbolicLink(atPath: inside, withDestinationPath: outside)
        return try make(outside)
    }

    /// Writes a file that only the server's user may read.
    func give(_ text: String, at path: String) throws {
        guard
            FileManager.default.createFile(
                atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
        else { throw RunFailure("\(path) cannot be written") }
        try own(path)
    }

    private func make(_ path: String) throws -> String {
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        try own(path)
        return path
    }

    func own(_ path: String) throws {
        guard let id else { return }
        guard chown(path, id.user, id.group) == 0 else {
            throw RunFailure("\(path) cannot be given to user postgres: \(String(cString: strerror(errno)))")
        }
    }

    /// Whether a user may pass through every folder of the path.
    private static func canReach(_ path: String, _ id: (user: uid_t, group: gid_t)) -> Bool {
        var url = URL(fileURLWithPath: path).resolvingSymlinksInPath()
        while true {
            var status = stat()
            guard stat(url.path, &status) == 0 else { return false }
            let bit: mode_t = status.st_uid == id.user ? 0o100 : status.st_gid == id.group ? 0o010 : 0o001
            guard status.st_mode & bit != 0 else { return false }
            if url.path == "/" { return true }
            url.deleteLastPathComponent()
        }
    }
}
