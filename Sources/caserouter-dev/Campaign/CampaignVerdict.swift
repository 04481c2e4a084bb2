import Checker
import Foundation

/// What the checker says about a campaign at rest: the one place where it is asked.
struct CampaignVerdict: Sendable {
    let lost: [Verdict.Finding]
    let doubled: [Verdict.Finding]
    /// The order of what was done, and interactions that belong to nobody, are not judged by the checker yet.
    let outOfOrder = 0
    let orphans = 0
    let lines: [String]

    init(site: Site, neighbours: Neighbours) throws {
        let verdict = try Verdict(site: site, salesforce: [neighbours.salesforceLedger], cic: neighbours.cicLedgers)
        lost = verdict.lost
        doubled = verdict.doubled
        lines =
            VerdictReport.lines(verdict) + [
                "Not judged: order and orphans. The checker looks for lost and doubled cases."
            ]
    }

    var isGood: Bool { lost.isEmpty && doubled.isEmpty && outOfOrder == 0 && orphans == 0 }
}
