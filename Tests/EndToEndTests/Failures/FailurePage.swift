import Foundation
import TestSupport
import Testing

/// The pages of `docs/failures`, and what their checks print.
enum FailurePage {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// Every code in the source.
    static func codes() throws -> [String] {
        let source = try String(
            contentsOf: root.appending(path: "Sources/CaseRouting/Retry/FailureCause.swift"), encoding: .utf8)
        return source.matches(of: /FailureCause\(rawValue: "([a-z-]+)"\)/).map { String($0.1) }
    }

    static func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: root.appending(path: "docs/failures").path)
    }

    static func text(_ code: String) throws -> String {
        try String(contentsOf: root.appending(path: "docs/failures/\(code).md"), encoding: .utf8)
    }

    /// The commands of a page's check, one a line.
    static func commands(_ code: String) throws -> [String] {
        let page = try text(code)
        let begin = try #require(page.range(of: "\n## Check\n"), "\(code)").upperBound
        let check = page[begin...].prefix(upTo: page[begin...].range(of: "\n## ")?.lowerBound ?? page.endIndex)
        return try #require(check.firstMatch(of: /```sh\n([^`]+)```/), "\(code)").1.split(separator: "\n").map(
            String.init)
    }

    /// What the check of a page prints, errors included.
    ///
    /// - Parameter isCutOff: what is broken is what the commands themselves need, so that they may end as they like.
    ///   Else all of them end well, but for `doctor` when it has found something.
    static func check(_ code: String, _ installation: Installation, isCutOff: Bool = false) async throws -> String {
        var shown = ""
        for command in try commands(code) {
            let outcome = try await installation.outcome(of: command)
            let isGood = outcome.status == 0 || command.hasPrefix("caserouter doctor") && outcome.status == 1
            #expect(isGood || isCutOff, "\(command): \(outcome.output)\(outcome.errors)")
            shown += outcome.output + outcome.errors
        }
        return shown
    }
}
