/// What must hold, one case for each promise of `docs/guarantees.md`.
public enum Invariant: String, Sendable, CaseIterable, Codable {
    /// What Salesforce wrote down is routed, or visibly not; and counted once.
    case noLoss = "I1"
    /// At every instant at most one interaction of a case is where agents are offered work.
    case oneRoutable = "I2"
    /// At rest nothing lives that belongs to no case and no episode, and no row points to nothing.
    case oneLive = "I3"
    /// What was ever routable is the interaction that won its episode.
    case onlyTheWinner = "I4"
    /// Nothing at or before the stored position is missing.
    case cursor = "I5"
    /// What was applied to a case follows the order of its changes.
    case order = "I6"
    /// A message leaves the queue after its merge is committed.
    case acknowledged = "I7"
    /// A create has its intention in the database, and is sent once.
    case intention = "I8"
    /// A claim has one holder.
    case epochs = "I9"
    /// A row is marked as processed after its request has an outcome.
    case mark = "I10"
    /// What left a queue was merged, or lies aside with its reason.
    case queues = "I11"
    /// Failures are on the list, with what a person needs.
    case failures = "I12"
    /// Everything has come to rest.
    case rest = "I13"
    /// No secret is where it does not belong.
    case secrets = "I14"
    /// Received is the sum of what became of it (design 9).
    case accounting = "accounting"
}
