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

    private var judgements: [FaultJudgement] { records.judgements }
    private var late: [FaultJudgement] { judgements.filter(\.isLate) }

    var isGood: Bool {
        verdict.isGood && late.isEmpty && obstacle == nil && points.passed == points.of && records.count == plan.faults
            && records.allSatisfy(\.hasStruck)
    }

    /// The table of faults, the findings, and the last line.
    var lines: [String] {
        let judgements = judgements
        let header = Self.row(["#", "at s", "kind", "where", "how", "lasted s", "new s", "all s", "within s", ""])
        let rows = judgements.map { judgement in
            let fault = judgement.fault
            return Self.row([
                "\(fault.number)", Self.text(fault.start), fault.kind.rawValue, fault.target, fault.form,
                Self.text(fault.end - fault.start), fault.recovered.map(Self.text) ?? "never",
                fault.backlog.map(Self.text) ?? "more", Self.text(judgement.allowed),
                (Self.lateness(judgement) + [Self.circumstances(judgement), fault.note]).filter { !$0.isEmpty }
                    .joined(separator: ", "),
            ])
        }
        return [
            "Faults of seed \(plan.seed); 'new' is until a case made after the fault was offered, 'all' until everything "
                + "asked for before it was:", header,
        ] + rows + accidents.map { "Accident: \($0)" } + verdict.lines
            + (verdict.others == 0 ? [] : ["\(verdict.others) findings of other invariants"])
            + (points.missing.isEmpty ? [] : ["Never passed: \(points.missing.joined(separator: ", "))"])
            + records.filter { !$0.hasStruck }.map { "Never struck: \($0.number) \($0.kind.rawValue), \($0.note)" }
            + (obstacle.map { ["Not at rest: \($0)"] } ?? [])
            + points.lines + [
                Self.rule(judgements),
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
            /// How many faults were judged by their kind's bound because nothing else was broken; of these, how many the
            /// plan kept alone; and how many had an allowance because of others.
            let judgedByOwnBound, keptAlone, judgedWithAllowance: Int
            let points: PointsPassed
            let accidents: [String]
            let kinds: [String: Kind]
            let faults: [FaultJudgement]
        }
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let judgements = judgements
        let kinds = Dictionary(grouping: records, by: \.kind.rawValue).mapValues { faults in
            Kind(
                times: faults.count, bound: faults.map(\.bound).max() ?? 0,
                longest: faults.allSatisfy { $0.judged != nil } ? faults.compactMap(\.judged).max() : nil)
        }
        let document = Document(
            command: plan.command, commit: commit, at: Date(), seed: plan.seed, cases: cases, changes: changes,
            lost: verdict.lost, doubled: verdict.doubled,
            outOfOrder: verdict.outOfOrder, orphans: verdict.orphans, others: verdict.others,
            lateRecoveries: late.count,
            isAtRest: obstacle == nil, isGood: isGood, seconds: seconds,
            judgedByOwnBound: judgements.count(where: \.isByOwnBound),
            keptAlone: judgements.count { $0.isByOwnBound && $0.fault.isAlone },
            judgedWithAllowance: judgements.count { !$0.isByOwnBound }, points: points, accidents: accidents,
            kinds: kinds, faults: judgements)
        return String(decoding: try encoder.encode(document), as: UTF8.self) + "\n"
    }

    /// How recoveries were judged.
    private static func rule(_ judgements: [FaultJudgement]) -> String {
        let own = judgements.filter(\.isByOwnBound)
        return
            "Recoveries: \(own.count) judged by the bound of their kind alone, \(own.count(where: \.fault.isAlone)) of them "
            + "kept alone by the plan; \(judgements.count - own.count) with an allowance for others that were in the way"
    }

    /// That it was late, and which cases were waited for last.
    private static func lateness(_ judgement: FaultJudgement) -> [String] {
        judgement.isLate ? ["LATE", judgement.fault.awaited.joined(separator: " ")] : []
    }

    /// Which others were in the way of a recovery.
    private static func circumstances(_ judgement: FaultJudgement) -> String {
        if judgement.fault.isAlone && judgement.isByOwnBound { return "alone" }
        return judgement.others.isEmpty ? "" : "with \(judgement.others.map(String.init).joined(separator: " "))"
    }

    private static func text(_ seconds: Double) -> String { String(format: "%.1f", seconds) }

    private static func row(_ cells: [String]) -> String {
        let widths = [4, 7, 24, 22, 20, 10, 7, 7, 9, 0]
        return zip(cells, widths).map { cell, width in
            cell + String(repeating: " ", count: max(1, width - cell.count))
        }.joined()
    }
}
