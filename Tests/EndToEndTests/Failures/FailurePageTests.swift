import Foundation
import TestSupport
import Testing

/// Every cause has a page, and what it says to check can be checked.
@Suite struct FailurePageTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    private static func codes() throws -> [String] {
        let source = try String(
            contentsOf: root.appending(path: "Sources/CaseRouting/Retry/FailureCause.swift"), encoding: .utf8)
        return source.matches(of: /FailureCause\(rawValue: "([a-z-]+)"\)/).map { String($0.1) }
    }

    private static func page(_ code: String) throws -> String {
        try String(contentsOf: root.appending(path: "docs/failures/\(code).md"), encoding: .utf8)
    }

    /// The text between two headings.
    private static func section(_ heading: String, of page: String) -> Substring? {
        guard let begin = page.range(of: "\n## \(heading)\n") else { return nil }
        let rest = page[begin.upperBound...]
        return rest[..<(rest.range(of: "\n## ")?.lowerBound ?? rest.endIndex)]
    }

    @Test func `every code in the source has a page, and every page a code`() throws {
        let codes = try Self.codes()
        #expect(codes.count > 20)
        #expect(Set(codes).count == codes.count)
        let pages = try FileManager.default.contentsOfDirectory(
            atPath: Self.root.appending(path: "docs/failures").path)
        #expect(pages.sorted() == codes.map { "\($0).md" }.sorted())
        for code in codes {
            let page = try Self.page(code)
            #expect(page.hasPrefix("# \(code)\n"))
            #expect(page.matches(of: /(?m)^## (.*)$/).map { String($0.1) } == ["Meaning", "Check", "Fix"], "\(code)")
        }
    }

    /// What the check of a cause has to show that fails no case; the others show the failed case.
    private static let shown = [
        "cic-unreachable": "breaker", "cic-credentials": "cic:east", "salesforce-unreachable": "worker-of-acme",
        "salesforce-credentials": "org:acme", "salesforce-forbidden": "FIELD_INTEGRITY", "salesforce-limit": "14999",
        "salesforce-error": "rejected position", "database": "acme", "broker": "caserouter.requests",
    ]

    @Test func `the check of every page runs and shows what was injected`() async throws {
        try await Installation.with { installation in
            try await FailureJourneyTests.psql(
                installation,
                """
                INSERT INTO caserouter.orgs (name, organization_id, login_url, flow, mode)
                VALUES ('acme', '00D000000000001EAA', 'https://x', 'client-credentials', 'live');
                INSERT INTO caserouter.cic_servers (name, hosts, holding) VALUES ('east', '{cic:8019}', 'Hold');
                INSERT INTO caserouter.credentials (target, version, key_id, wrapped_key, sealed, changed_by)
                VALUES ('cic:east', 1, 'k', '', '', 'ann'), ('org:acme', 1, 'k', '', '', 'ann');
                INSERT INTO caserouter.holds (kind, name, reason, detail, placed_by)
                VALUES ('cic', 'east', 'breaker', 'x', 'w');
                INSERT INTO caserouter.leases VALUES ('org', 'acme', 'worker-of-acme', 1, now());
                INSERT INTO caserouter.gaps (org, channel, reason) VALUES ('acme', '/x', 'rejected position');
                INSERT INTO caserouter.api_usage VALUES ('acme', 14999, 15000);
                INSERT INTO caserouter.requests (
                    day, org, event_key, case_id, version, version_epoch, change, body, found, occurred_at,
                    write_back_error)
                VALUES (current_date, 'acme', 'o:1', '\(FailingSite.id(99))', 1, 1, 'created', '', 'stream', now(),
                    'FIELD_INTEGRITY');
                """)
            let codes = try Self.codes()
            for (number, code) in codes.enumerated() {
                try await installation.failCases(number + 1...number + 1, cause: code)
            }
            for (number, code) in codes.enumerated() {
                let check = try #require(Self.section("Check", of: try Self.page(code)), "\(code)")
                let lines = try #require(check.firstMatch(of: /```sh\n([^`]+)```/), "\(code)").1
                let output = try await installation.shell("set -e\n\(lines)")
                #expect(output.contains(Self.shown[code] ?? "\(1001 + number)"), "\(code): \(output)")
            }
        }
    }
}
