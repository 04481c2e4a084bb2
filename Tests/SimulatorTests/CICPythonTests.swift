import Foundation
import Simulators
import Testing

/// Runs the test's own Python, which `scripts/test` makes with what the scripts import.
enum CICPython {
    static func run(_ arguments: String...) async throws -> String {
        let python = try #require(
            ProcessInfo.processInfo.environment["CASEROUTER_TEST_PYTHON"],
            "CASEROUTER_TEST_PYTHON names the Python with requests in it")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        let status = try await withCheckedThrowingContinuation { (done: CheckedContinuation<Int32, any Error>) in
            process.terminationHandler = { done.resume(returning: $0.terminationStatus) }
            do { try process.run() } catch { done.resume(throwing: error) }
        }
        let output = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        #expect(status == 0, "\(output)")
        return output
    }

    static func script(_ name: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "python/\(name)").path()
    }
}

/// Clients with the habits of those that vendors and others have published; each script ends with a count of checks.
@Suite(.serialized) struct CICPythonTests {
    static var configuration: CICSimulatorConfiguration {
        CICTestSite.configuration {
            var agent = CICAgentConfiguration(name: "anna", workgroups: ["Support"], skills: ["English"])
            agent.pickUpDelay = 100
            agent.handlingTime = 100
            $0.agents = [agent]
        }
    }

    @Test(arguments: ["cic_habits.py", "cic_stream.py", "cic_contract.py"])
    func `clients of other people's making work unchanged`(script: String) async throws {
        try await CICTestSite.run(Self.configuration) { site in
            let output = try await CICPython.run(CICPython.script(script), "127.0.0.1", "\(site.ports[0])")
            #expect(output.contains("checks passed"), "\(output)")
        }
    }
}
