import CaseRouting
import Testing

@testable import Store

@Suite(.serialized) struct EndTests {
    struct Situation: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// Done to the episode that was placed on Support at revision 1.
        let alteration: String?
        let reason: EpisodeEnd.Reason
        let assignNumber: Int64?
        let isServed: Bool
    }

    private static let situations = [
        Situation(
            testDescription: "placed as wanted", alteration: nil, reason: .ended, assignNumber: nil, isServed: true),
        Situation(
            testDescription: "lost with agent", alteration: "with_agent = true", reason: .lostWithAgent,
            assignNumber: nil, isServed: true),
        Situation(
            testDescription: "unknown place, seen with the number", alteration: "workgroup = NULL", reason: .ended,
            assignNumber: 1, isServed: true),
        Situation(
            testDescription: "unknown place, not seen", alteration: "workgroup = NULL", reason: .ended,
            assignNumber: nil, isServed: false),
        Situation(
            testDescription: "unknown place, seen with an older number", alteration: "workgroup = NULL",
            reason: .ended, assignNumber: 0, isServed: false),
        Situation(
            testDescription: "placed elsewhere", alteration: "workgroup = 'Sales'", reason: .ended, assignNumber: nil,
            isServed: false),
        Situation(
            testDescription: "placed for an older wish", alteration: "assign_number = 0", reason: .ended,
            assignNumber: 1, isServed: false),
        Situation(
            testDescription: "ended in holding", alteration: "state = 'held', workgroup = NULL, assign_number = 0",
            reason: .ended, assignNumber: nil, isServed: false),
        Situation(
            testDescription: "ending", alteration: "state = 'ending'", reason: .disconnected, assignNumber: 1,
            isServed: false),
        Situation(
            testDescription: "ending, seen by the watch", alteration: "state = 'ending'", reason: .ended,
            assignNumber: 1, isServed: false),
        Situation(
            testDescription: "lost while waiting", alteration: nil, reason: .lost, assignNumber: 1, isServed: false),
    ]

    private static let interaction = InteractionID("1")

    @Test(arguments: situations)
    func `an end serves the wish only without doubt, and else the case is offered again`(_ situation: Situation)
        async throws
    {
        try await StoreFixture.with { fixture in
            let change = CaseChange.make(.created, version: 1)
            let placed = try await fixture.place(change, interaction: Self.interaction)
            if let alteration = situation.alteration {
                try await fixture.run("UPDATE caserouter.episodes SET \(alteration)")
            }
            let end = EpisodeEnd(
                episode: placed.episodeKey, interaction: Self.interaction, attempt: placed.state.episode!.attempt,
                reason: situation.reason, assignNumber: situation.assignNumber)
            #expect(try await fixture.store.end(end))
            #expect(try await fixture.store.end(end) == false)

            let state = try await fixture.store.read(change).state
            #expect(state.revision == 2)
            #expect(state.episode == nil)
            #expect(state.isDue == !situation.isServed)
            #expect((state.wanted == nil) == situation.isServed)
            let reason = try await fixture.text("SELECT end_reason FROM caserouter.episodes")
            // What we disconnected ended so, whoever saw it.
            let isEnding = situation.alteration == "state = 'ending'"
            #expect(reason == (isEnding ? "disconnected" : situation.reason.rawValue))
            let due = try await fixture.store.claimDue(limit: 10, servers: StoreFixture.servers)
            #expect(due.count == (situation.isServed ? 0 : 1))
        }
    }

    @Test func `an end that comes before a newer wish was carried out leaves that wish due`() async throws {
        try await StoreFixture.with { fixture in
            let placed = try await fixture.place(.make(.created, version: 1), interaction: Self.interaction)
            let move = CaseChange.make(.queueChanged, version: 2, owner: StoreFixture.otherQueue)
            try await fixture.take(move)
            #expect(try await fixture.store.end(Self.end(of: placed)))
            let state = try await fixture.store.read(move).state
            #expect(state.isDue)
            #expect(state.wanted?.workgroup == "Sales")
            #expect(try await fixture.text(Self.outcome(of: move)) == nil)
        }
    }

    @Test func `an end closes a case of which nothing is wanted, and its open requests are routed`() async throws {
        try await StoreFixture.with { fixture in
            let placed = try await fixture.place(.make(.created, version: 1), interaction: Self.interaction)
            let closed = CaseChange.make(.closed, version: 2, isClosed: true)
            let claim = try await fixture.claim(closed)
            #expect(try await fixture.store.beginEnding(claim))
            #expect(try await fixture.text(Self.outcome(of: closed)) == nil)
            #expect(try await fixture.store.end(Self.end(of: placed)))
            #expect(try await fixture.text(Self.outcome(of: closed)) == "routed")
            #expect(try await fixture.store.read(closed).state.isDue == false)
            // Whoever held the lease looks again, and finds that nothing is left to do.
            #expect(try await fixture.store.finish(claim) == false)
            let refreshed = try #require(await fixture.store.refresh(claim))
            #expect(!refreshed.state.isDue)
        }
    }

    @Test func `an end of another interaction or attempt does nothing`() async throws {
        try await StoreFixture.with { fixture in
            let placed = try await fixture.place(.make(.created, version: 1), interaction: Self.interaction)
            let attempt = placed.state.episode!.attempt
            for (interaction, attempt) in [(InteractionID("2"), attempt), (Self.interaction, AttemptID.make())] {
                let end = EpisodeEnd(
                    episode: placed.episodeKey, interaction: interaction, attempt: attempt, reason: .ended,
                    assignNumber: 1)
                #expect(try await fixture.store.end(end) == false)
            }
            #expect(try await fixture.column("revision", of: placed.caseKey) == "1")
        }
    }

    @Test func `finishing after a reading makes the episode serve the newer wish`() async throws {
        try await StoreFixture.with { fixture in
            let placed = try await fixture.place(.make(.created, version: 1), interaction: Self.interaction)
            _ = try await fixture.take(.make(.skillsChanged, version: 2, skills: "A"))
            let back = try await fixture.claim(.make(.skillsChanged, version: 3))
            #expect(back.state.revision == 3)
            #expect(try await fixture.store.finish(back))
            #expect(try await fixture.store.end(Self.end(of: placed)))
            #expect(try await fixture.column("want_cic", of: placed.caseKey) == nil)
            #expect(
                try await fixture.number("SELECT count(*) FROM caserouter.requests WHERE outcome = 'routed'") == 2)
        }
    }

    @Test func `an episode without an interaction ends unborn when nothing is wanted there`() async throws {
        try await StoreFixture.with { fixture in
            let first = try await fixture.claim(.make(.created, version: 1), attempt: .make())
            #expect(try await fixture.store.endUnborn(first) == false)
            try await fixture.store.release(first, delay: .zero)
            let closed = CaseChange.make(.closed, version: 2, isClosed: true)
            let claim = try await fixture.claim(closed)
            #expect(try await fixture.store.endUnborn(claim))
            #expect(try await fixture.store.read(closed).state.isDue == false)
            #expect(try await fixture.text(Self.outcome(of: closed)) == "routed")
            #expect(try await fixture.column("lease_until", of: claim.caseKey) == nil)
        }
    }

    @Test func `an unborn episode on another server leaves the case claimed and due there`() async throws {
        try await StoreFixture.with { fixture in
            let claim = try await fixture.claim(.make(.created, version: 1), attempt: .make())
            try await fixture.run("UPDATE caserouter.cases SET want_cic = 'second'")
            #expect(try await fixture.store.endUnborn(claim))
            let refreshed = try #require(await fixture.store.refresh(claim))
            #expect(refreshed.state.isDue)
            #expect(refreshed.state.episode == nil)
            #expect(try await fixture.column("acts_on_cic", of: claim.caseKey) == "second")
            let next = try #require(await fixture.store.beginCreate(refreshed, attempt: .make(), opensEpisode: true))
            #expect(next.state.episode?.number == 2)
            #expect(next.state.episode?.cic == "second")
        }
    }

    private static func end(of claim: Claim) -> EpisodeEnd {
        EpisodeEnd(
            episode: claim.episodeKey, interaction: interaction, attempt: claim.state.episode!.attempt, reason: .ended,
            assignNumber: nil)
    }

    private static func outcome(of change: CaseChange) -> String {
        "SELECT outcome FROM caserouter.requests WHERE event_key = '\(change.key)'"
    }
}
