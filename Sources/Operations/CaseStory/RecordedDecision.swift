import CaseRouting

/// A decision as the ledger keeps it: what it had read, and what came of it. Enough to decide again.
public struct RecordedDecision: Equatable, Sendable {
    public var change: CaseChange
    /// The case when the decision was made.
    public var before: CaseState
    public var rule: Decision.Rule
    /// What is wanted after it.
    public var becomes: Wanted?
    public var at: Timestamp

    public init(change: CaseChange, before: CaseState, rule: Decision.Rule, becomes: Wanted?, at: Timestamp) {
        self.change = change
        self.before = before
        self.rule = rule
        self.becomes = becomes
        self.at = at
    }

    /// The same decision under what is set now.
    public func decidedAgain(under configuration: RoutingConfiguration) -> Decision {
        guard case .decision(let decision) = decide(change, on: before, with: configuration, interaction: .alive)
        else { preconditionFailure("a decision that knows the interaction to be alive reads nothing") }
        return decision
    }
}
