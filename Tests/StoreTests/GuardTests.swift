import CaseRouting
import Testing

@testable import Store

@Suite(.serialized) struct GuardTests {
    private static let change = CaseChange.make(.created, version: 10)

    private static func merge(_ change: CaseChange, _ before: CaseState, claims: Bool = false) throws -> Merge {
        let judged = decide(change, on: before, with: StoreFixture.configuration, interaction: .alive)
        guard case .decision(let decision) = judged else { throw StoreFixture.NotClaimed() }
        return Merge(change: change, before: before, decision: decision, claims: claims, attempt: nil)
    }

    @Test(arguments: [
        "revision = revision + 1", "state_fence = 11", "arrival_fence = 11", "contact_fence = 11", "reply_fence = 11",
        "version_epoch = 2", "owner = '005000000000009AAA'", "closed = true", "skills = 'Other'",
    ])
    func `a merge is refused when something that the decision had read has changed`(_ assignment: String) async throws {
        try await StoreFixture.with { fixture in
            try await fixture.take(Self.change)
            let next = CaseChange.make(.comment, version: 20)
            let state = try await fixture.store.read(next).state
            try await fixture.run("UPDATE caserouter.cases SET \(assignment)")
            let result = try await fixture.store.merge(try Self.merge(next, state))
            guard case .conflict = result else {
                Issue.record("merged although \(assignment)")
                return
            }
            #expect(try await fixture.store.read(next).isMerged == false)
            try await fixture.take(next)
            #expect(try await fixture.store.read(next).isMerged)
        }
    }

    @Test func `of two merges that saw the same unknown case one is refused, and a merged request is not merged again`()
        async throws
    {
        try await StoreFixture.with { fixture in
            let other = CaseChange.make(.skillsChanged, version: 11)
            let first = try Self.merge(Self.change, CaseState())
            let second = try Self.merge(other, CaseState())
            async let one = fixture.store.merge(first)
            async let two = fixture.store.merge(second)
            let results = try await [one, two]
            let conflicts = results.filter { if case .conflict = $0 { true } else { false } }
            #expect(conflicts.count == 1)
            #expect(try await fixture.number("SELECT count(*) FROM caserouter.requests") == 1)

            let state = try await fixture.store.read(Self.change).state
            try await fixture.take(Self.change)
            try await fixture.take(other)
            let again = try await fixture.store.merge(try Self.merge(Self.change, state))
            guard case .conflict = again else {
                Issue.record("a merged request was merged again")
                return
            }
        }
    }

