import CaseRouting
import Operations
import Postgres
import Testing

@testable import Store

@Suite(.serialized) struct ErasureTests {
    private static let author = Author(name: "anna", host: "desk")
    private static let number = "00314159"

    /// A queue tool that finds nothing.
    private struct NoMessages: CaseMessages {
        func remove(naming key: CaseKey, from queue: MessageQueue) async throws(RoutingFailure) -> Int { 0 }
    }

    /// Brings a case through failures, a bulk retry, being given up and brought back, to its workgroup.
    private static func live(_ fixture: StoreFixture) async throws -> CaseKey {
        var created = CaseChange.make(.created, version: 1, skills: "French")
        created.caseNumber = number
        let failure = RoutingFailure(
            .permanent, at: .create, cause: .cicRefused, "Case \(number) was refused.",
            response: .init(status: 400, body: "bad: \(created.caseID)"))
        let claim = try await fixture.claim(created, attempt: .make())
        #expect(try await fixture.store.park(claim, failure, delay: .zero))
        let house = PostgresHousekeepingStore(fixture.connections)
        let bulk = try await fixture.failures.plan(FailureFilter(), by: author)
        _ = try await fixture.failures.start(bulk.id, rate: 10, by: author)
        _ = try await house.advanceRetries()
        let released = try #require(try await fixture.store.claimDue(limit: 1, servers: StoreFixture.servers).first)
        #expect(try await fixture.store.park(released, failure, delay: .zero))
        _ = try await house.advanceRetries()
        let note = try await fixture.failures.items(of: bulk.id, limit: 1).first?.note
        #expect(note == failure.summary)
        let discarded = try await fixture.failures.discard(
            [number], org: nil, reason: "\(number) was solved by phone", by: author)
        #expect(discarded.map(\.objection) == [nil])
        #expect(try await fixture.failures.restore([number], org: nil, by: author).map(\.objection) == [nil])
        let again = try #require(try await fixture.store.claimDue(limit: 1, servers: StoreFixture.servers).first)
        let attempt = AttemptID.make()
        let begun = try #require(try await fixture.store.beginCreate(again, attempt: attempt, opensEpisode: false))
        let won = try #require(try await fixture.store.win(begun, InteractionID("3001772001"), attempt))
        #expect(try await fixture.store.recordPlaced(won, workgroup: "Support", skills: "French"))
        return created.caseKey
    }

