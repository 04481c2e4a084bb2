import Foundation
import TestSupport
import Testing

/// The whole core between simulated neighbours, by the command that people use: a process of its own, because hashing has
/// to be the same in every run.
struct ProtocolSimulationTests {
    /// `CASEROUTER_TEST_SEEDS` says how many.
    private static let seeds = ProcessInfo.processInfo.environment["CASEROUTER_TEST_SEEDS"] ?? "2000"

    /// Runs `caserouter-dev simulate-protocol`; its output and exit status.
    private func simulate(_ arguments: String...) async throws -> (output: String, status: Int32?) {
        let file = FileManager.default.temporaryDirectory.appending(path: "simulation-\(UUID().uuidString)")
        defer {
            // A file that is missing already is as good.
            try? FileManager.default.removeItem(at: file)
        }
        let program = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appending(path: "caserouter-dev").path
        let process = try ChildProcess(
            program, ["simulate-protocol"] + arguments, environment: ["PATH": "/usr/bin:/bin"],
            directory: FileManager.default.currentDirectoryPath, output: file.path)
        let status = try await process.wait(atMost: .seconds(540))
        return (try String(contentsOf: file, encoding: .utf8), status)
    }

    @Test func `all promises are kept, whatever goes wrong`() async throws {
        let (output, status) = try await simulate("--seeds", Self.seeds)
        #expect(status == 0, "\(output)")
        #expect(output.contains(" 0 broken promises"))
    }

    @Test func `one seed is one history, in any process`() async throws {
        let first = try await simulate("--seeds", "40", "--from", "7001")
        let second = try await simulate("--seeds", "40", "--from", "7001")
        #expect(first.status == 0, "\(first.output)")
        #expect(first.output == second.output)
        let other = try await simulate("--seeds", "40", "--from", "7002")
        #expect(other.output != first.output)
    }

    @Test func `workers that break a rule are found out`() async throws {
        let (output, status) = try await simulate("--broken", "all", "--seeds", "1000")
        #expect(status == 0, "\(output)")
        #expect(!output.contains("NOT FOUND"))
        #expect(output.split(separator: "\n").count { $0.contains("found after") } == 7)
    }

    @Test func `a number of histories that makes no sense is refused`() async throws {
        #expect(try await simulate("--seeds", "0").status == 64)
        #expect(try await simulate("--broken", "everything").status == 64)
    }
}
