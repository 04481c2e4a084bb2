import ArgumentParser
import Checker
import Foundation

/// `check`: judges a run by its ledgers.
struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Look for lost and doubled cases in the ledgers of simulators at rest.")

    @Option(help: "The site's description, as the demo writes it: checker-site.json.") var site: String
    @Option(parsing: .upToNextOption, help: "Ledgers of Salesforce simulators.") var salesforce: [String] = []
    @Option(parsing: .upToNextOption, help: "Ledgers of CIC simulators.") var cic: [String] = []

    func run() throws {
        let site = try JSONDecoder().decode(Site.self, from: Data(contentsOf: URL(fileURLWithPath: site)))
        let verdict = try Verdict(site: site, salesforce: salesforce, cic: cic)
        for line in VerdictReport.lines(verdict) { print(line) }
        print(
            "check: \(verdict.cases) cases, \(verdict.rows) rows, \(verdict.lost.count) lost, \(verdict.doubled.count) doubled"
        )
        if !verdict.lost.isEmpty || !verdict.doubled.isEmpty { throw ExitCode(1) }
    }
}

/// A verdict's findings, for a person.
enum VerdictReport {
    /// Findings of each kind that are shown; the rest is counted.
    private static let shown = 20

    static func lines(_ verdict: Verdict) -> [String] {
        lines("lost", verdict.lost) + lines("doubled", verdict.doubled)
    }

    private static func lines(_ word: String, _ findings: [Verdict.Finding]) -> [String] {
        let lines = findings.prefix(shown).map { finding in
            "\(word): case \(finding.number) (\(finding.caseID), org \(finding.org)): "
                + finding.reasons.joined(separator: "; ")
        }
        return findings.count > shown ? lines + ["\(word): and \(findings.count - shown) more"] : lines
    }
}
