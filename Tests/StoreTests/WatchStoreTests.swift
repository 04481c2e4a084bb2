import CaseRouting
import Testing

@testable import Store

@Suite(.serialized) struct WatchStoreTests {
    private static let interaction = InteractionID("1")
    private static let key = EpisodeKey(CaseKey(org: "acme", caseID: recordID("500", 1)), 1)

    private func watch(_ fixture: StoreFixture) -> PostgresWatchStore {
        PostgresWatchStore(fixture.connections, cases: fixture.store, worker: StoreFixture.worker)
    }

    @Test func `the first server that answers is written down, another one raises the epoch`() async throws {
        try await StoreFixture.with { fixture in
            let watch = watch(fixture)
            #expect(try await watch.server(cic: "main") == WatchedServer(identity: nil, holds: []))
            try await watch.raiseEpoch(cic: "main", identity: "one")
            #expect(try await fixture.number("SELECT cic_epoch FROM caserouter.cic_servers") == 1)
            try await watch.raiseEpoch(cic: "main", identity: "two")
            try await watch.raiseEpoch(cic: "main", identity: "two")
            #expect(try await fixture.number("SELECT cic_epoch FROM caserouter.cic_servers") == 2)
            try await watch.placeHold(Hold(kind: .cic, name: "main", reason: .switchover, detail: "-"))
            #expect(try await watch.server(cic: "main") == WatchedServer(identity: "two", holds: [.switchover]))
            #expect(try await watch.server(cic: "other") == nil)
        }
    }

    @Test func `the age of its figures says how long a server was not watched`() async throws {
        try await StoreFixture.with { fixture in
            let watch = watch(fixture)
            #expect(try await watch.server(cic: "main")?.unwatched == .zero)
            _ = try await fixture.place(.make(.created, version: 1), interaction: Self.interaction)
            try await fixture.run("UPDATE caserouter.episodes SET placed_at = placed_at - interval '900 s'")
            // No watch has ever come so far: it answered when the first of what is open was placed.
            let sincePlaced = try #require(await watch.server(cic: "main")?.unwatched)
            #expect(sincePlaced >= .seconds(900) && sincePlaced < .seconds(960))
            try await watch.saveQueueFigures(cic: "main", QueueFigures())
            #expect(try #require(await watch.server(cic: "main")?.unwatched) < .seconds(60))
            try await fixture.run("UPDATE caserouter.queue_figures SET seen_at = seen_at - interval '300 s'")
            let unwatched = try #require(await watch.server(cic: "main")?.unwatched)
            #expect(unwatched >= .seconds(300) && unwatched < .seconds(360))
        }
    }

    @Test func `an interaction back from its agent makes a case due that only spared the agent`() async throws {
        try await StoreFixture.with { fixture in
            let watch = watch(fixture)
            let placed = try await fixture.place(.make(.created, version: 1), interaction: Self.interaction)
            let attempt = try #require(placed.state.episode?.attempt)
            #expect(try await watch.note(Self.key, Self.interaction, attempt, isWithAgent: true))
            #expect(try await fixture.column("revision", of: Self.key.caseKey) == "1")
            #expect(try await watch.note(Self.key, Self.interaction, attempt, isWithAgent: false))
            #expect(try await fixture.column("revision", of: Self.key.caseKey) == "1")

            try await fixture.run(
                "UPDATE caserouter.cases SET want_cic = NULL, want_workgroup = NULL, spares_agent = true")
            #expect(try await watch.note(Self.key, Self.interaction, attempt, isWithAgent: true))
            #expect(try await watch.note(Self.key, Self.interaction, attempt, isWithAgent: false))
            #expect(try await fixture.column("revision", of: Self.key.caseKey) == "2")
            #expect(try await !watch.note(Self.key, InteractionID("2"), attempt, isWithAgent: true))
        }
    }

