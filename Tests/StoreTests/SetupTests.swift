import CaseRouting
import Operations
import Testing

@testable import Store

/// Orgs, servers and mappings as commands keep them.
@Suite struct SetupTests {
    private static let ann = Author(name: "ann", host: "desk")

    private static func keep(_ fixture: StoreFixture) -> KeepSetup {
        KeepSetup(
            store: PostgresConfigurationStore(database: fixture.connections),
            names: PostgresNameMirrors(fixture.connections))
    }

    private static let mirrors = """
        INSERT INTO caserouter.salesforce_queues (org, queue_id, name, developer_name) VALUES
            ('acme', '\(StoreFixture.queue)', 'Support Queue', 'Support_Queue'),
            ('acme', '\(StoreFixture.otherQueue)', 'Sales Queue', 'Sales_Queue');
        INSERT INTO caserouter.directory (cic, kind, name, attributes) VALUES
            ('main', 'workgroup', 'Support', '{"active": true, "queue": true, "acd": true, "email": true}'),
            ('main', 'workgroup', 'Asleep', '{"active": false, "queue": true, "acd": true, "email": true}'),
            ('main', 'workgroup', 'Flat', '{"active": true, "queue": false, "acd": true, "email": true}'),
            ('main', 'workgroup', 'Ring', '{"active": true, "queue": true, "acd": false, "email": true}'),
            ('main', 'workgroup', 'Calls', '{"active": true, "queue": true, "acd": true, "email": false}'),
            ('main', 'workgroup', 'Holding', '{"active": true, "queue": true, "acd": false, "email": true}'),
            ('main', 'workgroup', 'user:odd', '{"active": true, "queue": true, "acd": true, "email": true}'),
            ('main', 'user', 'anna.meier', '{}'),
            ('main', 'skill', 'German', '{}');
        INSERT INTO caserouter.directory_reads (cic, read_at, changed_at) VALUES ('main', now(), now());
        """

    @Test func `a mapping is added, changed and removed in versions, with who and what was before`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.sql.execute(script: Self.mirrors, name: "mirrors")
            let keep = Self.keep(fixture)
            let store = PostgresConfigurationStore(database: fixture.connections)
            let versionBefore = try await store.version()
            _ = try await keep.addMapping(
                org: "acme", queue: "Support Queue", place: "main/Support", ["skills=German"], by: Self.ann)
            let added = try #require(await store.load().mappings.first)
            #expect(added.version == 1)
            #expect(added.queueID == StoreFixture.queue)
            #expect(added.setup.skills == ["German"])
            // Workers look at this number every second.
            #expect(try await store.version() == versionBefore + 1)

