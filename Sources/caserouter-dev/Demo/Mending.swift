import Foundation

/// Cases fail for a misspelt skill; an administrator looks, adds an alias, and they are sent again by themselves.
struct Mending: Sendable {
    let product: Product

    private static let server = "cic-east"
    private static let meant = "German"
    private static let limit = Duration.seconds(120)

    private struct Failed: Decodable { let failed: [Case] }

    private struct Case: Decodable { let case_number: String }

    private struct Retries: Decodable { let retries: [Retry] }

    private struct Retry: Decodable { let state: String }

    func happen() async throws {
        try await until("a case has failed for the misspelt skill") { try await failed() > 0 }
        // The others of the first few.
        try await Task.sleep(for: .seconds(2))
        try await show("failed", "list", "--cause", "skill-unknown")
        try await show("aliases", "add", Self.server, DemoSite.misspeltSkill, Self.meant)
        try await until("nothing is failed any more") { try await failed() == 0 }
        try await until("the retry is done") { try await retries().allSatisfy { $0 == "done" } }
        try await show("retries", "list")
        try await show("failed", "list")
    }

    private func retries() async throws -> [String] {
        try JSONDecoder().decode(
            Retries.self, from: try await product.output("retries", ["retries", "list", "--json"])
        ).retries.map(\.state)
    }

    private func failed() async throws -> Int {
        try JSONDecoder().decode(
            Failed.self, from: try await product.output("failed", ["failed", "list", "--json"])
        ).failed.count
    }

    private func show(_ words: String...) async throws {
        Terminal.line("$ caserouter \(words.joined(separator: " "))")
        let output = String(decoding: try await product.output("shown", words), as: UTF8.self)
        for line in output.split(separator: "\n") { Terminal.line("  \(line)") }
    }

    private func until(_ what: String, _ isSo: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + Self.limit
        while try await !isSo() {
            guard ContinuousClock.now < deadline else { throw RunFailure("not within \(Self.limit): \(what)") }
            try await Task.sleep(for: .seconds(1))
        }
    }
}