    @Test func `every write of a claim is refused when the case was claimed again`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store, attempt = AttemptID.make()
            let claim = try await fixture.claim(Self.change, attempt: attempt)
            let won = try #require(await store.win(claim, InteractionID("1"), attempt))
            try await fixture.run("UPDATE caserouter.cases SET epoch = epoch + 1")
            try await Self.expectRefused(store, won)
            #expect(try await store.refresh(won) == nil)
            #expect(try await fixture.column("lease_until IS NULL", of: claim.caseKey) == "false")
            #expect(try await fixture.text("SELECT state FROM caserouter.episodes") == "held")
        }
    }

    @Test func `every write of a claim is refused when the lease was given back`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store, attempt = AttemptID.make()
            let claim = try await fixture.claim(Self.change, attempt: attempt)
            let won = try #require(await store.win(claim, InteractionID("1"), attempt))
            try await store.release(won, delay: .seconds(5))
            try await Self.expectRefused(store, won)
            #expect(try await store.refresh(won) == nil)
        }
    }

    @Test func `every write of a claim is refused when the revision moved, and parking then only gives the lease back`()
        async throws
    {
        try await StoreFixture.with { fixture in
            let store = fixture.store, attempt = AttemptID.make()
            let claim = try await fixture.claim(Self.change, attempt: attempt)
            let won = try #require(await store.win(claim, InteractionID("1"), attempt))
            try await fixture.take(.make(.closed, version: 11, isClosed: true))
            try await Self.expectRefused(store, won, parks: false)
            let failure = RoutingFailure(.permanent, at: .assign, cause: .workgroupUnknown, "No such workgroup.")
            #expect(try await store.park(won, failure, delay: .seconds(60)) == false)
            let key = claim.caseKey
            #expect(try await fixture.column("attempts", of: key) == "0")
            #expect(try await fixture.column("lease_until", of: key) == nil)
            #expect(try await fixture.column("next_at <= now()", of: key) == "true")
            #expect(try await fixture.column("failure_cause", of: key) == nil)
        }
    }

    private static func expectRefused(_ store: PostgresCaseStore, _ claim: Claim, parks: Bool = true) async throws {
        #expect(try await store.beginCreate(claim, attempt: .make(), opensEpisode: false) == nil)
        #expect(try await store.beginCreate(claim, attempt: .make(), opensEpisode: true) == nil)
        #expect(try await store.beginAssign(claim) == false)
        #expect(try await store.recordPlaced(claim, workgroup: "Support", skills: "") == false)
        #expect(try await store.finish(claim) == false)
        #expect(try await store.beginEnding(claim) == false)
        #expect(try await store.endUnborn(claim) == false)
        guard parks else { return }
        let failure = RoutingFailure(.transient, at: .assign, cause: .cicError, "It did not work.")
        #expect(try await store.park(claim, failure, delay: .seconds(1)) == false)
    }

    @Test func `the id that comes second does not win, and the winner wins again`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store, attempt = AttemptID.make()
            let claim = try await fixture.claim(Self.change, attempt: attempt)
            #expect(try await store.win(claim, InteractionID("1"), attempt) != nil)
            #expect(try await store.win(claim, InteractionID("2"), attempt) == nil)
            #expect(try await store.win(claim, InteractionID("1"), .make()) == nil)
            #expect(try await store.win(claim, InteractionID("1"), attempt) != nil)
        }
    }

    @Test func `an interaction that another open episode has does not win`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store, attempt = AttemptID.make()
            _ = try await fixture.place(.make(.created, of: 2, version: 1), interaction: InteractionID("7"))
            let claim = try await fixture.claim(Self.change, attempt: attempt)
            #expect(try await store.win(claim, InteractionID("7"), attempt) == nil)
            #expect(try await store.win(claim, InteractionID("8"), attempt) != nil)
        }
    }

    @Test func `after a switchover an answer from before it does not win, what was looked up does`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store, attempt = AttemptID.make()
            let claim = try await fixture.claim(Self.change, attempt: attempt)
            try await fixture.run("UPDATE caserouter.cic_servers SET cic_epoch = 2")
            #expect(try await store.win(claim, InteractionID("1"), attempt) == nil)
            try await fixture.run(
                "UPDATE caserouter.episodes SET attempt_deadline = now() - interval '1 second'")
            #expect(try await store.win(claim, InteractionID("1"), attempt) != nil)
            #expect(try await fixture.number("SELECT cic_epoch FROM caserouter.episodes") == 2)
        }
    }

    @Test func `winning commits the number only under the lease and for the server that is wanted`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store, attempt = AttemptID.make()
            let claim = try await fixture.claim(Self.change, attempt: attempt)
            try await fixture.run("UPDATE caserouter.cases SET want_cic = 'elsewhere'")
            let won = try #require(await store.win(claim, InteractionID("1"), attempt))
            #expect(won.state.episode?.assignNumber == 0)

            let second = AttemptID.make()
            let other = try await fixture.claim(.make(.created, of: 2, version: 1), attempt: second)
            try await fixture.run("UPDATE caserouter.cases SET epoch = epoch + 1")
            #expect(try await store.win(other, InteractionID("2"), second) == nil)
            #expect(
                try await fixture.number("SELECT assign_number FROM caserouter.episodes WHERE interaction_id = '2'")
                    == 0)
        }
    }

    @Test func `an assign makes number and place unknown and is never recorded over an ending`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store
            _ = try await fixture.place(Self.change, interaction: InteractionID("1"))
            let move = CaseChange.make(.queueChanged, version: 12, owner: StoreFixture.otherQueue)
            let claim = try await fixture.claim(move)
            #expect(claim.state.episode?.workgroup == "Support")
            #expect(try await store.beginAssign(claim))
            let state = try await store.read(move).state
            #expect(state.episode?.workgroup == nil)
            #expect(state.episode?.assignNumber == 2)
            try await fixture.run("UPDATE caserouter.episodes SET state = 'ending'")
            #expect(try await store.recordPlaced(claim, workgroup: "Sales", skills: "") == false)
            #expect(try await store.beginAssign(claim) == false)
            #expect(try await store.beginEnding(claim))
        }
    }
}
