import TestSupport
import Testing

@testable import CaseRouting

/// What a case's interactions mean after rows of the database may have been lost.
struct CaseRebuildTests {
    private static let one = InteractionID("1")
    private static let two = InteractionID("2")

    private func claimant(
        _ interaction: InteractionID = one, episode: Int32 = 1, attempt: UInt64 = 1, assign: Int64 = 1,
        on workgroup: String? = Sample.workgroupA, isWithAgent: Bool = false
    ) -> Claimant {
        Claimant(
            interaction: interaction, episode: episode, attempt: Sample.attempt(attempt), assignNumber: assign,
            workgroup: workgroup, isWithAgent: isWithAgent)
    }

    private func state(
        revision: Int64 = 1, last: Int32 = 1,
        wanted: Wanted? = .init(
            cic: Sample.cic, workgroup: Sample.workgroupA, skills: "French", mapping: 1), episode: Episode? = nil
    ) -> CaseState {
        var state = CaseState()
        state.revision = revision
        state.lastEpisode = last
        state.wanted = wanted
        state.episode = episode
        return state
    }

    private func episode(
        _ number: Int32 = 1, _ state: Episode.State = .placed, _ interaction: InteractionID? = one,
        attempt: UInt64 = 1, cic: String = Sample.cic
    ) -> Episode {
        Episode(
            number: number, cic: cic, state: state, interaction: interaction, attempt: Sample.attempt(attempt),
            attemptDeadline: Sample.start, assignNumber: interaction == nil ? 0 : 1)
    }

    private func rebuild(_ state: CaseState?, _ claimants: Claimant...) -> CaseRebuild {
        CaseRebuild(Sample.caseKey, state, claimants: claimants, on: Sample.cic, now: Sample.start)
    }

    @Test func `of an unknown case the interaction becomes its episode and its place what is wanted`() throws {
        let rebuilt = rebuild(nil, claimant(episode: 3, assign: 7))
        let write = try #require(rebuilt.write)
        #expect(rebuilt.bound == Self.one)
        #expect(write.before == nil)
        #expect(write.key.number == 3)
        #expect(write.episode.state == .placed && write.episode.workgroup == Sample.workgroupA)
        #expect(write.episode.skills == nil)
        #expect(write.wanted?.workgroup == Sample.workgroupA)
        #expect(write.wantedAssign == 7)
        #expect(write.revision == 8)
    }

    @Test func `in holding nothing more is wanted than was known`() throws {
        let unknown = try #require(rebuild(nil, claimant(assign: 0, on: nil)).write)
        #expect(unknown.episode.state == .held && unknown.wanted == nil && unknown.revision == 1)
        let wanted = state(last: 0)
        let known = try #require(rebuild(wanted, claimant(assign: 0, on: nil)).write)
        #expect(known.wanted == wanted.wanted)
    }

    @Test func `what the database has right is left alone`() {
        let rebuilt = rebuild(state(episode: episode()), claimant())
        #expect(rebuilt.bound == Self.one)
        #expect(rebuilt.write == nil)
        #expect(rebuilt.surplus.isEmpty && rebuilt.strange.isEmpty)
    }

    @Test func `an assign that the database never heard of tells a later wish and raises the revision beyond it`()
        throws
    {
        let rebuilt = rebuild(
            state(revision: 4, episode: episode()), claimant(assign: 9, on: Sample.workgroupB, isWithAgent: true))
        let write = try #require(rebuilt.write)
        #expect(write.wanted?.workgroup == Sample.workgroupB)
        #expect(write.wantedAssign == 9 && write.revision == 10)
        #expect(write.episode.isWithAgent)
    }

