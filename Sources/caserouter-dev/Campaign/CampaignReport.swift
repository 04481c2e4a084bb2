import Foundation

/// What a campaign says at its end.
struct CampaignReport {
    let plan: Campaign.Plan
    let cases: Int
    let changes: Int
    let records: [FaultRecord]
    let verdict: CampaignVerdict
    let points: PointsPassed
    let accidents: [String]
    let deeds: [String: Int]
    let commit: String
    let poison: Int
    let overdue: Int
    let obstacle: String?
    let seconds: Double

    private var late: [FaultRecord] { records.late }

    var isGood: Bool {
        verdict.isGood && late.isEmpty && obstacle == nil && points.passed == points.of && records.count == plan.faults
    }

    /// The table of faults, the findings, and the last line.
    var lines: [String] {
        let late = Set(late.map(\.number))
        let header = Self.row(["#", "at s", "kind", "where", "how", "lasted s", "new s", "all s", "bound s", ""])
        let rows = records.map { fault in
            Self.row([
                "\(fault.number)", Self.text(fault.start), fault.kind.rawValue, fault.target, fault.form,
                Self.text(fault.end - fault.start), fault.recovered.map(Self.text) ?? "never",
                fault.backlog.map(Self.text) ?? "more", Self.text(fault.kind.bound),
                [fault.note, late.contains(fault.number) ? "LATE" : ""].filter { !$0.isEmpty }.joined(separator: ", "),
            ])
        }
        return [
            "Faults of seed \(plan.seed); 'new' is until a case made after the fault was offered, 'all' until everything "
                + "asked for before it was:", header,
        ] + rows + accidents.map { "Accident: \($0)" } + verdict.lines
            + (verdict.others == 0 ? [] : ["\(verdict.others) findings of other invariants"])
            + (points.missing.isEmpty ? [] : ["Never passed: \(points.missing.joined(separator: ", "))"])
            + (obstacle.map { ["Not at rest: \($0)"] } ?? [])
            + [
                "Operators: "
                    + deeds.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "),
                String(
                    format: "%d changes, %d unusable messages, %d requests whose message was lost, %.0f s", changes,
                    poison, overdue, seconds),
                "campaign: \(cases) cases, \(records.count) faults, \(verdict.lost) lost, "
                    + "\(verdict.doubled) doubled, \(verdict.outOfOrder) out of order, \(verdict.orphans) orphans, "
                    + "\(late.count) late recoveries, points \(points.passed)/\(points.of)",
            ]
    }

    func json() throws -> String {
        /// How often a kind happened, and the longest that cases took to flow again.
        struct Kind: Encodable {
            let times: Int
            let bound: Double
            let longest: Double?
        }
        struct Document: Encodable {
            let command, commit: String
            let at: Date
            let seed: UInt64
            let cases, changes, lost, doubled, outOfOrder, orphans, others, lateRecoveries: Int
            let isAtRest, isGood: Bool
            let seconds: Double
            let points: PointsPassed
            let accidents: [String]
            let kinds: [String: Kind]
            let faults: [FaultRecord]
        }
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let kinds = Dictionary(grouping: records, by: \.kind.rawValue).mapValues { faults in
            Kind(
                times: faults.count, bound: faults[0].kind.bound,
                longest: faults.allSatisfy { $0.judged != nil } ? faults.compactMap(\.judged).max() : nil)
        }
        let document = Document(
            command: plan.command, commit: commit, at: Date(), seed: plan.seed, cases: cases, changes: changes,
            lost: verdict.lost, doubled: verdict.doubled,
            outOfOrder: verdict.outOfOrder, orphans: verdict.orphans, others: verdict.others,
            lateRecoveries: late.count,
            isAtRest: obstacle == nil, isGood: isGood, seconds: seconds, points: points, accidents: accidents,
            kinds: kinds, faults: records)
        return String(decoding: try encoder.encode(document), as: UTF8.self) + "\n"
    }

    private static func text(_ seconds: Double) -> String { String(format: "%.1f", seconds) }

    private static func row(_ cells: [String]) -> String {
        let widths = [4, 7, 24, 22, 20, 10, 7, 7, 9, 0]
        return zip(cells, widths).map { cell, width in
            cell + String(repeating: " ", count: max(1, width - cell.count))
        }.joined()
    }
}