    @Test func `an episode is read with the least assign number that carries out what is wanted`() async throws {
        try await StoreFixture.with { fixture in
            let watch = watch(fixture)
            _ = try await fixture.place(.make(.created, version: 1), interaction: Self.interaction)
            #expect(try await watch.openEpisodes(cic: "main").map(\.wantedAssign) == [0])
            try await fixture.take(
                .make(.queueChanged, version: 2, owner: StoreFixture.otherQueue))
            #expect(try await watch.openEpisodes(cic: "main").map(\.wantedAssign) == [2])
            #expect(try await watch.episodes([Self.key]).map(\.wantedAssign) == [2])
        }
    }

    @Test func `an id that another open episode has cannot be bound`() async throws {
        try await StoreFixture.with { fixture in
            let watch = watch(fixture)
            let first = try await fixture.place(.make(.created, version: 1), interaction: Self.interaction)
            let second = try await fixture.place(.make(.created, of: 2, version: 1), interaction: InteractionID("2"))
            let attempt = try #require(first.state.episode?.attempt)
            #expect(try await !watch.rebind(Self.key, attempt, from: Self.interaction, to: InteractionID("2")))
            #expect(try await watch.rebind(Self.key, attempt, from: Self.interaction, to: InteractionID("3")))
            let other = try #require(second.state.episode?.attempt)
            #expect(
                try await watch.rebind(second.episodeKey, other, from: InteractionID("2"), to: Self.interaction))
            let open = try await watch.openEpisodes(cic: "main")
            #expect(Set(open.map(\.interaction)) == [InteractionID("3"), Self.interaction])
            #expect(open.map(\.key.caseKey) == [Self.key.caseKey, second.caseKey])
            let rest = try await watch.openEpisodes(cic: "main", after: Self.key.caseKey)
            #expect(rest.map(\.key.caseKey) == [second.caseKey])
            #expect(try await watch.openEpisodes(cic: "main", after: second.caseKey).isEmpty)
        }
    }

    @Test func `what was lost and is with an agent after all withdraws the wish, once`() async throws {
        try await StoreFixture.with { fixture in
            let watch = watch(fixture)
            let placed = try await fixture.place(.make(.created, version: 1), interaction: Self.interaction)
            let attempt = try #require(placed.state.episode?.attempt)
            #expect(try await !watch.deliveredAfterAll(Self.key))
            #expect(
                try await watch.end(
                    EpisodeEnd(
                        episode: Self.key, interaction: Self.interaction, attempt: attempt, reason: .lost,
                        assignNumber: 1)))
            #expect(try await fixture.column("want_workgroup", of: Self.key.caseKey) == "Support")
            #expect(try await watch.deliveredAfterAll(Self.key))
            #expect(try await fixture.column("want_workgroup", of: Self.key.caseKey) == nil)
            #expect(try await watch.episodes([Self.key]).first?.endReason == .lostWithAgent)
            try await fixture.take(.make(.comment, version: 2))
            #expect(try await !watch.deliveredAfterAll(Self.key))
            #expect(try await fixture.column("want_workgroup", of: Self.key.caseKey) == "Support")
        }
    }

    @Test func `cases of a hold that has ended are claimed gently at first`() async throws {
        try await StoreFixture.with { fixture in
            let watch = watch(fixture)
            try await watch.placeHold(Hold(kind: .cic, name: "main", reason: .breaker, detail: "-"))
            for number in 1...30 { try await fixture.take(.make(.created, of: number, version: 1)) }
            #expect(try await fixture.store.claimDue(limit: 100, servers: ["main"]).isEmpty)
            try await watch.liftHold(.cic, "main", .breaker)
            #expect(try await fixture.store.claimDue(limit: 100, servers: ["main"]).count == 8)
            try await fixture.run("UPDATE caserouter.releases SET at = at - interval '5 seconds'")
            #expect(try await fixture.store.claimDue(limit: 100, servers: ["main"]).count == 16)
            try await fixture.run("UPDATE caserouter.releases SET at = at - interval '1 minute'")
            #expect(try await fixture.store.claimDue(limit: 100, servers: ["main"]).count == 6)
        }
    }
}
