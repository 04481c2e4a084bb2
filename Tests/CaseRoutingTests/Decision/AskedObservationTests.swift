import CaseRouting
import TestSupport
import Testing

/// What becomes of a case that a person's sweep found waiting: nothing has changed since it was decided.
struct AskedObservationTests {
    private func observed(
        owner: RecordID = Sample.queueA, isClosed: Bool = false, isAsked: Bool = true, comparedWith: Int64 = 5
    ) -> CaseChange {
        var change = Sample.change(.observed, 20, owner: owner, isClosed: isClosed, comparedWith: comparedWith)
        change.isAsked = isAsked
        return change
    }

    private func waiting(owner: RecordID = Sample.queueA) -> CaseState {
        CaseInState(.none, owner: owner, isWanted: false).state
    }

    @Test func `a waiting case is offered when a person asks, and only then`() {
        let asked = decided(observed(), on: waiting())
        #expect(asked.rule == .offeredOnRequest)
        #expect(asked.outcome == .pending && asked.raisesRevision)
        #expect(asked.after.wanted?.workgroup == Sample.workgroupA)
        #expect(asked.after.fences == waiting().fences)
        let unasked = decided(observed(isAsked: false), on: waiting())
        #expect(unasked.rule == .noDifference && !unasked.raisesRevision)
    }

    @Test func `an asked observation applies only at the revision it was compared with`() {
        let decision = decided(observed(comparedWith: 4), on: waiting())
        #expect(decision.outcome == .superseded && decision.rule == .observationOutdated)
        #expect(decision.after.wanted == nil)
    }

    @Test(arguments: [CaseInState.Interaction.creating, .held, .waiting, .withAgent])
    func `a case that is wanted already stays as it is`(_ interaction: CaseInState.Interaction) {
        let state = CaseInState(interaction).state
        let decision = decided(observed(), on: state)
        #expect(decision.rule == .noDifference && !decision.raisesRevision)
        #expect(decision.after.wanted == state.wanted)
    }

    /// A mapping of no number: what is wanted was read off CIC.
    @Test(arguments: [(0, Sample.workgroupA), (1, Sample.workgroupB)] as [(Int32, String)])
    func `what an agent has stays where a changed mapping had it, but not where lost rows had it`(
        _ mapping: Int32, _ expected: String
    ) {
        var state = CaseInState(.withAgent).state
        state.wanted = Wanted(cic: Sample.cic, workgroup: Sample.workgroupB, skills: "", mapping: mapping)
        state.episode?.workgroup = Sample.workgroupB
        let decision = decided(observed(isAsked: false), on: state)
        #expect(decision.after.wanted?.workgroup == expected)
        #expect(decision.rule == (mapping == 0 ? .moved : .noDifference))
    }

    @Test(arguments: [CaseInState.Interaction.held, .waiting, .withAgent])
    func `a case that lost rows left to wait without its skills gets them, one that an agent has stays`(
        _ interaction: CaseInState.Interaction
    ) {
        var held = CaseInState(interaction)
        held.skills = "German"
        var state = held.state
        state.wanted?.skills = ""
        var change = observed(isAsked: false)
        change.skills = "German"
        let decision = decided(change, on: state)
        #expect(decision.raisesRevision == (interaction != .withAgent))
        #expect(decision.after.wanted?.skills == (interaction == .withAgent ? "" : "German"))
    }

    @Test func `an interaction that an agent is spared with is not taken from the agent`() {
        var state = CaseInState(.withAgent, isWanted: false).state
        state.sparesAgent = true
        #expect(needsReading(observed(), on: state))
        let decision = decided(observed(), on: state)
        #expect(decision.rule == .interactionActive && !decision.raisesRevision)
    }

    @Test func `a case whose interaction is ending is offered in its next episode`() {
        let decision = decided(observed(), on: CaseInState(.ending, isWanted: false).state)
        #expect(decision.rule == .offeredOnRequest)
        #expect(decision.after.wantedAssign == 6)
    }

    @Test func `a case that an agent has answered last does not wait`() {
        var state = waiting()
        state.fences.reply = 11
        #expect(decided(observed(), on: state).rule == .answered)
        state.fences.contact = 12
        #expect(decided(observed(), on: state).rule == .offeredOnRequest)
        // Equal versions say nothing about order: a second offer is better than none.
        state.fences.contact = 11
        #expect(decided(observed(), on: state).rule == .offeredOnRequest)
    }

    @Test func `a closed case, a user's case and one of an unmonitored queue are not offered`() {
        let closed = CaseInState(.none, isClosed: true, isWanted: false).state
        #expect(decided(observed(isClosed: true), on: closed).rule == .noDifference)
        #expect(decided(observed(owner: Sample.user), on: waiting(owner: Sample.user)).rule == .ownedByUser)
        #expect(
            decided(observed(owner: Sample.unmonitored), on: waiting(owner: Sample.unmonitored)).rule
                == .unmonitoredQueue)
    }

    @Test func `an org that only observes offers nothing, however often a person asks`() {
        let decision = decided(observed(), on: waiting(), Sample.configuration(mode: .observe))
        #expect(decision.rule == .observing && !decision.raisesRevision && decision.after.wanted == nil)
    }

    @Test func `a case that changed since is offered as it is now`() {
        let decision = decided(observed(owner: Sample.queueB), on: waiting())
        #expect(decision.after.wanted?.workgroup == Sample.workgroupB)
    }

    /// As it is read again for a mapping that was changed; nobody asked for it.
    @Test(arguments: [CaseInState.Interaction.none, .creating, .held, .waiting])
    func `a failed case follows its corrected mapping, any other one stays as it was decided`(
        _ interaction: CaseInState.Interaction
    ) {
        var state = CaseInState(interaction, isWanted: true).state
        let corrected = Sample.configuration(mappings: [Sample.mapping(1, Sample.queueA, "Corrected")])
        #expect(decided(observed(isAsked: false), on: state, corrected).rule == .noDifference)
        state.attempts = RetryPolicy.attemptLimit
        let decision = decided(observed(isAsked: false), on: state, corrected)
        #expect(decision.raisesRevision && decision.outcome == .pending)
        #expect(decision.after.wanted?.workgroup == "Corrected")
        #expect(decided(observed(isAsked: false), on: state).rule == .noDifference)
    }

    @Test func `a failed case is not taken from its agent because its mapping was corrected`() {
        var state = CaseInState(.withAgent).state
        state.attempts = RetryPolicy.attemptLimit
        let corrected = Sample.configuration(mappings: [Sample.mapping(1, Sample.queueA, "Corrected")])
        #expect(!decided(observed(isAsked: false), on: state, corrected).raisesRevision)
    }
}
