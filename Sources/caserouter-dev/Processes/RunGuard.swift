import ArgumentParser
import Foundation

/// A process beside a run that ends everything when the run itself was killed and could not.
///
/// The run holds the other end of its standard input, and the kernel closes that with the run, however it ends. The
/// guard is in a process group of its own, out of Ctrl-C's reach, and does nothing when the run has tidied up itself.
final class RunGuard {
    private let child: ChildProcess
    private let line: Int32

    init(_ run: RunDirectory) throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw RunFailure("no pipe: \(String(cString: strerror(errno)))") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[0]) }
        line = ends[1]
        child = try ChildProcess(
            command: [try Executables.own(), "guard", run.path], environment: Executables.environment(home: run.path),
            input: ends[0], output: run.file("guard.log"))
    }

    /// Lets the guard go, after everything has been ended.
    func release() async throws {
        close(line)
        _ = try await child.waitForExit(limit: .seconds(60))
    }
}

/// The guard's own program: not for people, therefore hidden.
struct GuardCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "guard", abstract: "End a run when its command is gone.", shouldDisplay: false)

    @Argument var path: String

    func run() async throws {
        for signal in [SIGINT, SIGTERM, SIGHUP] { Foundation.signal(signal, SIG_IGN) }
        // Blocks until the run closes its end: nothing else happens in this process.
        while try FileHandle.standardInput.read(upToCount: 1) != nil {}
        let url = URL(fileURLWithPath: path)
        let root = url.deletingLastPathComponent().deletingLastPathComponent().path
        try RunDirectory(root: root, name: url.lastPathComponent).endEverything()
    }
}
