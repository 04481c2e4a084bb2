import CaseRouting
import TestSupport
import Testing

/// The rows of the design's table, section 7, in its order.
struct DecisionTableTests {
    private static let states: [ChangeKind] = [
        .created, .reopened, .queueChanged, .ownerChanged, .skillsChanged, .observed,
    ]

    private func change(
        _ kind: ChangeKind, owner: RecordID = Sample.queueA, previousOwner: RecordID? = nil, skills: String = ""
    ) -> CaseChange {
        Sample.change(
            kind, 20, owner: owner, previousOwner: previousOwner, skills: skills,
            comparedWith: kind == .observed ? 5 : nil)
    }

    @Test(arguments: states, [CaseInState.Interaction.none, .creating, .held, .ending, .waiting])
    func `a case in another monitored queue is wanted on that queue's workgroup`(
        _ kind: ChangeKind, _ interaction: CaseInState.Interaction
    ) {
        let decision = decided(
            change(kind, owner: Sample.queueB, skills: "French"), on: CaseInState(interaction).state)
        #expect(decision.after.wanted?.workgroup == Sample.workgroupB)
        #expect(decision.after.wanted?.skills == "French")
        #expect(decision.outcome == .pending)
        #expect(decision.raisesRevision)
    }

    @Test(arguments: [CaseInState.Interaction.creating, .held, .waiting])
    func `a wish for another workgroup has a number of its own`(_ interaction: CaseInState.Interaction) {
        let moved = decided(change(.queueChanged, owner: Sample.queueB), on: CaseInState(interaction).state)
        #expect(moved.after.wantedAssign == 6)
        let skills = decided(change(.skillsChanged, skills: "French"), on: CaseInState(interaction).state)
        #expect(skills.after.wantedAssign == 0)
        #expect(skills.rule == .skillsFollow)
    }

    @Test(arguments: [ChangeKind.created, .queueChanged, .ownerChanged, .observed])
    func `a case that waits where it should stays, once CIC has been read`(_ kind: ChangeKind) {
        var change = change(kind)
        if kind == .observed { change.priority = "High" }
        let state = CaseInState(.waiting).state
        if kind != .observed { #expect(needsReading(change, on: state)) }
        let decision = decided(change, on: state)
        #expect(!decision.raisesRevision)
        #expect(decision.after.wanted == state.wanted)
        #expect(decision.outcome == .ignored)
    }

    @Test func `a case that comes back from a user is taken back from its agent`() {
        let decision = decided(
            change(.ownerChanged, previousOwner: Sample.user), on: CaseInState(.withAgent, owner: Sample.user).state)
        #expect(decision.rule == .takenBack)
        #expect(decision.after.wanted?.workgroup == Sample.workgroupA)
        #expect(decision.after.wantedAssign == 6)
    }

    @Test func `a reopened case is taken back from its agent`() {
        #expect(decided(change(.reopened), on: CaseInState(.withAgent).state).rule == .takenBack)
        #expect(decided(change(.queueChanged), on: CaseInState(.withAgent, isClosed: true).state).rule == .takenBack)
    }

    @Test func `a previous owner whom we do not hold takes the case back`() {
        let decision = decided(
            change(.ownerChanged, previousOwner: Sample.otherUser), on: CaseInState(.withAgent).state)
        #expect(decision.rule == .takenBack)
        #expect(
            decided(change(.queueChanged, previousOwner: Sample.queueB), on: CaseInState(.withAgent).state).rule
                == .takenBack)
    }

    @Test func `another workgroup takes the case from its agent`() {
        let decision = decided(
            change(.queueChanged, owner: Sample.queueB, previousOwner: Sample.queueA), on: CaseInState(.withAgent).state
        )
        #expect(decision.rule == .moved)
        #expect(decision.after.wantedAssign == 6)
    }

    @Test func `an agent keeps a case whose state changes nothing, once CIC has been read`() {
        let state = CaseInState(.withAgent).state
        #expect(needsReading(change(.queueChanged), on: state))
        let decision = decided(change(.queueChanged), on: state)
        #expect(decision.rule == .agentHasIt)
        #expect(!decision.raisesRevision)
        let skills = decided(change(.skillsChanged, skills: "French"), on: state)
        #expect(skills.after.wanted?.skills == "French")
        #expect(skills.after.wantedAssign == 0)
    }

