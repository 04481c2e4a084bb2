import Checker
import Foundation

/// What is said at the end of a demo, and whether it went well.
struct Ending {
    /// Every kind of change of the package.
    private static let kinds = [
        "created", "queue-changed", "owner-changed", "skills-changed", "reopened", "closed", "merged", "deleted",
        "comment",
        "email-received", "agent-replied",
    ]

    let orgs: [Accounting]
    let verdict: Verdict
    let created: Int
    let wanted: Int
    let atRest: Bool

    private var total: Accounting { .total(orgs) }

    /// Why the demo did not end well; empty when it did.
    var objections: [String] {
        let total = total
        var found: [String] = []
        if !atRest { found.append("it did not come to rest within \(Demo.restLimit)") }
        if created < wanted { found.append("only \(created) of \(wanted) cases were created") }
        let missing = Self.kinds.filter { verdict.rowsByChange[$0, default: 0] == 0 }
        if !missing.isEmpty { found.append("no change of kind \(missing.joined(separator: ", ")) occurred") }
        if total.received != verdict.rows + total.observed {
            found.append(
                "\(total.received) requests were received, but Salesforce wrote \(verdict.rows) rows "
                    + "and sweeps observed \(total.observed)")
        }
        if total.routed * 2 < wanted { found.append("only \(total.routed) requests were routed") }
        found += orgs.filter { !$0.balances }.map { "the accounting of org \($0.org) does not add up" }
        if total.failed > 0 { found.append("\(total.failed) requests failed") }
        if total.pending > 0 { found.append("\(total.pending) requests are pending") }
        if !verdict.lost.isEmpty { found.append("cases were lost") }
        if !verdict.doubled.isEmpty { found.append("cases were doubled") }
        let others = verdict.findings.count - verdict.lost.count - verdict.doubled.count
        if others > 0 { found.append("the checker has found \(others) other things") }
        return found
    }

    var isGood: Bool { objections.isEmpty }

    /// The accounting, the findings, what speaks against the run, and the last line.
    var lines: [String] {
        let total = total
        let kinds = Self.kinds.map { "\($0) \(verdict.rowsByChange[$0, default: 0])" }.joined(separator: ", ")
        let header = [
            "org", "received", "routed", "ignored", "superseded", "failed", "discarded", "pending", "observed",
        ]
        return ["Changes in Salesforce: \(kinds)", Self.row(header)]
            + orgs.map { Self.row(Self.cells($0)) }
            + VerdictReport.lines(verdict)
            + objections.map { "Not good: \($0)" }
            + [
                "demo: \(total.received) received, \(total.routed) routed, \(total.ignored) ignored, "
                    + "\(total.superseded) superseded, \(total.failed) failed, \(total.discarded) discarded, "
                    + "\(total.pending) pending, \(verdict.lost.count) lost, \(verdict.doubled.count) doubled"
            ]
    }

    private static func cells(_ org: Accounting) -> [String] {
        [org.org]
            + [
                org.received, org.routed, org.ignored, org.superseded, org.failed, org.discarded, org.pending,
                org.observed,
            ].map(String.init)
    }

    private static func row(_ cells: [String]) -> String {
        cells.enumerated().map { index, cell in
            let blanks = String(repeating: " ", count: max(0, 10 - cell.count))
            return index == 0 ? cell + blanks : " " + blanks + cell
        }.joined()
    }
}
