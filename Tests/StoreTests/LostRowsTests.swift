import CaseRouting
import Postgres
import Testing

@testable import Store

/// What is written when the database continues from another point than the one where we left it.
@Suite(.serialized) struct LostRowsTests {
    private static let interaction = InteractionID("1")
    private static let key = CaseKey(org: "acme", caseID: recordID("500", 1))

    private func watch(_ fixture: StoreFixture) -> PostgresWatchStore {
        PostgresWatchStore(fixture.connections, cases: fixture.store, worker: StoreFixture.worker)
    }

    /// The next session finds another timeline.
    private func loseRows(_ fixture: StoreFixture, as role: String? = nil) async throws {
        try await fixture.run("UPDATE caserouter.installation SET timeline = '0000000A'")
        var settings = PostgresSettings(applicationName: "later")
        settings.role = role
        let connections = PostgresDatabase.forCases(
            fixture.database.address, settings, on: fixture.executor, sessions: 1)
        // Ends with `close`.
        Task { await connections.run() }
        try await connections.waitUntilUp(atMost: .seconds(120))
        await connections.close()
    }

    private func rebuilt(
        _ before: CaseState?, episode: Int32 = 1, interaction: InteractionID = interaction, attempt: AttemptID,
        assign: Int64 = 3, state: Episode.State = .placed
    ) -> RebuiltEpisode {
        let rebuilt = Episode(
            number: episode, cic: "main", state: state, interaction: interaction, attempt: attempt,
            attemptDeadline: Timestamp(microseconds: 0), workgroup: state == .placed ? "Support" : nil,
            assignNumber: assign, isWithAgent: true)
        return RebuiltEpisode(
            key: EpisodeKey(Self.key, episode), before: before, episode: rebuilt,
            wanted: Wanted(cic: "main", workgroup: "Support", skills: "", mapping: 0), wantedAssign: assign,
            sparesAgent: false, revision: assign + 1)
    }

    @Test func `a case is read together with whether its server's rows are lost`() async throws {
        try await StoreFixture.with { fixture in
            _ = try await fixture.place(.make(.created, version: 1), interaction: Self.interaction)
            let comment = CaseChange.make(.comment, version: 2)
            #expect(try await !fixture.store.read(comment).lacksRows)
            try await loseRows(fixture)
            let snapshot = try await fixture.store.read(comment)
            #expect(snapshot.lacksRows && snapshot.state.episode?.interaction == Self.interaction)
            #expect(try await !fixture.store.read(.make(.created, of: 2, version: 1)).lacksRows)
        }
    }