    private static func close(_ key: CaseKey, _ fixture: StoreFixture) async throws {
        let episode = try await fixture.sql.query(
            "SELECT interaction_id, attempt_id, number FROM caserouter.episodes WHERE ended_at IS NULL")[0]
        #expect(
            try await fixture.store.end(
                EpisodeEnd(
                    episode: EpisodeKey(key, try episode.int32(2)), interaction: InteractionID(try episode.text(0)),
                    attempt: try episode.attemptID(1), reason: .ended, assignNumber: nil)))
        var closed = CaseChange.make(.closed, version: 5, isClosed: true)
        closed.caseNumber = number
        _ = try await fixture.take(closed)
        try await fixture.store.recordUndecodable(
            UndecodableMessage(
                reason: "depth", length: 40, beginning: Array(#"{"subject":"\#(key.caseID)"}"#.utf8), digest: "d"))
        try await fixture.store.recordUndecodable(
            UndecodableMessage(
                reason: "no JSON", length: 40, beginning: Array("about case \(number)".utf8), digest: "e"))
        // As the watch writes it after rows were lost, and an audit row of another case that names this one.
        try await fixture.run(
            """
            INSERT INTO caserouter.audit (actor, host, action, target, after) VALUES
                ('w', 'h', 'episode rebuilt', '\(key)', '{"interaction": "3001772001", "state": "placed"}'),
                ('ann', 'h', 'discard', 'acme/\(recordID("500", 2))', '{"reason": "same as \(number)"}')
            """)
    }

    /// Every place of schema caserouter whose text holds this.
    private static func places(of text: String, _ fixture: StoreFixture) async throws -> [String] {
        let tables = try await fixture.sql.query(
            """
            SELECT relname FROM pg_class
            WHERE relnamespace = 'caserouter'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
            """
        ).map { row throws(PostgresError) in try row.text(0) }
        var found: [String] = []
        for table in tables {
            let count = try await fixture.number(
                """
                SELECT count(*) FROM caserouter.\(table) t
                WHERE position('\(text)' IN t::text) > 0
                    OR position(encode(convert_to('\(text)', 'UTF8'), 'hex') IN t::text) > 0
                """)
            if count > 0 { found.append(table) }
        }
        return found
    }

    @Test func `nothing identifies an erased case any more, and every sum is as before`() async throws {
        try await StoreFixture.with { fixture in
            try await ReportFixture.addMappings(fixture)
            let key = try await Self.live(fixture)
            try await Self.close(key, fixture)
            _ = try await fixture.place(.make(.created, of: 2, version: 1), interaction: InteractionID("2002"))
            try await fixture.run("UPDATE caserouter.requests SET write_back = 'done' WHERE write_back = 'due'")

            let marks = [key.caseID.description, String(key.caseID.description.prefix(15)), Self.number, "3001772001"]
            let before = try await Self.places(of: marks[0], fixture)
            #expect(
                Set(before).isSuperset(of: [
                    "requests", "cases", "episodes", "attempts", "audit", "undecodable", "discards", "bulk_retry_items",
                ]))
            let sums = try await Self.sums(fixture)

            let erasure = CaseErasure(store: PostgresErasureStore(fixture.connections), queues: NoMessages())
            let outcome = try await erasure.erase(Self.number, org: nil, reason: "request 7", by: Self.author)

            for mark in marks { #expect(try await Self.places(of: mark, fixture) == [], "\(mark)") }
            let row = recordID("a00", 1_001)
            #expect(try await Self.places(of: row.description, fixture) == [])
            #expect(try await Self.sums(fixture) == sums)
            #expect(
                try await fixture.text("SELECT after ->> 'reason' FROM caserouter.audit WHERE action = 'case erase'")
                    == "request 7")
            #expect(
                try await fixture.text("SELECT target FROM caserouter.audit WHERE action = 'case erase'")
                    == "acme/\(outcome.token)")
            // The other case is untouched, and workers can read what is left.
            #expect(try await Self.places(of: recordID("500", 2).description, fixture).contains("cases"))
            #expect(try await fixture.store.claimDue(limit: 5, servers: StoreFixture.servers).isEmpty)
            let ingest = PostgresIngestStore(fixture.connections, owner: "one")
            let held = try await ingest.heldAsActive(
                org: "acme", queues: [StoreFixture.queue], after: nil, limit: 10)
            #expect(held.map(\.caseID) == [recordID("500", 2)])

            let gone = await #expect(throws: Refusal.self) {
                _ = try await erasure.erase(key.caseID.description, org: nil, reason: "x", by: Self.author)
            }
            #expect(gone?.description.contains("no case") == true)
        }
    }

    private static func sums(_ fixture: StoreFixture) async throws -> [String] {
        var sums: [String] = []
        for view in ["accounting", "volume", "volume_by_skill", "offers", "failures", "retries", "ends", "decisions"] {
            let rows = try await fixture.sql.query("SELECT t::text FROM report.\(view) t ORDER BY 1")
            sums.append(contentsOf: try rows.map { row throws(PostgresError) in "\(view) \(try row.text(0))" })
        }
        #expect(sums.count > 9)
        return sums
    }

    @Test func `a case that would come back is not erased, and the sentence says what to do`() async throws {
        try await StoreFixture.with { fixture in
            try await ReportFixture.addMappings(fixture)
            let erasure = CaseErasure(store: PostgresErasureStore(fixture.connections), queues: NoMessages())
            func refusal() async -> String {
                let error = await #expect(throws: RoutingFailure.self) {
                    _ = try await erasure.erase(Self.number, org: nil, reason: "x", by: Self.author)
                }
                #expect(error?.kind == .permanent)
                return error?.summary ?? ""
            }
            let key = try await Self.live(fixture)
            #expect(await refusal().contains("open in CIC"))
            try await Self.close(key, fixture)
            #expect(await refusal().contains("not yet marked"))
            try await fixture.run("UPDATE caserouter.requests SET write_back = 'done' WHERE write_back = 'due'")
            try await fixture.run("UPDATE caserouter.cases SET closed = false")
            #expect(await refusal().contains("close or delete it there"))
            try await fixture.run("UPDATE caserouter.cases SET closed = true, attempts = 8")
            #expect(await refusal().contains("discard"))
            try await fixture.run("UPDATE caserouter.cases SET attempts = 0, revision = revision + 1")
            #expect(await refusal().contains("still being worked on"))
            #expect(try await fixture.number("SELECT count(*) FROM caserouter.cases WHERE case_id LIKE 'ERASED%'") == 0)
        }
    }

    @Test func `a number that several orgs have is erased only of the org that is named`() async throws {
        try await StoreFixture.with { fixture in
            for org in ["acme", "zenith"] {
                var change = CaseChange.make(.closed, version: 1, isClosed: true, org: org)
                change.caseNumber = Self.number
                _ = try await fixture.take(change)
            }
            try await fixture.run("UPDATE caserouter.requests SET write_back = 'done'")
            let erasure = CaseErasure(store: PostgresErasureStore(fixture.connections), queues: NoMessages())
            let error = await #expect(throws: Refusal.self) {
                _ = try await erasure.erase(Self.number, org: nil, reason: "x", by: Self.author)
            }
            #expect(error?.description.contains("acme | zenith") == true)
            _ = try await erasure.erase(Self.number, org: "acme", reason: "x", by: Self.author)
            #expect(
                try await fixture.text("SELECT string_agg(org, ' ') FROM caserouter.cases WHERE case_number <> ''")
                    == "zenith")
        }
    }

    /// A sandbox has the ids and numbers of its origin.
    @Test func `erasing a case leaves the case of another org with the same id and number as it is`() async throws {
        try await StoreFixture.with { fixture in
            for org in ["acme", "zenith"] {
                var change = CaseChange.make(.closed, version: 1, isClosed: true, org: org)
                change.caseNumber = Self.number
                _ = try await fixture.take(change)
            }
            try await fixture.run("UPDATE caserouter.requests SET write_back = 'done'")
            let id = recordID("500", 1).description
            try await fixture.run(
                """
                WITH o AS (SELECT unnest('{acme,zenith}'::text[]) AS org), r AS (
                    INSERT INTO caserouter.bulk_retries (asked, planned_by, host) VALUES ('all', 'anna', 'desk')
                    RETURNING id
                ), i AS (
                    INSERT INTO caserouter.bulk_retry_items (retry, org, case_id, case_number, failure_number, failed_at)
                    SELECT r.id, o.org, '\(id)', '\(Self.number)', 1, now() FROM r, o
                ), a AS (
                    INSERT INTO caserouter.audit (actor, host, action, target)
                    SELECT 'anna', 'desk', 'discard', o.org || '/\(id)' FROM o
                    UNION ALL SELECT 'w', 'desk', 'episode rebuilt', 'case:' || o.org || '/\(id)' FROM o
                )
                INSERT INTO caserouter.discards (
                    org, case_id, reason, discarded_by, failure_number, closed, want_skills, spares_agent)
                SELECT o.org, '\(id)', 'case \(Self.number) is a test', 'anna', 1, true, '', false FROM o
                """)
            let erasure = CaseErasure(store: PostgresErasureStore(fixture.connections), queues: NoMessages())
            _ = try await erasure.erase(Self.number, org: "acme", reason: "x", by: Self.author)
            let named = """
                SELECT string_agg(n, ' ' ORDER BY n) FROM (
                    SELECT 'item ' || org AS n FROM caserouter.bulk_retry_items
                    WHERE case_id = '\(id)' AND case_number = '\(Self.number)'
                    UNION ALL SELECT 'discard ' || org FROM caserouter.discards
                    WHERE case_id = '\(id)' AND reason LIKE '%\(Self.number)%'
                    UNION ALL SELECT 'audit ' || target FROM caserouter.audit WHERE target LIKE '%\(id)%') x
                """
            #expect(
                try await fixture.text(named)
                    == "audit case:zenith/\(id) audit zenith/\(id) discard zenith item zenith")
        }
    }
}
