import Foundation
import Testing
import _CryptoExtras

@testable import Simulators

/// Clients from PyPI, unchanged, over HTTPS.
@Suite struct SalesforceClientTests {
    @Test func `simple-salesforce works unchanged`() async throws {
        let key = try _RSA.Signing.PrivateKey(keySize: .bits2048)
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).key")
        try Data(key.pemRepresentation.utf8).write(to: file)
        defer { _ = try? FileManager.default.removeItem(at: file) }  // Only a temporary file.
        let certificate = try SalesforceOAuthTests.certificate(key)
        try await check("check_simple_salesforce.py", ["SALESFORCE_JWT_KEY": file.path]) {
            $0.jwtCertificatePEM = certificate
        }
    }

    @Test func `aiosfstream-ng works unchanged with the outbox's events`() async throws {
        try await check("check_aiosfstream.py", [:]) { _ in }
    }

    @Test func `aiosfstream-ng works unchanged with an older package's PushTopic`() async throws {
        try await check("check_aiosfstream.py", [:], arguments: ["CaseRouting"]) { $0.legacy = .init() }
    }

    private struct Missing: Error, CustomStringConvertible {
        let description =
            "CASEROUTER_TEST_PYTHON does not name a python with the clients of Tests/SimulatorTests/python"
    }

    private func check(
        _ script: String, _ environment: [String: String], arguments: [String] = [],
        _ change: (inout SalesforceSimulatorConfiguration.Org) -> Void
    ) async throws {
        guard let python = ProcessInfo.processInfo.environment["CASEROUTER_TEST_PYTHON"] else { throw Missing() }
        var org = SalesforceSimulatorConfiguration.Org(name: "north", organizationID: "00Dxx0000001gPL")
        org.queues = ["Support"]
        change(&org)
        var configuration = SalesforceSimulatorConfiguration(orgs: [org])
        configuration.https = true
        configuration.connectHold = 3
        let authority = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).pem").path
        configuration.authorityPath = authority
        let simulator = try SalesforceSimulator(configuration)
        defer { _ = try? FileManager.default.removeItem(atPath: authority) }  // Only a temporary file.
        let (ready, continuation) = AsyncStream<[String: Int]>.makeStream()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { continuation.finish() }
                try await simulator.run { continuation.yield($0) }
            }
            var ports = ready.makeAsyncIterator()
            let port = try #require(await ports.next()?["north"])
            let (status, output) = try await run(
                python, [Self.path(of: script), "localhost:\(port)"] + arguments,
                environment.merging(["REQUESTS_CA_BUNDLE": authority, "SSL_CERT_FILE": authority]) { $1 })
            #expect(status == 0, "\(output)")
            #expect(output.contains(": ok"), "\(output)")
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    private static func path(of script: String, from file: String = #filePath) -> String {
        URL(fileURLWithPath: file).deletingLastPathComponent().appendingPathComponent("python/\(script)").path
    }

    private func run(
        _ program: String, _ arguments: [String], _ environment: [String: String]
    ) async throws -> (Int32, String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let log = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).log")
        guard FileManager.default.createFile(atPath: log.path, contents: nil) else {
            throw CocoaError(.fileWriteUnknown)
        }
        defer { _ = try? FileManager.default.removeItem(at: log) }  // Only a temporary file.
        let handle = try FileHandle(forWritingTo: log)
        process.standardOutput = handle
        process.standardError = handle
        let status = try await withCheckedThrowingContinuation {
            (continuation: CheckedContinuation<Int32, any Error>) in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do {
                try process.run()
            } catch {
                continuation.resume(throwing: error)
            }
        }
        return (status, try String(contentsOf: log, encoding: .utf8))
    }
}
