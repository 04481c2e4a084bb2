/// What the evidence of a run proves.
public struct Verdict: Sendable, Equatable {
    /// Something that should not be: an invariant, and the case or the place that breaks it.
    public struct Finding: Sendable, Equatable {
        public let invariant: Invariant
        /// The organisation id; where the organisation is not known, its name. Empty when no case is meant.
        public let org: String
        /// The case id, its first 15 characters; empty when no case is meant.
        public let caseID: String
        /// The number people know the case by; empty when the ledger never named it.
        public let number: String
        /// Sentences for a person, at least one.
        public let reasons: [String]
        /// Where each reason stands, as `FILE:LINE`; as many as there are reasons.
        public let evidence: [String]
    }

    /// Sorted by invariant, org and case; one for each invariant that a case breaks.
    public let findings: [Finding]
    /// Cases of which two interactions were routable only because CIC recovered one later than its recovery wait, and
    /// which were put right: the footnote of promise two. No finding.
    public let lateRecoveries: [Finding]
    /// Outbox rows by what they say changed (`created`, `comment`, …).
    public let rowsByChange: [String: Int]
    /// Outbox rows by organisation id.
    public let rowsByOrg: [String: Int]
    /// Cases that the Salesforce ledgers name.
    public let cases: Int

    public var rows: Int { rowsByChange.values.reduce(0, +) }

    /// Cases that nobody will work on although somebody should, and changes of which nothing proves that they were seen (I1, I5).
    public var lost: [Finding] { findings.filter { [.noLoss, .cursor].contains($0.invariant) } }
    /// Cases that two agents could have been offered at one instant (I2).
    public var doubled: [Finding] { findings.filter { $0.invariant == .oneRoutable } }
    /// Cases to which changes were applied in an order that they do not allow (I6).
    public var outOfOrder: [Finding] { findings.filter { $0.invariant == .order } }
    /// Interactions of no case or no episode, and rows that point to nothing (I3).
    public var orphans: [Finding] { findings.filter { $0.invariant == .oneLive } }
    /// All others.
    public var others: [Finding] {
        let counted: Set<Invariant> = [.noLoss, .cursor, .oneRoutable, .order, .oneLive]
        return findings.filter { !counted.contains($0.invariant) }
    }
}
