import CaseRouting
import TestSupport
import Testing

/// The fences of the design, section 5, one rule each. `FenceTests` walks their combinations.
struct FenceRuleTests {
    /// A case in queue A that nobody is offered, with these fences.
    private func state(
        _ interaction: CaseInState.Interaction = .none, state: Int64 = 10, arrival: Int64 = 10, contact: Int64 = 0,
        reply: Int64 = 0, owner: RecordID = Sample.queueA
    ) -> CaseState {
        var held = CaseInState(interaction, owner: owner).state
        held.fences.state = state
        held.fences.arrival = arrival
        held.fences.contact = contact
        held.fences.reply = reply
        return held
    }

    @Test func `an occurrence never moves the state fence`() {
        for kind in [ChangeKind.comment, .emailReceived, .agentReplied] {
            let after = decided(Sample.change(kind, 50, owner: Sample.queueB), on: state()).after
            #expect(after.fences.state == 10)
            #expect(after.facts?.owner == Sample.queueA)
        }
    }

    @Test func `a state from before the comment by which we heard of a case moves it nowhere`() {
        let heard = decided(Sample.change(.comment, 30, owner: Sample.queueB), on: CaseState()).after
        #expect(heard.facts?.owner == Sample.queueB)
        #expect(heard.wanted?.workgroup == Sample.workgroupB)
        for kind in [ChangeKind.created, .skillsChanged, .closed] {
            let late = decided(Sample.change(kind, 10, isClosed: kind == .closed), on: heard).after
            #expect(late.facts == heard.facts)
            #expect(late.wanted?.workgroup == Sample.workgroupB)
        }
        let newer = decided(
            Sample.change(.queueChanged, 31, owner: Sample.queueA, previousOwner: Sample.queueB), on: heard)
        #expect(newer.after.wanted?.workgroup == Sample.workgroupA)
    }

    @Test func `a state from before the reply by which we heard of a case offers it to nobody`() {
        let heard = decided(Sample.change(.agentReplied, 30, owner: Sample.queueB), on: CaseState()).after
        let late = decided(Sample.change(.created, 10), on: heard).after
        #expect(late.facts?.owner == Sample.queueB)
        #expect(late.wanted == nil)
    }

    @Test func `a comment is judged by the owner in force, not by its row`() {
        let decision = decided(Sample.change(.comment, 20, owner: Sample.queueB), on: state())
        #expect(decision.after.wanted?.workgroup == Sample.workgroupA)
    }

    @Test func `an older state that came to a monitored queue still asks for the case to be offered`() {
        let decision = decided(
            Sample.change(.queueChanged, 12, owner: Sample.queueB), on: state(state: 15, arrival: 10))
        #expect(decision.outcome == .pending)
        #expect(decision.after.wanted?.workgroup == Sample.workgroupA)
        #expect(decision.after.facts?.owner == Sample.queueA)
        #expect(decision.after.fences.arrival == 12)
    }

    @Test func `an arrival is superseded by a newer arrival`() {
        let decision = decided(
            Sample.change(.queueChanged, 12, owner: Sample.queueB), on: state(state: 15, arrival: 13))
        #expect(decision.outcome == .superseded)
        #expect(decision.after.wanted == nil)
    }

    @Test func `an arrival is superseded by a newer reply`() {
        let decision = decided(Sample.change(.queueChanged, 12), on: state(reply: 13))
        #expect(decision.after.wanted == nil)
        #expect(decision.rule == .nothingAsked)
    }

    @Test func `an arrival is asked for by a contact that was put aside and is newer than the newest reply`() {
        let decision = decided(
            Sample.change(.ownerChanged, 12, previousOwner: Sample.user),
            on: state(contact: 14, reply: 13, owner: Sample.user))
        #expect(decision.after.wanted?.workgroup == Sample.workgroupA)
    }

    @Test(arguments: [0, 13])
    func `a change of skills stands for the arrival whose row is missing, whatever was put aside since`(_ reply: Int64)
    {
        let decision = decided(
            Sample.change(.skillsChanged, 12, skills: "French"),
            on: state(contact: 14, reply: reply, owner: Sample.user))
        #expect(decision.after.wanted?.workgroup == Sample.workgroupA)
        #expect(decision.after.fences.arrival == 12)
    }

    /// Its row is missing, and the reply is from before it.
    @Test func `a reply that comes after the skills of a case that has moved does not withdraw it from there`() {
        let moved = decided(
            Sample.change(.skillsChanged, 13, owner: Sample.queueB, skills: "French"), on: state(.waiting))
        #expect(moved.after.wanted?.workgroup == Sample.workgroupB)
        let late = decided(Sample.change(.agentReplied, 12), on: moved.after)
        #expect(late.rule == .replyTooLate && late.after.wanted?.workgroup == Sample.workgroupB)
        #expect(decided(Sample.change(.agentReplied, 14), on: moved.after).after.wanted == nil)
        // Where it was all the time the skills say nothing of an arrival.
        let same = decided(Sample.change(.skillsChanged, 13, skills: "French"), on: state(.waiting))
        #expect(decided(Sample.change(.agentReplied, 12), on: same.after).after.wanted == nil)
    }

    @Test func `an arrival is asked for by a contact put aside in the very second of the newest reply`() {
        let decision = decided(
            Sample.change(.ownerChanged, 12, previousOwner: Sample.user),
            on: state(contact: 13, reply: 13, owner: Sample.user))
        #expect(decision.after.wanted?.workgroup == Sample.workgroupA)
    }