    @Test func `a lost assign whose number the revision has just reached again is not taken for the wish it has now`()
        throws
    {
        let write = try #require(
            rebuild(state(revision: 4, episode: episode()), claimant(assign: 4, on: Sample.workgroupB)).write)
        #expect(write.revision == 5)
        #expect(write.episode.workgroup == Sample.workgroupB && write.episode.assignNumber == 4)
    }

    @Test func `a lost assign that the revision has passed leaves the wish, and its skills are assigned anew`() throws {
        let before = state(revision: 5, episode: episode())
        let write = try #require(rebuild(before, claimant(assign: 4)).write)
        #expect(write.wanted == before.wanted)
        #expect(write.revision == 6)
        #expect(write.episode.skills == nil && write.episode.assignNumber == 4)
    }

    @Test func `an older assign leaves the later wish of the database`() throws {
        var before = state(revision: 6, episode: episode(1, .creating, nil))
        before.wantedAssign = 5
        before.wanted?.workgroup = Sample.workgroupB
        let write = try #require(rebuild(before, claimant(assign: 3)).write)
        #expect(write.wanted == before.wanted)
        #expect(write.wantedAssign == 5 && write.revision == 7)
        #expect(write.episode.workgroup == Sample.workgroupA)
    }

    @Test func `the same place keeps its skills and mapping`() throws {
        let write = try #require(rebuild(state(episode: episode()), claimant(assign: 9)).write)
        #expect(write.wanted?.skills == "French" && write.wanted?.mapping == 1)
    }

    @Test func `what was wanted nowhere and is out there was wanted later`() throws {
        let write = try #require(rebuild(state(revision: 5, wanted: nil), claimant(episode: 2, assign: 0)).write)
        #expect(write.wanted?.workgroup == Sample.workgroupA)
        #expect(write.revision == 6)
    }

    @Test func `ending stays ending`() throws {
        let write = try #require(rebuild(state(episode: episode(1, .ending)), claimant(assign: 9)).write)
        #expect(write.episode.state == .ending)
    }

    @Test func `what waits although its episode was placed on another server since is too many`() throws {
        let elsewhere = episode(1, .placed, InteractionID("9"), attempt: 9, cic: "other")
        let rebuilt = rebuild(state(episode: elsewhere), claimant(episode: 1))
        #expect(rebuilt.write == nil && rebuilt.surplus == [Self.one])
        let withAgent = rebuild(state(episode: elsewhere), claimant(episode: 1, isWithAgent: true))
        #expect(withAgent.surplus == [] && withAgent.strange == [Self.one])
        let begun = episode(1, .creating, nil, attempt: 9, cic: "other")
        #expect(rebuild(state(episode: begun), claimant(episode: 1)).bound == Self.one)
    }

    @Test func `a later episode proves that the one before has ended, on whatever server`() throws {
        let elsewhere = episode(1, .placed, InteractionID("9"), attempt: 9, cic: "other")
        let write = try #require(rebuild(state(episode: elsewhere), claimant(episode: 2)).write)
        #expect(write.key.number == 2 && write.episode.cic == Sample.cic)
    }

    @Test func `what is left of an ended episode is no claim`() {
        let rebuilt = rebuild(state(last: 2), claimant(episode: 2))
        #expect(rebuilt.bound == nil && rebuilt.write == nil)
        #expect(rebuilt.strange == [Self.one])
        #expect(rebuild(state(last: 2), claimant(episode: 1, on: nil)).strange.isEmpty)
    }

    @Test func `of two that claim one episode the routable one wins over the one in holding`() {
        let held = claimant(Self.two, attempt: 2, assign: 0, on: nil)
        for before in [
            nil, state(episode: episode(1, .creating, nil)), state(episode: episode(1, .held, Self.two, attempt: 2)),
        ] {
            let rebuilt = rebuild(before, held, claimant())
            #expect(rebuilt.bound == Self.one)
            #expect(rebuilt.write?.episode.interaction == Self.one)
            #expect(rebuilt.surplus.isEmpty)
        }
    }

    @Test func `of two routable ones the agent's stays and the waiting one goes`() {
        let rebuilt = rebuild(nil, claimant(), claimant(Self.two, attempt: 2, isWithAgent: true))
        #expect(rebuilt.bound == Self.two)
        #expect(rebuilt.surplus == [Self.one])
    }

    @Test func `one that is shown where it was put stays beside a second of its episode`() {
        let rebuilt = rebuild(
            state(episode: episode()), claimant(), claimant(Self.two, attempt: 2, assign: 8))
        #expect(rebuilt.bound == Self.one)
        #expect(rebuilt.surplus == [Self.two])
        let agents = rebuild(state(episode: episode()), claimant(), claimant(Self.two, attempt: 2, isWithAgent: true))
        #expect(agents.bound == Self.one)
        #expect(agents.strange == [Self.two])
    }

    @Test func `a copy is left to a person`() {
        let rebuilt = rebuild(state(episode: episode()), claimant(), claimant(Self.two))
        #expect(rebuilt.bound == Self.one)
        #expect(rebuilt.surplus.isEmpty && rebuilt.strange == [Self.two])
    }

    @Test func `nothing is ended for one that is not shown itself`() {
        let rebuilt = rebuild(state(episode: episode(1, .placed, InteractionID("9"), attempt: 9)), claimant())
        #expect(rebuilt.bound == nil && rebuilt.surplus.isEmpty)
        #expect(rebuilt.strange == [Self.one])
    }
}
