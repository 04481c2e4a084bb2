import CaseRouting
import Testing

@testable import Store

/// Sweeps that people ask for, and what ingest compares them with.
@Suite(.serialized) struct AskedSweepTests {
    private func ingest(_ fixture: StoreFixture) -> PostgresIngestStore {
        PostgresIngestStore(fixture.connections, owner: "ingest")
    }

    private func ask(_ fixture: StoreFixture, _ columns: String = "", _ values: String = "") async throws {
        try await fixture.run(
            "INSERT INTO caserouter.sweeps (org, asked_by, asked_at\(columns)) VALUES ('acme', 'test', now()\(values))")
    }

    @Test func `a sweep is asked for once and begun until it is finished`() async throws {
        try await StoreFixture.with { fixture in
            let store = ingest(fixture)
            #expect(try await store.takeAskedSweep(org: "acme", configuration: 9) == nil)
            try await ask(fixture, ", queue", ", '\(StoreFixture.queue)'")
            try await ask(fixture, ", dry_run", ", true")
            let asked = AskedSweep(id: 1, queue: StoreFixture.queue)
            #expect(try await store.takeAskedSweep(org: "acme", configuration: 9) == asked)
            // Its process died: the next one begins it again.
            #expect(try await store.takeAskedSweep(org: "acme", configuration: 9) == asked)
            #expect(try await store.takeAskedSweep(org: "other", configuration: 9) == nil)
            let now = try await store.now()
            try await store.finishSweep(org: "acme", SweepResult(startedAt: now, asked: asked, isWhole: true))
            let dry = try #require(try await store.takeAskedSweep(org: "acme", configuration: 9))
            #expect(dry == AskedSweep(id: 2, queue: nil, isDryRun: true))
            try await store.finishSweep(org: "acme", SweepResult(startedAt: now, asked: dry, isWhole: true))
            #expect(try await store.takeAskedSweep(org: "acme", configuration: 9) == nil)
            // One on time leaves nothing to begin.
            try await store.finishSweep(org: "acme", SweepResult(startedAt: now, asked: nil, isWhole: false))
            #expect(try await store.takeAskedSweep(org: "acme", configuration: 9) == nil)
        }
    }

    @Test func `one look tells what there is to do for every org`() async throws {
        try await StoreFixture.with { fixture in
            #expect(try await ingest(fixture).errands(org: "acme") == [])
            try await ask(fixture)
            try await ingest(fixture).openGap(org: "acme", channel: "/event/Routing", from: nil, reason: "test")
            // A store looks once a second; a new one looks at once.
            #expect(try await ingest(fixture).errands(org: "acme") == [.askedSweep, .gap])
            _ = try await fixture.place(.make(.created, version: 1), interaction: InteractionID("1"))
            try await fixture.run("UPDATE caserouter.cases SET verify_at = now()")
            try await fixture.run("UPDATE caserouter.requests SET write_back = 'due', write_back_at = now()")
            let store = ingest(fixture)
            #expect(try await store.errands(org: "acme") == .all)
            #expect(try await store.errands(org: "other") == [])
        }
    }

    @Test func `a sweep that was asked for under newer settings waits for them`() async throws {
        try await StoreFixture.with { fixture in
            let store = ingest(fixture)
            try await ask(fixture, ", configuration", ", 5")
            #expect(try await store.takeAskedSweep(org: "acme", configuration: 4) == nil)
            #expect(try await store.takeAskedSweep(org: "acme", configuration: 5)?.id == 1)
        }
    }

    @Test func `a dry run keeps what it found, and only what its last try found`() async throws {
        try await StoreFixture.with { fixture in
            let store = ingest(fixture)
            try await ask(fixture, ", dry_run", ", true")
            let asked = try #require(try await store.takeAskedSweep(org: "acme", configuration: 1))
            var result = SweepResult(startedAt: try await store.now(), asked: asked, isWhole: true)
            result.findings = [
                SweepFinding(change: .make(.observed, of: 1, version: 1, comparedWith: 3), why: .waits),
                SweepFinding(change: .make(.created, of: 2, version: 1), why: .row),
            ]
            result.observed = 1
            result.offered = 1
            try await store.finishSweep(org: "acme", result)
            try await store.finishSweep(org: "acme", result)
            let found = try await fixture.sql.query(
                "SELECT number, why, case_number, owner FROM caserouter.sweep_findings WHERE sweep = 1 ORDER BY number")
            #expect(try found.map { try $0.int32(0) } == [1, 2])
            #expect(try found.map { try $0.text(1) } == ["waits", "row"])
            #expect(try found.map { try $0.text(2) } == ["1", "2"])
            #expect(try await fixture.number("SELECT offered FROM caserouter.sweeps WHERE id = 1") == 1)
        }
    }

    private func isUnoffered(_ fixture: StoreFixture) async throws -> Bool {
        let held = try await ingest(fixture).held(org: "acme", [recordID("500", 1)], settledOnly: true)
        return try #require(held.first).isUnoffered
    }

    @Test func `a case waits when nothing is wanted for it, no interaction is open and no agent has finished it`()
        async throws
    {
        try await StoreFixture.with { fixture in
            #expect(try await !isUnoffered(fixture))
            let unmonitored = RoutingConfiguration(orgs: StoreFixture.configuration.orgs, mappings: [])
            try await fixture.take(.make(.created, version: 1), configuration: unmonitored)
            #expect(try await isUnoffered(fixture))
            let placed = try await fixture.place(
                .make(.queueChanged, version: 2, owner: StoreFixture.otherQueue), interaction: InteractionID("1"))
            #expect(try await !isUnoffered(fixture))
            let attempt = try #require(placed.state.episode?.attempt)
            let end = EpisodeEnd(
                episode: placed.episodeKey, interaction: InteractionID("1"), attempt: attempt, reason: .ended,
                assignNumber: nil)
            #expect(try await fixture.store.end(end))
            #expect(try await fixture.column("want_cic", of: placed.caseKey) == nil)
            #expect(try await !isUnoffered(fixture))
            // Somebody wrote while the queue was not monitored.
            try await fixture.take(
                .make(.comment, version: 3, owner: StoreFixture.otherQueue), configuration: unmonitored)
            #expect(try await isUnoffered(fixture))
        }
    }

    @Test func `a case is read together with the version of the settings in force`() async throws {
        try await StoreFixture.with { fixture in
            #expect(try await fixture.store.read(.make(.created, version: 1)).configuration == 1)
            try await fixture.run("UPDATE caserouter.configuration_version SET version = 7")
            #expect(try await fixture.store.read(.make(.created, version: 1)).configuration == 7)
            try await fixture.take(.make(.created, version: 1))
            #expect(try await fixture.store.read(.make(.created, version: 1)).configuration == 7)
        }
    }
}