    @Test(arguments: ["caserouter_route", "caserouter_ingest"])
    func `a new timeline holds every server and org once, opens gaps of 72 hours and is in the audit`(
        _ role: String
    ) async throws {
        try await StoreFixture.with { fixture in
            try await loseRows(fixture, as: role)
            #expect(
                try await fixture.text(
                    "SELECT string_agg(kind || ':' || name, ' ' ORDER BY kind) FROM caserouter.holds")
                    == "cic:main org:acme")
            #expect(
                try await fixture.number("SELECT count(*) FROM caserouter.holds WHERE until > now() + interval '60 s'")
                    == 2)
            #expect(
                try await fixture.number(
                    """
                    SELECT count(*) FROM caserouter.gaps WHERE org = 'acme' AND closed_at IS NULL
                        AND from_time < now() - interval '71 hours' AND opened_at > now() + interval '60 s'
                    """) == 1)
            #expect(try await fixture.number("SELECT least_epoch FROM caserouter.installation") == 1 << 32)
            #expect(
                try await fixture.number(
                    "SELECT count(*) FROM caserouter.audit WHERE action = 'hold placed' AND after->>'reason' = 'lost-rows'"
                )
                    == 2)
            let (_, again) = try await fixture.anotherStore("again")
            await again.close()
            #expect(try await fixture.number("SELECT count(*) FROM caserouter.gaps") == 1)
        }
    }

    @Test func `the hold of a server ends when its time is over, by the one who knows it, and the audit says so`()
        async throws
    {
        try await StoreFixture.with { fixture in
            let watch = watch(fixture)
            try await loseRows(fixture)
            let since = try #require(try await watch.server(cic: "main")?.lostRowsSince)
            #expect(try await !watch.liftLostRows(cic: "main", since: since))
            try await fixture.run("UPDATE caserouter.holds SET until = now()")
            #expect(try await !watch.liftLostRows(cic: "main", since: since - .seconds(1)))
            #expect(try await watch.liftLostRows(cic: "main", since: since))
            #expect(try await !watch.liftLostRows(cic: "main", since: since))
            #expect(
                try await fixture.text(
                    "SELECT target || ' ' || actor FROM caserouter.audit WHERE action = 'hold lifted'")
                    == "cic:main store-test")
        }
    }

    @Test func `the hold of an org ends when a sweep has closed its gap and what it found is merged`() async throws {
        try await StoreFixture.with { fixture in
            let house = PostgresHousekeepingStore(fixture.connections)
            let ingest = PostgresIngestStore(fixture.connections, owner: "one")
            try await loseRows(fixture)
            try await fixture.run("UPDATE caserouter.holds SET until = now()")
            #expect(try await ingest.openGap(org: "acme") == nil)
            #expect(try await house.liftSweptOrgs().isEmpty)
            // A sweep that begins before the gap counts leaves out what changed last.
            try await ingest.closeGaps(org: "acme", openedBefore: try await ingest.now())
            #expect(try await house.liftSweptOrgs().isEmpty)
            try await fixture.run("UPDATE caserouter.gaps SET opened_at = now()")
            let gap = try #require(try await ingest.openGap(org: "acme"))
            #expect(try #require(gap.from) < (try await ingest.now()) - .seconds(71 * 3_600))

            let lease = try #require(
                try await PostgresLeases(fixture.connections, owner: "one").take(.org, "acme"))
            let change = CaseChange.make(.observed, version: 5, comparedWith: 0)
            let found = RecordedRequest(change: change, found: .sweep, body: Array(change.key.utf8))
            #expect(try await ingest.record([found], cursor: nil, channel: "c", lease: lease))
            try await ingest.closeGaps(org: "acme", openedBefore: try await ingest.now())
            #expect(try await house.liftSweptOrgs().isEmpty)
            try await fixture.take(change)
            #expect(try await house.liftSweptOrgs() == ["acme"])
            #expect(try await house.liftSweptOrgs().isEmpty)
        }
    }

    @Test(arguments: ["caserouter_route", "caserouter_ingest"])
    func `an org's events are read again from the position that is left, whoever has its lease`(
        _ role: String
    ) async throws {
        try await StoreFixture.with { fixture in
            let leases = PostgresLeases(fixture.connections, owner: "one")
            let ingest = PostgresIngestStore(fixture.connections, owner: "one")
            let lease = try #require(try await leases.take(.org, "acme"))
            let watched = try #require(try await leases.take(.watch, "main"))
            try await loseRows(fixture, as: role)
            let later = ReplayCursor(streamEpoch: 1, replayID: 7)
            #expect(try await !ingest.record([], cursor: later, channel: "c", lease: lease))
            #expect(try await ingest.cursor(org: "acme", channel: "c") == nil)
            let next = try #require(try await leases.take(.org, "acme"))
            #expect(next.term > lease.term)
            #expect(try await !ingest.record([], cursor: later, channel: "c", lease: lease))
            #expect(try await ingest.record([], cursor: later, channel: "c", lease: next))
            #expect(try await leases.take(.watch, "main")?.term == watched.term)
        }
    }

    @Test func `no claim gets a number that was given out before, and what was claimed then writes nothing`()
        async throws
    {
        try await StoreFixture.with { fixture in
            let old = try await fixture.claim(.make(.created, version: 1), attempt: .make())
            try await loseRows(fixture)
            try await fixture.run(
                "UPDATE caserouter.cases SET epoch = 0, lease_until = NULL, next_at = now(), claims_without_outcome = 0"
            )
            #expect(try await fixture.store.claimDue(limit: 10, servers: ["main"]).isEmpty)
            try await fixture.run("DELETE FROM caserouter.holds")
            try await fixture.run("DELETE FROM caserouter.releases")
            let claim = try #require(try await fixture.store.claimDue(limit: 10, servers: ["main"]).first)
            #expect(claim.epoch == 1 << 32 + 1)
            #expect(try await fixture.store.refresh(old) == nil)
            #expect(try await fixture.store.beginCreate(old, attempt: .make(), opensEpisode: false) == nil)
            let merged = try await fixture.claim(.make(.created, of: 2, version: 1), attempt: .make())
            #expect(merged.epoch == 1 << 32 + 1)
            #expect(try await fixture.store.refresh(merged) != nil)
        }
    }

    @Test func `an episode of an unknown case is written, with its case, attempt and audit`() async throws {
        try await StoreFixture.with { fixture in
            let watch = watch(fixture), attempt = AttemptID.make()
            try await fixture.run(
                """
                INSERT INTO caserouter.mappings (id, version, org, queue_id, queue_name, cic, workgroup, changed_by)
                VALUES (7, 1, 'acme', '\(StoreFixture.queue)', 'Q', 'main', 'Support', 'test')
                """)
            #expect(try await watch.cases([Self.key]).isEmpty)
            #expect(try await watch.rebuild(rebuilt(nil, attempt: attempt)))
            #expect(try await !watch.rebuild(rebuilt(nil, attempt: attempt)))
            let state = try #require(try await watch.cases([Self.key])[Self.key])
            #expect(state.facts == nil)
            #expect(state.isDue && state.revision == 4)
            #expect(state.wanted?.workgroup == "Support" && state.wanted?.mapping == 7)
            let episode = try #require(state.episode)
            #expect(episode.state == .placed && episode.workgroup == "Support" && episode.skills == nil)
            #expect(episode.interaction == Self.interaction && episode.attempt == attempt && episode.isWithAgent)
            #expect(try await fixture.number("SELECT count(*) FROM caserouter.attempts WHERE stage = 'rebuild'") == 1)
            // What is wanted of it was read off CIC: Salesforce is asked whether that is still so.
            #expect(
                try await fixture.number("SELECT count(*) FROM caserouter.cases WHERE verify_at <= now()") == 1)
            #expect(
                try await fixture.text(
                    "SELECT after->>'interaction' FROM caserouter.audit WHERE action = 'episode rebuilt'")
                    == "1")
            // It is worked on like any other, and its first change brings what Salesforce holds.
            let claim = try await fixture.claim(.make(.skillsChanged, version: 5, skills: "French"))
            #expect(claim.state.facts != nil && claim.state.episode?.attempt == attempt)
            #expect(try await fixture.store.beginAssign(claim))
            #expect(try await fixture.store.recordPlaced(claim, workgroup: "Support", skills: "French"))
        }
    }

    @Test func `a rebuilt episode replaces what the database held, unless that has changed meanwhile`() async throws {
        try await StoreFixture.with { fixture in
            let watch = watch(fixture), lost = AttemptID.make()
            _ = try await fixture.claim(.make(.created, version: 1), attempt: .make())
            let before = try #require(try await watch.cases([Self.key])[Self.key])
            #expect(before.episode?.state == .creating)
            try await fixture.take(.make(.skillsChanged, version: 2, skills: "French"))
            #expect(try await !watch.rebuild(rebuilt(before, attempt: lost)))
            let now = try #require(try await watch.cases([Self.key])[Self.key])
            #expect(try await watch.rebuild(rebuilt(now, attempt: lost)))
            let after = try #require(try await watch.cases([Self.key])[Self.key])
            #expect(after.episode?.attempt == lost && after.episode?.number == 1)
            #expect(try await fixture.column("lease_until", of: Self.key) == nil)
            #expect(try await fixture.number("SELECT count(*) FROM caserouter.episodes") == 1)
        }
    }

    @Test func `a later episode closes the one before it, and an id that another case has is not taken`() async throws {
        try await StoreFixture.with { fixture in
            let watch = watch(fixture)
            _ = try await fixture.place(.make(.created, version: 1), interaction: Self.interaction)
            _ = try await fixture.place(.make(.created, of: 2, version: 1), interaction: InteractionID("2"))
            let before = try #require(try await watch.cases([Self.key])[Self.key])
            #expect(
                try await !watch.rebuild(
                    rebuilt(before, episode: 3, interaction: InteractionID("2"), attempt: .make())))
            #expect(try await watch.cases([Self.key])[Self.key]?.episode?.number == 1)
            #expect(
                try await watch.rebuild(rebuilt(before, episode: 3, interaction: InteractionID("3"), attempt: .make())))
            #expect(try await watch.cases([Self.key])[Self.key]?.episode?.number == 3)
            #expect(
                try await fixture.text("SELECT end_reason FROM caserouter.episodes WHERE ended_at IS NOT NULL")
                    == "lost-rows")
            #expect(try await watch.openEpisodes(cic: "main").count == 2)
        }
    }

    @Test func `the watch adopts nothing while its server has lost rows`() async throws {
        try await StoreFixture.with { fixture in
            let watch = watch(fixture), attempt = AttemptID.make()
            _ = try await fixture.claim(.make(.created, version: 1), attempt: attempt)
            try await loseRows(fixture)
            #expect(try await !watch.adopt(EpisodeKey(Self.key, 1), Self.interaction, attempt))
            try await fixture.run("DELETE FROM caserouter.holds")
            #expect(try await watch.adopt(EpisodeKey(Self.key, 1), Self.interaction, attempt))
        }
    }

    /// The cases of the server that was listed go on, but for those that may be live on the other one.
    @Test func `while another server of its org is not listed only a case without a doubt is claimed`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.run(
                """
                INSERT INTO caserouter.cic_servers (name, hosts, holding, identity)
                VALUES ('second', '{cic:8019}', 'Holding', 'one')
                """)
            try await fixture.run(
                """
                INSERT INTO caserouter.mappings (id, version, org, queue_name, cic, workgroup, changed_by)
                VALUES (8, 1, 'acme', 'Q', 'second', 'Support', 'test')
                """)
            _ = try await fixture.place(.make(.created, of: 1, version: 1), interaction: Self.interaction)
            try await fixture.take(.make(.created, of: 2, version: 1))
            try await fixture.run(
                """
                INSERT INTO caserouter.holds (kind, name, reason, detail, since, placed_by)
                VALUES ('cic', 'second', 'lost-rows', '-', now() - interval '1 hour', 'test')
                """)
            try await fixture.run("UPDATE caserouter.requests SET occurred_at = now() - interval '2 hours'")
            let old = Timestamp.today - .seconds(7_200)
            // Live here, so not there.
            let moved = try await fixture.take(
                .make(.queueChanged, of: 1, version: 2, owner: StoreFixture.otherQueue), claims: true)
            guard case .claimed(let claim) = moved else {
                Issue.record("a case that is live on this server waits for the other")
                return
            }
            try await fixture.store.release(claim, delay: .seconds(600))
            // Known from before, and live nowhere.
            #expect(try await fixture.store.claimDue(limit: 10, servers: ["main"]).isEmpty)
            let doubtful = try await fixture.take(
                .make(.created, of: 3, version: 1, at: old), claims: true, attempt: .make())
            guard case .merged = doubtful else {
                Issue.record("a case of before is offered while the other server is not listed")
                return
            }
            // Created since.
            let new = try await fixture.take(.make(.created, of: 4, version: 1), claims: true, attempt: .make())
            guard case .claimed = new else {
                Issue.record("a case created since waits for the other server")
                return
            }
            try await fixture.take(.make(.created, of: 5, version: 1))
            #expect(
                try await fixture.store.claimDue(limit: 10, servers: ["main"]).map(\.caseKey.caseID) == [
                    recordID("500", 5)
                ])
            try await fixture.run("DELETE FROM caserouter.holds")
            try await fixture.run("DELETE FROM caserouter.releases")
            #expect(try await fixture.store.claimDue(limit: 10, servers: ["main"]).count == 2)
        }
    }

    /// A comment on a case that a user owns is offered by the mapping that the case was wanted by last.
    @Test func `a rebuilt case knows which mapping it was wanted by last`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.run(
                """
                INSERT INTO caserouter.mappings (id, version, org, queue_id, queue_name, cic, workgroup, changed_by)
                VALUES (7, 1, 'acme', '\(StoreFixture.queue)', 'Cases', 'main', 'Support', 'anna')
                """)
            #expect(try await watch(fixture).rebuild(rebuilt(nil, attempt: .make())))
            #expect(
                try await fixture.text("SELECT want_mapping || ' ' || last_mapping FROM caserouter.cases") == "7 7")
        }
    }
}
