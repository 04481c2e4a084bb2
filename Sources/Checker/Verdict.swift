/// What the ledgers of a run prove about its cases.
public struct Verdict: Sendable, Equatable {
    /// A case against which something speaks.
    public struct Finding: Sendable, Equatable {
        /// The organisation id.
        public let org: String
        /// The case id, its first 15 characters.
        public let caseID: String
        /// The number people know the case by; empty when the ledger never named it.
        public let number: String
        /// Sentences for a person, at least one.
        public let reasons: [String]
    }

    /// Cases that nobody will work on although somebody should, or whose change was never marked as done.
    public let lost: [Finding]
    /// Cases that two agents could have been offered at one instant.
    public let doubled: [Finding]
    /// Outbox rows by what they say changed (`created`, `comment`, …).
    public let rowsByChange: [String: Int]
    /// Outbox rows by organisation id.
    public let rowsByOrg: [String: Int]
    /// Cases that the Salesforce ledgers name.
    public let cases: Int

    public var rows: Int { rowsByChange.values.reduce(0, +) }
}
