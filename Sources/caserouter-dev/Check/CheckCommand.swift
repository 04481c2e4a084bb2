import ArgumentParser
import Checker
import Foundation

/// `check`: judges a run by what it left behind.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Judge a run at rest: what was lost, doubled, out of order, and what else is wrong.",
        discussion: """
            A run's directory holds checker-site.json, the ledgers of its simulators and, where they were written, \
            database.ndjson and queues.ndjson: without these only what simulators can tell is judged. Exit 1 when \
            anything was found.
            """)

    @Argument(help: "The run's directory.") var directory: String?
    @Option(help: "The site's description, as the demo writes it: checker-site.json.") var site: String?
    @Option(parsing: .upToNextOption, help: "Ledgers of Salesforce simulators.") var salesforce: [String] = []
    @Option(parsing: .upToNextOption, help: "Ledgers of CIC simulators.") var cic: [String] = []
    @Option(help: "What was read from the database.") var database: String?
    @Option(help: "What lay in the queues.") var queues: String?
    @Flag(help: "Print the statement that reads the database, for psql -qAt -f -.") var sql = false

    func validate() throws {
        if !sql && (directory == nil) == (site == nil) {
            throw ValidationError("Name the run's directory, or its files by --site, --salesforce and --cic.")
        }
    }

    func run() throws {
        if sql {
            print(DatabaseQuery.text, terminator: "")
            return
        }
        let verdict = try Judge.verdict(try evidence())
        for line in VerdictReport.lines(verdict) { print(line) }
        print(
            "check: \(verdict.cases) cases, \(verdict.rows) rows, \(verdict.lost.count) lost, "
                + "\(verdict.doubled.count) doubled, \(verdict.outOfOrder.count) out of order, "
                + "\(verdict.orphans.count) orphans, \(verdict.others.count) others")
        if !verdict.findings.isEmpty { throw ExitCode(1) }
    }

    private func evidence() throws -> Evidence {
        if let directory { return try Evidence(run: directory) }
        guard let site else { throw ValidationError("--site is missing.") }
        return Evidence(
            site: try JSONDecoder().decode(Site.self, from: Data(contentsOf: URL(fileURLWithPath: site))),
            salesforce: salesforce, cic: cic, database: database, queues: queues)
    }
}

/// A verdict's findings, for a person.
enum VerdictReport {
    /// Findings of each kind that are shown; the rest is counted.
    private static let shown = 20

    static func lines(_ verdict: Verdict) -> [String] {
        lines("lost", verdict.lost) + lines("doubled", verdict.doubled) + lines("out of order", verdict.outOfOrder)
            + lines("orphan", verdict.orphans) + lines("wrong", verdict.others)
            + lines("recovered late", verdict.lateRecoveries)
    }

    private static func lines(_ word: String, _ findings: [Verdict.Finding]) -> [String] {
        let lines = findings.prefix(shown).map { finding in
            let reasons = zip(finding.reasons, finding.evidence).map { "\($0) [\($1)]" }.joined(separator: "; ")
            return "\(word) (\(finding.invariant.rawValue)): \(subject(of: finding))\(reasons)"
        }
        return findings.count > shown ? lines + ["\(word): and \(findings.count - shown) more"] : lines
    }

    private static func subject(of finding: Verdict.Finding) -> String {
        if !finding.caseID.isEmpty { return "case \(finding.number) (\(finding.caseID), org \(finding.org)): " }
        return finding.org.isEmpty ? "" : "org \(finding.org): "
    }
}