    @Test func `an assign for skills under way does not take the case from its agent`() {
        var state = CaseInState(.withAgent).state
        state.episode?.workgroup = nil
        state.episode?.skills = nil
        let decision = decided(change(.skillsChanged, skills: "French"), on: state)
        #expect(decision.rule == .skillsFollow)
        #expect(decision.after.wantedAssign == 0)
    }

    @Test(arguments: CaseInState.Interaction.allCases)
    func `a case that a user owns is not offered, and an open interaction stays`(
        _ interaction: CaseInState.Interaction
    ) {
        let state = CaseInState(interaction, isWanted: interaction != .ending).state
        let decision = decided(change(.ownerChanged, owner: Sample.user, previousOwner: Sample.queueA), on: state)
        #expect(decision.after.wanted == (interaction.isLive ? state.wanted : nil))
        #expect(decision.rule == .ownedByUser)
    }

    @Test func `a mapping may end the interaction of a case that a user owns`() {
        let configuration = Sample.configuration(mappings: [
            Sample.mapping(1, Sample.queueA, Sample.workgroupA, onUserOwner: .end)
        ])
        let decision = decided(
            change(.ownerChanged, owner: Sample.user), on: CaseInState(.withAgent).state, configuration)
        #expect(decision.after.wanted == nil)
        #expect(!decision.after.sparesAgent)
        #expect(decision.rule == .ownedByUserEnded)
    }