    @Test(arguments: [(0, 0, 30), (0, 30, 0), (30, 0, 0)] as [(Int64, Int64, Int64)])
    func `a contact is superseded by a newer contact, arrival or reply`(_ newer: (Int64, Int64, Int64)) {
        let (arrival, contact, reply) = newer
        let decision = decided(
            Sample.change(.comment, 20), on: state(arrival: max(10, arrival), contact: contact, reply: reply))
        #expect(decision.outcome == .superseded)
        #expect(decision.rule == .answered)
    }

    @Test func `a reply is superseded by a newer arrival or contact`() {
        #expect(decided(Sample.change(.agentReplied, 9), on: state(.waiting)).rule == .replyTooLate)
        #expect(decided(Sample.change(.agentReplied, 20), on: state(.waiting, contact: 21)).rule == .replyTooLate)
        #expect(decided(Sample.change(.agentReplied, 20), on: state(.waiting, contact: 19)).rule == .replied)
    }

    @Test func `a reply that is not newer than the observation in force withdraws nothing`() {
        var held = state(.waiting)
        held.observedAt = Sample.start + .seconds(20)
        #expect(decided(Sample.change(.agentReplied, 20), on: held).rule == .replyTooLate)
        #expect(decided(Sample.change(.agentReplied, 21), on: held).rule == .replied)
    }

    @Test func `a reply from before the skills that the case is offered for withdraws nothing`() {
        let asked = decided(Sample.change(.skillsChanged, 20, skills: "French"), on: state())
        #expect(asked.after.wanted?.skills == "French")
        #expect(decided(Sample.change(.agentReplied, 15), on: asked.after).rule == .replyTooLate)
    }

    @Test func `of equal versions none supersedes another`() {
        #expect(decided(Sample.change(.comment, 20), on: state(contact: 20, reply: 20)).rule == .contacted)
        #expect(decided(Sample.change(.agentReplied, 10), on: state(.waiting, arrival: 10)).rule == .replyTooLate)
    }

    @Test func `states with equal versions and different content are read again`() {
        let decision = decided(Sample.change(.ownerChanged, 10, owner: Sample.user), on: state(.waiting))
        #expect(decision.needsVerification)
        #expect(decision.rule == .equalVersion)
        #expect(decision.after.facts?.owner == Sample.queueA)
        #expect(!decided(Sample.change(.queueChanged, 10), on: state(.waiting)).needsVerification)
    }

    @Test func `an observation applies only at the revision it was compared with, and moves no fence`() {
        let older = Sample.change(.observed, 40, owner: Sample.user, comparedWith: 4)
        let outdated = decided(older, on: state())
        #expect(outdated.rule == .observationOutdated)
        #expect(outdated.needsVerification && !outdated.raisesRevision)
        let now = Sample.change(.observed, 40, owner: Sample.queueB, comparedWith: 5)
        let decision = decided(now, on: state())
        #expect(decision.after.wanted?.workgroup == Sample.workgroupB)
        #expect(decision.after.fences == state().fences)
        #expect(decision.after.observedAt == now.occurredAt)
    }

    /// A state that changes nothing that is wanted leaves the revision as it is.
    @Test func `an observation that was read before a newer state was merged changes nothing`() {
        var observed = Sample.change(.observed, 40, owner: Sample.queueB, comparedWith: 5)
        observed.comparedVersion = state().fences.state
        #expect(decided(observed, on: state()).after.wanted?.workgroup == Sample.workgroupB)
        observed.comparedVersion = state().fences.state - 1
        let outdated = decided(observed, on: state())
        #expect(outdated.rule == .observationOutdated)
        #expect(outdated.needsVerification && outdated.after.facts == state().facts)
    }

    @Test func `an observation without a difference changes nothing`() {
        let decision = decided(Sample.change(.observed, 40, comparedWith: 5), on: state())
        #expect(decision.rule == .noDifference)
        #expect(decision.after == state())
    }

    @Test func `versions of a newer epoch are newer than all before, those of an older one are stragglers`() {
        var change = Sample.change(.queueChanged, 1, owner: Sample.queueB)
        change.versionEpoch = 2
        let moved = decided(change, on: state(.waiting, reply: 50))
        #expect(moved.after.fences.epoch == 2)
        #expect(moved.after.fences.reply == 0)
        #expect(moved.after.wanted?.workgroup == Sample.workgroupB)
        let straggler = Sample.change(.ownerChanged, 99, owner: Sample.user)
        #expect(decided(straggler, on: moved.after).outcome == .superseded)
    }

    @Test func `a case heard of for the first time by a comment is judged by what its row says`() {
        let comment = decided(Sample.change(.comment, 7), on: CaseState())
        #expect(comment.after.wanted?.workgroup == Sample.workgroupA)
        #expect(comment.after.fences.state == 7)
        let older = decided(Sample.change(.ownerChanged, 6, owner: Sample.user), on: comment.after)
        #expect(older.after.facts?.owner == Sample.queueA)
        // In whole seconds nobody knows which came first.
        let equal = decided(Sample.change(.ownerChanged, 7, owner: Sample.user), on: comment.after)
        #expect(equal.after.facts?.owner == Sample.queueA && equal.needsVerification)
        let newer = decided(Sample.change(.ownerChanged, 8, owner: Sample.user), on: comment.after)
        #expect(newer.after.facts?.owner == Sample.user)
    }
}
