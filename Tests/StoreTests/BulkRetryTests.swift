import CaseRouting
import Operations
import Polling
import Postgres
import Testing

@testable import Store

/// Bulk retries from plan to end, carried out by housekeeping.
@Suite(.serialized) struct BulkRetryTests {
    @Test func `a plan sends nothing and says what is eligible, what is not, and why`() async throws {
        try await StoreFixture.mapped { fixture in
            for number in 1...5 { try await fixture.fail(number, .cicForbidden) }
            try await fixture.fail(6, .skillUnknown)
            let author = StoreFixture.author
            // Since then: closed, moved to a person, routed, sent again.
            try await fixture.take(.make(.closed, of: 2, version: 2, isClosed: true))
            try await fixture.take(.make(.ownerChanged, of: 3, version: 2, owner: StoreFixture.agent))
            _ = try await fixture.failures.retry(["4"], org: nil, by: author)
            try await fixture.work { _ in false }
            _ = try await fixture.failures.retry(["5"], org: nil, by: author)
            var filter = FailureFilter()
            filter.cause = .cicForbidden
            let plan = try await fixture.failures.plan(filter, by: author)
            #expect(plan.state == .planned)
            #expect(plan.asked == "cause cic-forbidden")
            #expect(plan.counts == .init(notEligible: 4, waiting: 1, underWay: 0, done: 0, failedAgain: 0, skipped: 0))
            let items = try await fixture.failures.items(of: plan.id, limit: 10)
            #expect(
                Dictionary(uniqueKeysWithValues: items.map { ($0.caseNumber, $0.objection) }) == [
                    "1": nil, "2": "closed since", "3": "moved since: its owner is no monitored queue",
                    "4": "routed since", "5": "is being tried again already",
                ])
            let store = PostgresHousekeepingStore(fixture.connections)
            #expect(try await store.advanceRetries() == [])
            #expect(try await fixture.failures.list(FailureFilter()).map(\.caseNumber) == ["1", "3", "6"])
        }
    }

    @Test(arguments: ["unchanged", "own-queue", "last-workgroup"])
    func `a user's case that failed on its last workgroup is sent again like any other`(_ setting: String) async throws
    {
        try await StoreFixture.mapped { fixture in
            try await fixture.run("UPDATE caserouter.orgs SET contact_on_user_owned = '\(setting)'")
            try await fixture.fail(1, .skillUnknown)
            try await fixture.take(.make(.ownerChanged, of: 1, version: 2, owner: StoreFixture.agent))
            let plan = try await fixture.failures.plan(FailureFilter(), by: StoreFixture.author)
            let isOwed = setting == "last-workgroup"
            #expect(plan.counts.waiting == (isOwed ? 1 : 0) && plan.counts.notEligible == (isOwed ? 0 : 1))
            // Not where nothing is mapped to any more.
            try await fixture.run("UPDATE caserouter.mappings SET enabled = false")
            let again = try await fixture.failures.plan(FailureFilter(), by: StoreFixture.author)
            #expect(again.counts.waiting == 0)
        }
    }

    @Test func `a second start changes nothing, and every case is released once`() async throws {
        try await StoreFixture.mapped { fixture in
            try await fixture.failMany(1...5)
            let (failures, author) = (fixture.failures, StoreFixture.author)
            let plan = try await failures.plan(FailureFilter(), by: author)
            let first = try await failures.start(plan.id, rate: 50, by: author)
            #expect(first.isNew && first.retry.state == .running)
            // One is sent by hand before its turn, and one fails anew.
            _ = try await failures.retry(["2"], org: nil, by: author)
            try await fixture.run("UPDATE caserouter.cases SET failure_number = 2 WHERE case_number = '3'")
            let store = PostgresHousekeepingStore(fixture.connections)
            _ = try await store.advanceRetries()
            let second = try await failures.start(plan.id, rate: 200, by: Author(name: "bob", host: "test"))
            #expect(!second.isNew)
            #expect(second.retry.rate == 50)
            #expect(second.retry.counts.underWay == 3)
            #expect(second.retry.counts.skipped == 2)
            #expect(try await fixture.work { _ in false } == 4)
            #expect(try await store.advanceRetries() == ["\(plan.id): done"])
            _ = try await store.advanceRetries()
            let end = try await failures.bulkRetry(plan.id)
            #expect(end.state == .done)
            #expect(end.counts.done == 3)
            // Three by the bulk retry, one by hand.
            let retried = "SELECT count(*) FROM caserouter.audit WHERE action = 'failed retry'"
            #expect(try await fixture.number(retried) == 4)
            #expect(try await !failures.start(plan.id, rate: 1, by: author).isNew)
            #expect(try await fixture.number(retried) == 4)
            let notes = try await failures.items(of: plan.id, limit: 9).compactMap(\.note)
            #expect(notes.sorted() == ["failed anew since", "is being tried again already"])
        }
    }

    @Test func `in no ten seconds more than ten times the rate is released, whoever releases`() async throws {
        try await StoreFixture.mapped { fixture in
            try await fixture.failMany(1...80)
            let (failures, author) = (fixture.failures, StoreFixture.author)
            let plan = try await failures.plan(FailureFilter(), by: author)
            _ = try await failures.start(plan.id, rate: 2.5, by: author)
            let (_, others) = try await fixture.anotherStore("worker-2")
            let stores = [fixture.connections, others].map { PostgresHousekeepingStore($0) }
            let end = ContinuousClock.now + .seconds(14)
            // Two housekeepers, far more eager than they ever are.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for store in stores {
                    group.addTask {
                        while ContinuousClock.now < end {
                            _ = try await store.advanceRetries()
                            try await Task.sleep(for: .milliseconds(50))
                        }
                    }
                }
                try await group.waitForAll()
            }
            await others.close()
            let most = try await fixture.number(
                """
                SELECT max((
                    SELECT count(*) FROM caserouter.audit b
                    WHERE b.action = 'failed retry' AND b.at BETWEEN a.at AND a.at + interval '10 s'))
                FROM caserouter.audit a WHERE a.action = 'failed retry'
                """)
            #expect(most <= 25)
            let sent = try await fixture.number("SELECT count(*) FROM caserouter.audit WHERE action = 'failed retry'")
            #expect((26...50).contains(sent), "it goes on after the first ten seconds, and no faster")
        }
    }

    @Test func `it stops by itself when more than a fifth of the last fifty fail again`() async throws {
        try await StoreFixture.mapped { fixture in
            try await fixture.failMany(1...300)
            let (failures, author) = (fixture.failures, StoreFixture.author)
            let plan = try await failures.plan(FailureFilter(), by: author)
            _ = try await failures.start(plan.id, rate: 20, by: author)
            let store = PostgresHousekeepingStore(fixture.connections)
            var rounds = 0
            // Every fourth fails again. The window is moved on instead of waited for.
            while try await failures.bulkRetry(plan.id).state == .running, rounds < 20 {
                _ = try await store.advanceRetries()
                try await fixture.work { claim in
                    Int(claim.caseKey.caseID.description.dropFirst(3).prefix(12)).map { $0 % 4 == 0 } ?? false
                }
                try await fixture.run(
                    "UPDATE caserouter.bulk_retry_items SET released_at = released_at - interval '11 s'")
                rounds += 1
            }
            let end = try await failures.bulkRetry(plan.id)
            #expect(end.state == .stopped)
            #expect(end.endReason?.contains("failed again") == true)
            #expect((11...15).contains(end.counts.failedAgain), "\(end.counts)")
            #expect(end.counts.waiting > 200)
            let error = await #expect(throws: Refusal.self) {
                _ = try await failures.start(plan.id, rate: 1, by: author)
            }
            #expect(error?.description.contains("stopped") == true)
            // What was sent before is still followed.
            _ = try await store.advanceRetries()
            #expect(try await failures.bulkRetry(plan.id).counts.underWay == 0)
        }
    }

    @Test func `a cancelled one sends nothing more, and one without a case does not start`() async throws {
        try await StoreFixture.mapped { fixture in
            let (failures, author) = (fixture.failures, StoreFixture.author)
            let empty = try await failures.plan(FailureFilter(), by: author)
            await #expect(throws: Refusal.self) { _ = try await failures.start(empty.id, rate: 1, by: author) }
            await #expect(throws: Refusal.self) { _ = try await failures.start(empty.id + 1, rate: 1, by: author) }
            try await fixture.failMany(1...3)
            let plan = try await failures.plan(FailureFilter(), by: author)
            _ = try await failures.start(plan.id, rate: 1, by: author)
            let store = PostgresHousekeepingStore(fixture.connections)
            _ = try await store.advanceRetries()
            let first = try await failures.cancel(plan.id, by: author)
            #expect(first.isNew && first.retry.state == .cancelled)
            #expect(try await !failures.cancel(plan.id, by: author).isNew)
            _ = try await store.advanceRetries()
            #expect(try await failures.bulkRetry(plan.id).counts.waiting == 2)
            #expect(try await failures.list(FailureFilter()).count == 2)
            #expect(try await failures.bulkRetries(limit: 5).map(\.id) == [plan.id, empty.id])
        }
    }

    @Test func `each role can do its part of it and no more`() async throws {
        try await StoreFixture.mapped { fixture in
            func open(_ role: String) async throws -> PostgresDatabase {
                var settings = PostgresSettings(applicationName: role)
                settings.role = role
                let database = PostgresDatabase(
                    fixture.database.address, settings, on: fixture.executor, sessions: 1)
                Task { await database.run() }
                try await database.waitUntilUp(atMost: .seconds(120))
                return database
            }
            try await fixture.failMany(1...4)
            let (admin, route) = (try await open("caserouter_admin"), try await open("caserouter_route"))
            let (failures, author) = (Failures(store: PostgresFailureStore(admin)), StoreFixture.author)
            #expect(try await failures.list(FailureFilter()).count == 4)
            #expect(try await failures.retry(["1"], org: nil, by: author).first?.objection == nil)
            #expect(try await failures.discard(["2"], org: nil, reason: "x", by: author).first?.objection == nil)
            #expect(try await failures.restore(["2"], org: nil, by: author).first?.objection == nil)
            let plan = try await failures.plan(FailureFilter(), by: author)
            _ = try await failures.start(plan.id, rate: 100, by: author)
            let aliases = Aliases(store: PostgresAliasStore(admin))
            _ = try await aliases.add(
                AliasSetup(cic: "main", kind: .skill, name: "Germn", means: "German"), by: author)
            try await fixture.run("UPDATE caserouter.repairs SET at = now() - interval '1 hour'")
            let store = PostgresHousekeepingStore(route)
            _ = try await store.advanceRetries()
            _ = try await store.advanceRetries()
            #expect(try await failures.bulkRetry(plan.id).counts.underWay == 2)
            #expect(try await fixture.number("SELECT count(*) FROM caserouter.repairs") == 0)
            for attempt in [
                "UPDATE caserouter.cases SET attempts = 0", "DELETE FROM caserouter.discards",
                "DELETE FROM caserouter.bulk_retries", "INSERT INTO caserouter.repairs (what) VALUES ('skill')",
            ] {
                await #expect(throws: PostgresError.self) { _ = try await admin.query(attempt) }
            }
            await #expect(throws: RoutingFailure.self) {
                _ = try await PostgresFailureStore(route).discard(
                    CaseKey(org: "acme", caseID: recordID("500", 3)), reason: "x", by: author)
            }
            await admin.close()
            await route.close()
        }
    }
}
