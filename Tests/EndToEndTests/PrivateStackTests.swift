import Foundation
import TestSupport
import Testing

/// The private stack through the real program: what it starts answers, and nothing of it stays.
@Suite(.serialized) struct PrivateStackTests {
    private let root: String

    init() throws {
        root = FileManager.default.temporaryDirectory.appending(path: "stack-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    }

    @Test func `a run ends with its command and hands on the exit code`() async throws {
        let process = try start(["--", "sh", "-c", "test -n \"$CASEROUTER_TEST_BROKER_URL\" && exit 7"])
        try await eventually("the run has ended") { !process.isRunning }
        #expect(process.terminationStatus == 7)
        #expect(try Self.processes(of: root) == [])
        try FileManager.default.removeItem(atPath: root)
    }

    @Test func `a run that is killed leaves no process behind`() async throws {
        let process = try start([])
        let description = root + "/.run/stack/stack.json"
        try await eventually("the servers are up") { FileManager.default.fileExists(atPath: description) }
        #expect(try Self.processes(of: root).count >= 2)
        kill(process.processIdentifier, SIGKILL)
        try await eventually("everything has ended") { try Self.processes(of: root).isEmpty }
        try FileManager.default.removeItem(atPath: root)
    }

    @Test func `a run that is interrupted while it starts leaves no process behind`() async throws {
        let process = try start([])
        try await eventually("the first process has started") { try !Self.processes(of: root).isEmpty }
        kill(process.processIdentifier, SIGINT)
        try await eventually("the run has ended") { !process.isRunning }
        // As a shell says it: whether the command ends by the signal, before anything of it runs, or after tidying up.
        let signal: Int32 = process.terminationReason == .uncaughtSignal ? 128 : 0
        #expect(process.terminationStatus + signal == 130)
        try await eventually("everything has ended") { try Self.processes(of: root).isEmpty }
        try FileManager.default.removeItem(atPath: root)
    }

    private func start(_ arguments: [String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appending(path: "caserouter-dev")
        process.arguments = ["stack", "run", "--fast", "--root", root] + arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        return process
    }

    /// Living processes that name the run's directory in their command line or environment.
    private static func processes(of root: String) throws -> [Int32] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { name in
            guard let pid = Int32(name), pid != getpid() else { return nil }
            return ["cmdline", "environ"].contains { file in
                // A process may end while we look, and a dead one has neither.
                let text = try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(pid)/\(file)"))
                return text?.range(of: Data((root + "/.run").utf8)) != nil
            } ? pid : nil
        }
    }
}