            let changed = try await keep.setMapping(added.id, ["skills=", "on_reply=keep"], by: Self.ann)
            #expect(Set(changed.differences) == ["skills: German → none", "on_reply: end → keep"])
            let second = try await store.load().mapping(added.id)
            #expect(second.version == 2)
            #expect(second.setup.skills == [])
            await #expect {
                _ = try await keep.setMapping(added.id, ["on_reply=keep"], by: Self.ann)
            } throws: { ($0 as? Refusal)?.kind == .notDone }

            _ = try await keep.removeMapping(added.id, by: Self.ann)
            #expect(try await store.load().mappings.isEmpty)
            #expect(try await fixture.number("SELECT count(*) FROM caserouter.mappings") == 2)

            let entries = try await PostgresAuditStore(fixture.connections).entries(AuditFilter())
            #expect(entries.map(\.action) == ["mappings remove", "mappings set", "mappings add"])
            #expect(entries.allSatisfy { $0.actor == "ann" && $0.host == "desk" })
            #expect(entries[1].before?.contains("German") == true)
            #expect(entries[1].after?.contains("German") == false)
            #expect(entries[0].after == nil)
        }
    }

    private static let wrong: [(queue: String, place: String, words: [String], says: String)] = [
        ("Suport Queue", "main/Support", [], "did you mean Support Queue?"),
        ("Support Queue", "main/Suport", [], "did you mean Support?"),
        ("Support Queue", "main/Asleep", [], "not active"),
        ("Support Queue", "main/Flat", [], "has no queue"),
        ("Support Queue", "main/Ring", [], "not an ACD workgroup"),
        ("Support Queue", "main/Calls", [], "e-mail"),
        ("Support Queue", "main/Holding", [], "holding workgroup"),
        ("Support Queue", "main/Support", ["skills=Germann"], "did you mean German?"),
        ("Support Queue", "main/Support", ["colour=red"], "known are"),
        ("Support Queue", "main/Support", ["on_reply=perhaps"], "end, keep"),
        ("Support Queue", "west/Support", [], "there are: main"),
        ("Support Queue", "main/user:", [], "lacks the user's name"),
        ("Support Queue", "main/user:anna.maier", [], "no user anna.maier; did you mean anna.meier?"),
        ("Support Queue", "main/user:odd", [], "its workgroup of this name cannot be mapped"),
        ("Support Queue", "main/user:anna.meier", ["skills=German"], "nobody is chosen there by skills"),
        (StoreFixture.agent.description, "main/Support", [], "has to be a user's own queue: user:NAME"),
        (String(StoreFixture.agent.description.prefix(15)), "main/user:ann", [], "no user ann"),
    ]

    @Test func `a wrong name is refused with what was probably meant, and nothing is stored`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.sql.execute(script: Self.mirrors, name: "mirrors")
            for wrong in Self.wrong {
                await #expect {
                    _ = try await Self.keep(fixture).addMapping(
                        org: "acme", queue: wrong.queue, place: wrong.place, wrong.words, by: Self.ann)
                } throws: { error in
                    let says = "\(error)".contains(wrong.says)
                    if !says { Issue.record("\(wrong): \(error)") }
                    return says
                }
            }
            #expect(try await fixture.number("SELECT count(*) FROM caserouter.mappings") == 0)
            #expect(try await fixture.number("SELECT count(*) FROM caserouter.audit") == 0)
            // The same is saved by who knows better.
            let unchecked = KeepSetup(
                store: PostgresConfigurationStore(database: fixture.connections), names: nil)
            _ = try await unchecked.addMapping(
                org: "acme", queue: "Suport Queue", place: "main/Suport", [], by: Self.ann)
        }
    }

    @Test func `a user's mapping names an own queue, monitors nothing, and is the same when it is exported`()
        async throws
    {
        try await StoreFixture.with { fixture in
            try await fixture.sql.execute(script: Self.mirrors, name: "mirrors")
            let store = PostgresConfigurationStore(database: fixture.connections)
            let keep = Self.keep(fixture)
            // With fifteen characters, as an administrator pastes it.
            let pasted = String(StoreFixture.agent.description.prefix(15))
            let added = try await keep.addMapping(
                org: "acme", queue: pasted, place: "main/user:anna.meier", [], by: Self.ann)
            #expect(
                added.notes == [
                    "it counts only while org acme offers what comes in to the owners of cases: caserouter orgs set acme "
                        + "contact_on_user_owned=own-queue"
                ])
            _ = try await keep.setOrg("acme", ["contact_on_user_owned=own-queue"], by: Self.ann)
            _ = try await keep.addMapping(
                org: "acme", queue: "Support Queue", place: "main/user:anna.meier", [], by: Self.ann)
            let stored = try await store.load()
            #expect(stored.orgs.map(\.contactOnUserOwned) == [.ownQueue])
            #expect(try SiteSetup(stored.site.node) == stored.site)
            #expect(stored.routing.ownQueue(org: "acme", of: StoreFixture.agent)?.workgroup == "user:anna.meier")
            #expect(stored.routing.mapping(org: "acme", owner: StoreFixture.agent) == nil)
            #expect(stored.monitoredQueues(of: "acme").map(\.queueID) == [StoreFixture.queue])
            #expect(Set(stored.workgroups(on: "main")) == ["user:anna.meier"])
            await #expect {
                _ = try await keep.setOrg("acme", ["contact_on_user_owned=own"], by: Self.ann)
            } throws: { "\($0)".contains("unchanged, last-workgroup, own-queue") }
            await #expect {
                _ = try await keep.setServer("main", ["holding=user:anna.meier"], by: Self.ann)
            } throws: { "\($0)".contains("has to be a workgroup") }

            // Her cases do not count as waiting in a monitored queue.
            let configuration = stored.routing
            try await fixture.take(
                .make(.created, of: 1, version: 1, owner: StoreFixture.agent), configuration: configuration)
            #expect(try await PostgresCaseCounts(fixture.connections).waiting(org: "acme") == 0)
            try await fixture.take(
                .make(.comment, of: 1, version: 2, owner: StoreFixture.agent), configuration: configuration)
            #expect(
                try await fixture.text("SELECT want_workgroup || ' ' || want_skills FROM caserouter.cases")
                    == "user:anna.meier ")
            #expect(
                try await fixture.text(
                    "SELECT rule || ' ' || (mapping IS NOT NULL) FROM caserouter.requests WHERE change = 'comment'")
                    == "contacted-owner true")
        }
    }

    @Test func `names that nobody has read yet are saved, and it is said that they could not be checked`() async throws
    {
        try await StoreFixture.with { fixture in
            let done = try await Self.keep(fixture).addMapping(
                org: "acme", queue: "Any", place: "main/Any", [], by: Self.ann)
            #expect(done.notes.count == 2)
            #expect(done.notes.allSatisfy { $0.contains("not read yet") })
        }
    }

    @Test func `a site that is exported and applied elsewhere is the same site`() async throws {
        try await StoreFixture.with { fixture in
            let store = PostgresConfigurationStore(database: fixture.connections)
            let keep = KeepSetup(store: store, names: nil)
            _ = try await keep.setOrg(
                "acme", ["mode=observe", "sweep_every=90s", "source.object=Rows__c", "flow=password"], by: Self.ann)
            _ = try await keep.setServer(
                "main", ["hosts=a:1,b:2", "attributes.Eic_X={case.id}: \"q\"", "recovery_wait=0s"], by: Self.ann)
            _ = try await keep.addMapping(
                org: "acme", queue: "Q: 'x' # y", place: "main/Wörk", ["skills=A,B", "enabled=false"], by: Self.ann)
            _ = try await keep.setSetting("latency_target_seconds=7.5", by: Self.ann)
            let site = try await store.load().site
            #expect(try SiteSetup(site.node) == site)

            try await StoreFixture.with { other in
                try await other.run("DELETE FROM caserouter.orgs")
                try await other.run("DELETE FROM caserouter.cic_servers")
                let otherStore = PostgresConfigurationStore(database: other.connections)
                let outcome = try await ApplySite(store: otherStore).run(site, dryRun: true, by: Self.ann)
                #expect(outcome.added.count == 4)
                #expect(try await otherStore.load().site == SiteSetup())
                _ = try await ApplySite(store: otherStore).run(site, dryRun: false, by: Self.ann)
                #expect(try await otherStore.load().site == site)
                let again = try await ApplySite(store: otherStore).run(site, dryRun: false, by: Self.ann)
                #expect(again.added.isEmpty && again.changed.isEmpty && again.unchanged == 4)
            }
        }
    }

    @Test func `what should have left CIC while an org observed is withdrawn when it is live again`() async throws {
        try await StoreFixture.with { fixture in
            let store = PostgresConfigurationStore(database: fixture.connections)
            let keep = KeepSetup(store: store, names: nil)
            _ = try await keep.addMapping(
                org: "acme", queue: "\(StoreFixture.queue)", place: "main/Support", [], by: Self.ann)
            for number in 1...3 {
                _ = try await fixture.place(
                    .make(.created, of: number, version: 1), interaction: InteractionID("i\(number)"))
            }
            _ = try await keep.setMode("acme", .observe, by: Self.ann)
            let observing = try await store.load().routing
            // One is closed, one leaves the monitored queues, one only waits.
            try await fixture.take(.make(.closed, of: 1, version: 2, isClosed: true), configuration: observing)
            let gone = CaseChange.make(.queueChanged, of: 2, version: 2, owner: StoreFixture.otherQueue)
            try await fixture.take(gone, configuration: observing)
            #expect(try await fixture.number("SELECT count(*) FROM caserouter.cases WHERE want_cic IS NOT NULL") == 3)

            _ = try await keep.setMode("acme", .live, by: Self.ann)
            let live = try await store.load().routing
            let ingest = PostgresIngestStore(fixture.connections, owner: "w")
            let again = try await ingest.takeToVerify(org: "acme", limit: 10)
            #expect(Set(again.map(\.caseID)) == [recordID("500", 1), recordID("500", 2)])
            let held = try await ingest.held(org: "acme", again.map(\.caseID), settledOnly: false)
            for (number, held) in held.sorted(by: { $0.caseID < $1.caseID }).enumerated() {
                let facts = try #require(held.facts)
                try await fixture.take(
                    .make(
                        .observed, of: number + 1, version: 9, owner: facts.owner, isClosed: facts.isClosed,
                        key: "s:\(number)",
                        comparedWith: held.revision), configuration: live)
            }
            #expect(
                try await fixture.text(
                    "SELECT string_agg(case_number, ',') FROM caserouter.cases WHERE want_cic IS NOT NULL") == "3")
        }
    }

    @Test func `an older connector's table is mirrored, and mappings are made of what it says now`() async throws {
        try await StoreFixture.with { fixture in
            let ingest = PostgresIngestStore(fixture.connections, owner: "one")
            let names = PostgresNameMirrors(fixture.connections)
            func row(_ number: Int, _ queue: String, _ workgroup: String) -> LegacyMapping {
                LegacyMapping(row: recordID("a0Q", number), queue: queue, workgroup: workgroup, skills: "")
            }
            #expect(try await names.legacyMappings(org: "acme") == nil)
            try await ingest.replaceLegacyMappings(
                org: "acme", [row(1, "Support Queue", "Suport"), row(2, "Sales Queue", "Sales")])
            try await ingest.replaceLegacyMappings(org: "globex", [row(1, "Support Queue", "Other")])
            // What is not there any more is forgotten, what was changed is as it is now.
            try await ingest.replaceLegacyMappings(org: "acme", [row(1, "Support Queue", "Support")])
            let mirror = try #require(try await names.legacyMappings(org: "acme"))
            #expect(mirror.rows == [row(1, "Support Queue", "Support")])
            #expect(mirror.age < .seconds(60))

            try await fixture.sql.execute(script: Self.mirrors, name: "mirrors")
            let store = PostgresConfigurationStore(database: fixture.connections)
            var site = SiteSetup()
            site.mappings = try LegacyImport(mirror, org: "acme", cic: nil, stored: try await store.load()).mappings
            let apply = ApplySite(store: store, names: names)
            #expect(try await apply.run(site, dryRun: true, by: Self.ann).added == ["mapping:acme/Support Queue"])
            #expect(try await store.load().mappings.isEmpty)
            _ = try await apply.run(site, dryRun: false, by: Self.ann)
            #expect(try await store.load().mappings.map(\.setup.workgroup) == ["Support"])
            #expect(try await apply.run(site, dryRun: false, by: Self.ann).unchanged == 1)
        }
    }

    @Test func `what mappings use is not removed`() async throws {
        try await StoreFixture.with { fixture in
            let keep = KeepSetup(store: PostgresConfigurationStore(database: fixture.connections), names: nil)
            _ = try await keep.addMapping(org: "acme", queue: "Q", place: "main/W", [], by: Self.ann)
            for remove in [
                { try await keep.removeOrg("acme", by: Self.ann) },
                { try await keep.removeServer("main", by: Self.ann) },
            ] {
                await #expect {
                    _ = try await remove()
                } throws: { error in (error as? Refusal)?.kind == .notDone && "\(error)".contains("mappings remove") }
            }
        }
    }

    @Test func `two who change at once both succeed, one after the other`() async throws {
        try await StoreFixture.with { fixture in
            let store = PostgresConfigurationStore(database: fixture.connections)
            let keep = KeepSetup(store: store, names: nil)
            async let first = keep.addMapping(org: "acme", queue: "A", place: "main/W", [], by: Self.ann)
            async let second = keep.addMapping(org: "acme", queue: "B", place: "main/W", [], by: Self.ann)
            _ = try await (first, second)
            #expect(try await Set(store.load().mappings.map(\.setup.queue)) == ["A", "B"])
        }
    }

    @Test func `a workgroup that no mapping names any more is followed while interactions may be there`() async throws {
        try await StoreFixture.with { fixture in
            let store = PostgresConfigurationStore(database: fixture.connections)
            let keep = KeepSetup(store: store, names: nil)
            _ = try await keep.addMapping(
                org: "acme", queue: "\(StoreFixture.queue)", place: "main/Support", [], by: Self.ann)
            let id = try #require(await store.load().mappings.first?.id)
            _ = try await keep.setMapping(id, ["workgroup=Sales"], by: Self.ann)
            #expect(try await Set(store.load().workgroups(on: "main")) == ["Support", "Sales"])
            try await fixture.run(
                "UPDATE caserouter.mappings SET replaced_at = now() - interval '2 days' WHERE NOT newest")
            #expect(try await Set(store.load().workgroups(on: "main")) == ["Sales"])
            _ = try await fixture.place(.make(.created, version: 1), interaction: InteractionID("i1"))
            #expect(try await Set(store.load().workgroups(on: "main")) == ["Support", "Sales"])
        }
    }
}
