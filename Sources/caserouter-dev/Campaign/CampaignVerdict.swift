import Checker
import Foundation

/// What the checker says about a campaign at rest: the one place where it is asked.
struct CampaignVerdict: Sendable {
    private let verdict: Verdict

    /// Writes down what is left, and has everything judged.
    ///
    /// - Parameters:
    ///   - kinds: of the faults that happened; some of them allow for something.
    ///   - rowsLost: when the database lost rows, in order.
    ///   - poison: unreadable messages that were sent to the queue of requests.
    init(_ scene: Scene, kinds: Set<FaultKind>, rowsLost: [Date] = [], poison: [String]) async throws {
        // Sent through the management API, which waits for nobody's confirm, they may have gone with the queue.
        let endangering: Set<FaultKind> = [.queuePurged, .queueDeleted, .brokerKilled, .brokerRestarted]
        try await FinalState(run: scene.run, stack: scene.stack).write(
            poison: kinds.isDisjoint(with: endangering) ? Set(poison.map { String($0.prefix(200)) }).sorted() : [])
        let encoder = JSONEncoder()
        try scene.run.write(
            String(decoding: try encoder.encode(scene.site.secrets), as: UTF8.self) + "\n", to: Evidence.File.secrets)
        var allowances = Evidence.Allowances()
        allowances.rowsLost = rowsLost.map { Int64($0.timeIntervalSince1970 * 1_000_000) }
        allowances.purged = !kinds.isDisjoint(with: [.queuePurged, .queueDeleted])
        try scene.run.write(
            String(decoding: try encoder.encode(allowances), as: UTF8.self) + "\n", to: Evidence.File.allowances)
        verdict = try Judge.verdict(try Evidence(run: scene.run.path))
    }

    var lost: Int { verdict.lost.count }
    var doubled: Int { verdict.doubled.count }
    var outOfOrder: Int { verdict.outOfOrder.count }
    var orphans: Int { verdict.orphans.count }
    /// What breaks another invariant than these.
    var others: Int { verdict.others.count }
    /// Doubled only because CIC recovered an interaction later than it may, and put right.
    var recoveredLate: Int { verdict.lateRecoveries.count }
    var isGood: Bool { verdict.findings.isEmpty }
    var lines: [String] { VerdictReport.lines(verdict) }
}
