import CaseRouting
import TestSupport
import Testing

/// The second table of the design, section 7.
struct NextStepTests {
    private func state(_ interaction: CaseInState.Interaction, isWanted: Bool = true) -> CaseState {
        var state = CaseInState(interaction, isWanted: isWanted).state
        state.appliedRevision = 4
        return state
    }

    private let alive = InteractionReading.alive(isWithAgent: false, assignNumber: 5, workgroup: Sample.workgroupA)
    private let withAgent = InteractionReading.alive(isWithAgent: true, assignNumber: 5, workgroup: Sample.workgroupA)

    @Test func `without an episode one is opened where something is wanted`() {
        #expect(nextStep(for: state(.none), now: Sample.start) == .create)
        #expect(nextStep(for: state(.none, isWanted: false), now: Sample.start) == .finish)
    }

    @Test(arguments: [true, false])
    func `an attempt under way is waited for and then looked for`(_ isWanted: Bool) {
        let creating = state(.creating, isWanted: isWanted)
        let resolvable = Sample.start + settlingTime
        #expect(nextStep(for: creating, now: Sample.start) == .wait(until: resolvable))
        #expect(nextStep(for: creating, now: resolvable) == .lookInHolding)
    }

    @Test func `an attempt that was never sent is replaced at once where its interaction is wanted`() {
        var creating = state(.creating)
        creating.episode?.attemptDeadline = Episode.neverSent
        #expect(nextStep(for: creating, now: Sample.start) == .create)
        // Nothing is to be created: the episode is ended as any other in which nothing was.
        creating.wanted = nil
        #expect(nextStep(for: creating, now: Sample.start) == .lookInHolding)
        creating = state(.creating)
        creating.episode?.attemptDeadline = Episode.neverSent
        creating.episode?.cic = "elsewhere"
        #expect(nextStep(for: creating, now: Sample.start) == .lookInHolding)
    }

    @Test func `what is in holding is assigned`() {
        let held = state(.held)
        #expect(nextStep(for: held, now: Sample.start) == .read)
        let unmoved = InteractionReading.alive(isWithAgent: false, assignNumber: 0, workgroup: nil)
        #expect(nextStep(for: held, now: Sample.start, reading: unmoved) == .assign(takesBack: false))
    }

    @Test func `another workgroup, or a higher number wanted, takes back`() {
        var other = state(.withAgent)
        other.wanted?.workgroup = Sample.workgroupB
        #expect(nextStep(for: other, now: Sample.start) == .assign(takesBack: true))
        var higher = state(.withAgent)
        higher.wantedAssign = 6
        #expect(nextStep(for: higher, now: Sample.start) == .assign(takesBack: true))
    }

    @Test func `other skills are assigned without taking back`() {
        var skills = state(.withAgent)
        skills.wanted?.skills = "French"
        #expect(nextStep(for: skills, now: Sample.start) == .assign(takesBack: false))
    }

    @Test func `an unknown workgroup is never as wanted`() {
        var unknown = state(.waiting)
        unknown.episode?.workgroup = nil
        unknown.wantedAssign = 4
        #expect(nextStep(for: unknown, now: Sample.start) == .read)
        #expect(nextStep(for: unknown, now: Sample.start, reading: alive) == .assign(takesBack: false))
        unknown.wantedAssign = 6
        #expect(nextStep(for: unknown, now: Sample.start, reading: withAgent) == .assign(takesBack: true))
    }

    @Test func `as wanted is finished after reading CIC only`() {
        #expect(nextStep(for: state(.waiting), now: Sample.start) == .read)
        #expect(nextStep(for: state(.waiting), now: Sample.start, reading: alive) == .finish)
        #expect(nextStep(for: state(.withAgent), now: Sample.start, reading: withAgent) == .finish)
    }

    @Test(arguments: [CaseInState.Interaction.held, .waiting, .withAgent])
    func `another server, or nothing wanted, ends the episode`(_ interaction: CaseInState.Interaction) {
        #expect(nextStep(for: state(interaction, isWanted: false), now: Sample.start) == .beginEnding)
        var elsewhere = state(interaction)
        elsewhere.wanted?.cic = "branch"
        #expect(nextStep(for: elsewhere, now: Sample.start) == .beginEnding)
    }

    @Test(arguments: [true, false])
    func `ending is final`(_ isWanted: Bool) {
        #expect(nextStep(for: state(.ending, isWanted: isWanted), now: Sample.start) == .disconnect)
    }

    @Test func `an agent who is spared is waited for`() {
        var spared = state(.withAgent, isWanted: false)
        spared.sparesAgent = true
        #expect(nextStep(for: spared, now: Sample.start) == .read)
        #expect(
            nextStep(for: spared, now: Sample.start, reading: withAgent) == .wait(until: Sample.start + agentPause))
        #expect(nextStep(for: spared, now: Sample.start, reading: alive) == .beginEnding)
    }
}
