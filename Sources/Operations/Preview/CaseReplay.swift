import CaseRouting

/// Makes the decisions of one case again under other settings, one after the other.
///
/// While they come out as recorded, each is made on the case as it was recorded. From the first that does not, the case is
/// carried on by what is decided here, and the rest of the world does what it did: an agent who took or finished the
/// case then does so now, where there is an interaction to take or to finish. An interaction that there was none of then
/// waits, because nobody knows when an agent would have taken it.
struct CaseReplay {
    private struct Last {
        let recorded: RecordedDecision
        let decision: Decision
        /// The case as the decision here had it.
        let before: CaseState
    }

    private var last: Last?
    private var isFaithful = true

    mutating func next(_ recorded: RecordedDecision, under configuration: RoutingConfiguration) -> Decision {
        let before = caseState(before: recorded)
        guard
            case .decision(let decision) = decide(
                recorded.change, on: before, with: configuration, interaction: .alive)
        else { preconditionFailure("a decision that knows the interaction to be alive reads nothing") }
        last = Last(recorded: recorded, decision: decision, before: before)
        return decision
    }

    private mutating func caseState(before recorded: RecordedDecision) -> CaseState {
        guard let last else { return recorded.before }
        isFaithful =
            isFaithful && last.decision.after.wanted == last.recorded.becomes
            && last.decision.rule == last.recorded.rule
            && last.decision.after.fences == recorded.before.fences
        if isFaithful { return recorded.before }
        var state = last.decision.after
        let was = recorded.before
        // What Salesforce said, and what orders it, is the same whatever is mapped; but for arrivals.
        state.facts = was.facts
        state.observedAt = was.observedAt
        let arrival = state.fences.arrival
        state.fences = was.fences
        state.fences.arrival = arrival
        state.revision = was.revision
        state.appliedRevision = was.revision
        state.lastEpisode = was.lastEpisode
        if let wanted = state.wanted { state.lastWanted = wanted }
        carryOn(&state, last, was)
        return state
    }

    /// What happened in CIC between the last decision and this one.
    private func carryOn(_ state: inout CaseState, _ last: Last, _ was: CaseState) {
        let then = last.recorded
        let spared = then.becomes == nil && Self.spares(after: then.rule, then.before)
        let hadAgent = Self.hasAgent(after: then.rule, becomes: then.becomes, spares: spared, then.before)
        let hasAgent = Self.hasAgent(
            after: last.decision.rule, becomes: state.wanted, spares: state.sparesAgent, last.before)
        // By itself, or because the agent was spared and is done.
        let hasEnded = then.becomes != nil ? was.wanted == nil : hadAgent && was.episode == nil
        if hasEnded {
            state.wanted = nil
            state.sparesAgent = false
            state.episode = nil
            return
        }
        guard state.wanted != nil || (state.sparesAgent && hasAgent) else {
            state.sparesAgent = false
            state.episode = nil
            return
        }
        // Given back by the agent, or taken, since.
        let isTaken = was.episode?.isWithAgent ?? false
        let isWithAgent = hadAgent == isTaken || was.episode == nil ? hasAgent : isTaken
        let place = state.wanted ?? last.before.wanted ?? state.lastWanted
        let phase = was.episode.flatMap { $0.state == .ending || was.wanted == nil ? nil : $0.state } ?? .placed
        state.episode = Episode(
            number: was.lastEpisode, cic: place?.cic ?? "", state: phase,
            interaction: phase == .creating ? nil : InteractionID(""), attempt: AttemptID(high: 0, low: 0),
            attemptDeadline: Timestamp(microseconds: 0), workgroup: place?.workgroup, isWithAgent: isWithAgent)
    }

    /// Whether an agent who has it may finish what nobody wants any more.
    private static func spares(after rule: Decision.Rule, _ before: CaseState) -> Bool {
        switch rule {
        case .unmonitoredQueueEnded: true
        case .closed, .replied, .ownedByUserEnded: false
        default: before.sparesAgent
        }
    }

    /// Whether an agent still has the case once a decision is carried out.
    private static func hasAgent(
        after rule: Decision.Rule, becomes wanted: Wanted?, spares: Bool, _ before: CaseState
    ) -> Bool {
        guard before.episode?.isWithAgent == true else { return false }
        guard let wanted else { return spares }
        if rule == .takenBack || rule == .moved { return false }
        return before.wanted?.isSamePlace(as: wanted) ?? false
    }
}