    @Test(arguments: CaseInState.Interaction.allCases)
    func `a case in an unmonitored queue is wanted nowhere once no agent has it`(
        _ interaction: CaseInState.Interaction
    ) {
        let state = CaseInState(interaction, isWanted: true).state
        let decision = decided(change(.queueChanged, owner: Sample.unmonitored), on: state)
        #expect(decision.after.wanted == nil)
        #expect(decision.after.sparesAgent)
        #expect(decision.rule == .unmonitoredQueueEnded)
        let keeping = Sample.configuration(mappings: [
            Sample.mapping(1, Sample.queueA, Sample.workgroupA, onUnmonitoredQueue: .keep)
        ])
        #expect(
            decided(change(.queueChanged, owner: Sample.unmonitored), on: state, keeping).after.wanted == state.wanted)
    }

    @Test(arguments: [ChangeKind.comment, .emailReceived], CaseInState.Interaction.allCases)
    func `a comment offers the case unless an interaction is active`(
        _ kind: ChangeKind, _ interaction: CaseInState.Interaction
    ) {
        let state = CaseInState(interaction).state
        let decision = decided(change(kind), on: state)
        if interaction.isLive {
            #expect(decision.rule == .interactionActive)
            #expect(!decision.raisesRevision)
            #expect(needsReading(change(kind), on: state) == interaction.isKnown)
        } else {
            #expect(decision.rule == .contacted)
            #expect(decision.after.wanted?.workgroup == Sample.workgroupA)
        }
    }

    @Test(arguments: [CaseInState.Interaction.creating, .held, .waiting, .withAgent])
    func `an open episode that is no longer wanted counts as ending`(_ interaction: CaseInState.Interaction) {
        let decision = decided(change(.comment), on: CaseInState(interaction, isWanted: false).state)
        #expect(decision.rule == .contacted)
        #expect(decision.after.wanted?.workgroup == Sample.workgroupA)
        #expect(decision.after.wantedAssign == 6)
    }

    @Test func `a comment on a case that a user owns changes nothing, or offers it where it was last`() {
        let state = CaseInState(.none, owner: Sample.user).state
        let comment = change(.comment, owner: Sample.user)
        #expect(decided(comment, on: state).rule == .ownedByUser)
        #expect(decided(comment, on: state).after.wanted == nil)
        let last = decided(comment, on: state, Sample.configuration(contactOnUserOwned: .lastWorkgroup))
        #expect(last.after.wanted?.workgroup == Sample.workgroupA)
    }

    @Test func `a comment on a closed case changes nothing`() {
        let decision = decided(change(.comment), on: CaseInState(.none, isClosed: true).state)
        #expect(decision.rule == .caseClosed)
        #expect(decision.after.wanted == nil)
    }

    @Test func `a reply ends the interaction if the mapping says so`() {
        let state = CaseInState(.withAgent).state
        #expect(decided(change(.agentReplied), on: state).after.wanted == nil)
        #expect(decided(change(.agentReplied), on: state).rule == .replied)
        let keeping = Sample.configuration(mappings: [
            Sample.mapping(1, Sample.queueA, Sample.workgroupA, onReply: .keep)
        ])
        #expect(decided(change(.agentReplied), on: state, keeping).after.wanted == state.wanted)
    }

    @Test(arguments: [ChangeKind.closed, .merged, .deleted], CaseInState.Interaction.allCases)
    func `a closed, merged or deleted case is wanted nowhere`(
        _ kind: ChangeKind, _ interaction: CaseInState.Interaction
    ) {
        var change = change(kind)
        change.isClosed = true
        let decision = decided(change, on: CaseInState(interaction, isWanted: true).state)
        #expect(decision.after.wanted == nil)
        #expect(!decision.after.sparesAgent)
        #expect(decision.rule == .closed)
    }

    @Test(arguments: [ChangeKind.merged, .deleted])
    func `a case that was deleted or merged away while it was open waits for nobody, and no comment brings it back`(
        _ kind: ChangeKind
    ) {
        // Made without a word about closed, as the row of a case is that was open.
        let ended = decided(change(kind), on: CaseInState(.waiting, isWanted: true).state)
        #expect(ended.after.wanted == nil)
        #expect(ended.rule == .closed)
        let comment = Sample.change(.comment, 21)
        #expect(decided(comment, on: ended.after).rule == .caseClosed)
    }

    @Test(arguments: states.filter { $0 != .observed } + [.closed, .merged, .deleted])
    func `a state older than the newest one is superseded`(_ kind: ChangeKind) {
        let state = CaseInState(.waiting).state
        var change = Sample.change(kind, 9, owner: Sample.queueB)
        change.isClosed = kind == .closed
        let decision = decided(change, on: state)
        #expect(decision.outcome == .superseded)
        #expect(decision.after.wanted == state.wanted)
        #expect(decision.after.facts == state.facts)
    }

    @Test func `an org that only observes decides and routes nothing`() {
        let decision = decided(
            change(.queueChanged, owner: Sample.queueB), on: CaseInState(.waiting).state,
            Sample.configuration(mode: .observe))
        #expect(decision.outcome == .ignored)
        #expect(decision.rule == .observing)
        #expect(!decision.raisesRevision)
        #expect(decision.after.facts?.owner == Sample.queueB)
        #expect(decision.after.fences.state == 20)
        #expect(decision.after.wanted?.workgroup == Sample.workgroupA)
    }

    @Test func `a change from before the start of routing is recorded and ignored`() {
        var configuration = Sample.configuration()
        configuration.orgs[Sample.org]?.routesChangesSince = Sample.start + .seconds(100)
        let decision = decided(change(.created), on: CaseState(), configuration)
        #expect(decision.rule == .beforeStart)
        #expect(decision.after.wanted == nil)
        #expect(decision.after.facts?.owner == Sample.queueA)
    }

    @Test func `a change of an org that is not configured is ignored`() {
        let decision = decided(Sample.change(.created, 1, org: "elsewhere"), on: CaseState())
        #expect(decision.rule == .unknownOrg)
        #expect(!decision.raisesRevision)
    }

    @Test func `an interaction that cannot be read is looked at later`() {
        let judgement = decide(
            change(.comment), on: CaseInState(.withAgent).state, with: Sample.configuration(), interaction: .unreadable)
        guard case .decision(let decision) = judgement else {
            Issue.record("no decision")
            return
        }
        #expect(decision.rule == .unconfirmed)
        #expect(decision.raisesRevision)
    }
}
