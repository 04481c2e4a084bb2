import CaseRouting
import Postgres
import Testing

@testable import Store

@Suite(.serialized) struct RequestTests {
    private static let change = CaseChange.make(.created, version: 10)

    private static func column(_ name: String, _ change: CaseChange) -> String {
        "SELECT \(name) FROM caserouter.requests WHERE event_key = '\(change.key)'"
    }

    /// As ingest records it.
    private static func record(_ change: CaseChange, _ fixture: StoreFixture) async throws {
        _ = try await fixture.sql.query(
            """
            INSERT INTO caserouter.requests (
                day, org, event_key, case_id, version, version_epoch, change, body, outbox_row, found, occurred_at)
            VALUES (date '1970-01-01' + $1::int4, $2, $3, $4, $5, 1, $6, 'recorded', $7, 'stream', $8)
            """,
            [
                .int4(change.occurredAt.day), .text(change.org), .text(change.key), .text(change.caseID.description),
                .int8(change.version), .text(change.kind.rawValue), .text(change.row!.description),
                .timestamptz(change.occurredAt.microseconds),
            ])
    }

    @Test func `a request is merged once, whether or not ingest has recorded it before`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.take(Self.change)
            #expect(
                try await fixture.text(
                    Self.column("body", Self.change).replacing("body", with: "encode(body, 'escape')"))
                    == Self.change.key)
            let recorded = CaseChange.make(.comment, version: 11)
            try await Self.record(recorded, fixture)
            #expect(try await fixture.store.read(recorded).isMerged == false)
            try await fixture.take(recorded)
            try await fixture.take(recorded)
            #expect(try await fixture.store.read(recorded).isMerged)
            #expect(try await fixture.text(Self.column("encode(body, 'escape')", recorded)) == "recorded")
            #expect(try await fixture.number("SELECT count(*) FROM caserouter.requests") == 2)
            #expect(try await fixture.text(Self.column("inputs -> 'case' ->> 'revision'", recorded)) == "1")
            #expect(try await fixture.number(Self.column("mapping", Self.change)) == 1)
        }
    }

    @Test func `a newer state supersedes older open states of its case only, and leaves comments open`() async throws {
        try await StoreFixture.with { fixture in
            let comment = CaseChange.make(.comment, version: 11)
            let other = CaseChange.make(.created, of: 2, version: 1)
            let moved = CaseChange.make(.queueChanged, version: 12, owner: StoreFixture.otherQueue)
            for change in [Self.change, other] { try await fixture.take(change) }
            let attempt = AttemptID.make()
            // The comment asks once the agent is done, so it is open too.
            try await fixture.run("UPDATE caserouter.cases SET want_cic = NULL, want_workgroup = NULL")
            try await fixture.take(comment)
            #expect(try await fixture.text(Self.column("rule", comment)) == "contacted")
            let claim = try await fixture.claim(moved, attempt: attempt)
            #expect(try await fixture.text(Self.column("outcome", Self.change)) == "superseded")
            #expect(try await fixture.text(Self.column("write_back", Self.change)) == "due")
            #expect(try await fixture.text(Self.column("outcome", comment)) == nil)
            #expect(try await fixture.text(Self.column("outcome", other)) == nil)
            let won = try #require(await fixture.store.win(claim, InteractionID("1"), attempt))
            #expect(try await fixture.store.recordPlaced(won, workgroup: "Sales", skills: ""))
            #expect(try await fixture.text(Self.column("outcome", comment)) == "routed")
            #expect(try await fixture.text(Self.column("outcome", moved)) == "routed")
            #expect(try await fixture.column("first_open_day", of: claim.caseKey) == nil)
        }
    }

    @Test func `equal versions with different contents are read again in two seconds`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.take(Self.change)
            let tie = CaseChange.make(.skillsChanged, version: 10, skills: "Other")
            try await fixture.take(tie)
            #expect(try await fixture.text(Self.column("rule", tie)) == "equal-version")
            let waits = "verify_at BETWEEN now() AND now() + interval '2 s'"
            #expect(try await fixture.column(waits, of: tie.caseKey) == "true")
        }
    }

    @Test func `a case that is read again stays marked until that is recorded, and longer when it is marked anew`()
        async throws
    {
        try await StoreFixture.with { fixture in
            try await fixture.take(Self.change)
            let ingest = PostgresIngestStore(fixture.connections, owner: "w")
            func mark() async throws { try await fixture.run("UPDATE caserouter.cases SET verify_at = now()") }
            func marked() async throws -> Int64 {
                try await fixture.number("SELECT count(*) FROM caserouter.cases WHERE verify_at IS NOT NULL")
            }
            try await mark()
            let taken = try await ingest.takeToVerify(org: "acme", limit: 10)
            #expect(taken.map(\.caseID) == [Self.change.caseID] && taken.map(\.revision) == [1])
            #expect(try await ingest.takeToVerify(org: "acme", limit: 10).isEmpty)
            #expect(try await marked() == 1)
            try await ingest.verified(org: "other", taken)
            #expect(try await marked() == 1)
            try await ingest.verified(org: "acme", taken)
            #expect(try await marked() == 0)

            try await mark()
            let again = try await ingest.takeToVerify(org: "acme", limit: 10)
            try await mark()
            try await ingest.verified(org: "acme", again)
            #expect(try await marked() == 1)
            #expect(try await ingest.takeToVerify(org: "acme", limit: 10).map(\.caseID) == [Self.change.caseID])
        }
    }

    @Test func `an org in mode observe has nothing routed and its rows are not marked`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.run("UPDATE caserouter.orgs SET mode = 'observe'")
            var configuration = StoreFixture.configuration
            configuration.orgs["acme"]?.mode = .observe
            try await fixture.take(Self.change, claims: true, attempt: .make(), configuration: configuration)
            #expect(try await fixture.text(Self.column("write_back", Self.change)) == "observed")
            #expect(try await fixture.column("want_cic", of: Self.change.caseKey) == nil)
            #expect(try await fixture.number("SELECT observed FROM report.accounting") == 1)
            #expect(try await fixture.number("SELECT ignored FROM report.accounting") == 0)
        }
    }

    @Test func `a request of any day is kept, and moves when its day gets a partition`() async throws {
        try await StoreFixture.with { fixture in
            let ancient = CaseChange.make(.created, version: 1, at: Timestamp(microseconds: 1_000_000_000_000_000))
            let future = CaseChange.make(.created, of: 2, version: 1, at: Timestamp.today + .seconds(5 * 86_400))
            for change in [ancient, future] {
                try await fixture.take(change)
                #expect(try await fixture.store.read(change).isMerged)
            }
            #expect(try await fixture.number("SELECT count(*) FROM caserouter.requests_rest") == 2)
            let tables = "SELECT count(*) FROM caserouter.maintain_partitions('requests', 90, current_date + 4)"
            #expect(try await fixture.number(tables) == 4)
            #expect(try await fixture.number(tables) == 0)
            #expect(try await fixture.number("SELECT count(*) FROM caserouter.requests_rest") == 1)
            #expect(try await fixture.store.read(future).isMerged)
            _ = try await fixture.place(future.with(version: 2), interaction: InteractionID("1"))
            #expect(try await fixture.text(Self.column("outcome", future)) == "superseded")
        }
    }

    @Test func `old partitions go, and what is open in them stays`() async throws {
        try await StoreFixture.with { fixture in
            let open = CaseChange.make(.created, version: 1)
            let done = CaseChange.make(.comment, of: 2, version: 1, owner: StoreFixture.agent)
            for change in [open, done] { try await fixture.take(change) }
            _ = try await fixture.claim(.make(.created, of: 3, version: 1), attempt: .make())
            for table in ["requests", "attempts"] {
                let maintain = "SELECT count(*) FROM caserouter.maintain_partitions('\(table)', 30, current_date + 60)"
                #expect(try await fixture.number(maintain) > 10)
            }
            #expect(try await fixture.number("SELECT count(*) FROM caserouter.requests") == 2)
            #expect(try await fixture.store.read(open).isMerged)
            #expect(try await fixture.number("SELECT count(*) FROM caserouter.attempts") == 0)
        }
    }

    @Test func `how often a request is looked at is counted until it is merged`() async throws {
        try await StoreFixture.with { fixture in
            let key = RequestKey(Self.change)
            // Ingest has not recorded it yet.
            #expect(try await fixture.store.raiseTaken(key) == 1)
            try await Self.record(Self.change, fixture)
            #expect(try await fixture.store.raiseTaken(key) == 1)
            #expect(try await fixture.store.raiseTaken(key) == 2)
            try await fixture.take(Self.change)
            #expect(try await fixture.number(Self.column("taken", Self.change)) == 0)
            #expect(try await fixture.store.raiseTaken(key) == 0)
        }
    }

    @Test func `requests that nobody saw are taken after ten minutes, by one worker, until their case is failed`()
        async throws
    {
        try await StoreFixture.with { fixture in
            try await Self.record(Self.change, fixture)
            #expect(try await fixture.store.takeUnseen(limit: 10).isEmpty)
            let age = "UPDATE caserouter.requests SET received_at = now() - interval '11 minutes', taken_at = NULL"
            for count in 1...3 {
                try await fixture.run(age)
                let taken = try await fixture.store.takeUnseen(limit: 10)
                #expect(taken.map(\.taken) == [count])
                #expect(taken.first?.key == RequestKey(Self.change))
                #expect(taken.first?.body == Array("recorded".utf8))
                #expect(try await fixture.store.takeUnseen(limit: 10).isEmpty)
            }
            let failure = RoutingFailure(.permanent, at: .decode, cause: .workerDied, "It kills its worker.")
            try await fixture.store.failPoisonous(RequestKey(Self.change), failure)
            try await fixture.store.failPoisonous(RequestKey(Self.change), failure)
            let key = Self.change.caseKey
            #expect(try await fixture.column("failure_number || ' ' || failure_cause", of: key) == "1 worker-died")
            #expect(try await fixture.number("SELECT failed FROM report.accounting") == 1)
            try await fixture.run(age)
            #expect(try await fixture.store.takeUnseen(limit: 10).isEmpty)

            #expect(try await fixture.store.retry(RetryHandle(caseKey: key, failureNumber: 1)))
            #expect(try await fixture.store.takeUnseen(limit: 10).map(\.taken) == [1])
            // A case without facts is no obstacle.
            let claim = try await fixture.claim(Self.change)
            #expect(claim.state.revision == 2)
            #expect(claim.state.facts?.owner == StoreFixture.queue)
        }
    }

    @Test func `a message that cannot be read is one row, however often it comes`() async throws {
        try await StoreFixture.with { fixture in
            for reason in ["no JSON\0", "no JSON"] {
                try await fixture.store.recordUndecodable(
                    UndecodableMessage(reason: reason, length: 3, beginning: [0, 1, 2], digest: "abc"))
            }
            #expect(try await fixture.text("SELECT seen || reason FROM caserouter.undecodable") == "2no JSON")
        }
    }

    @Test func `messages that cannot be read and holds may come at once`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 1...30 {
                    group.addTask {
                        try await store.recordUndecodable(
                            UndecodableMessage(reason: "no JSON", length: 3, beginning: [0], digest: "\(number)"))
                    }
                    group.addTask {
                        try await store.placeHold(
                            Hold(kind: .cic, name: "east-\(number)", reason: .breaker, detail: "refused"))
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await fixture.text("SELECT count(*) || ' ' || max(seen) FROM caserouter.undecodable") == "30 1")
            #expect(try await fixture.number("SELECT count(*) FROM caserouter.holds") == 30)
        }
    }

    @Test func `the same case id in two orgs is two cases`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.take(Self.change)
            let other = CaseChange.make(.created, version: 10, org: "beta")
            try await fixture.take(other)
            #expect(try await fixture.number("SELECT count(*) FROM caserouter.cases") == 2)
            #expect(try await fixture.text("SELECT rule FROM caserouter.requests WHERE org = 'beta'") == "unknown-org")
        }
    }
}

extension CaseChange {
    fileprivate func with(version: Int64) -> CaseChange {
        var copy = self
        copy.version = version
        copy.key += "-\(version)"
        return copy
    }
}
