import CaseRouting
import Postgres
import Testing

@testable import Store

/// What ingest writes, and that it writes nothing once its lease is another's.
@Suite(.serialized) struct IngestStoreTests {
    private static func recorded(_ version: Int64) -> RecordedRequest {
        RecordedRequest(change: .make(.comment, version: version), found: .stream, body: Array("body".utf8))
    }

    @Test func `rows and cursor are written together, and only under the lease's term`() async throws {
        try await StoreFixture.with { fixture in
            let leases = PostgresLeases(fixture.connections, owner: "one")
            let store = PostgresIngestStore(fixture.connections, owner: "one")
            let lease = try #require(await leases.take(.org, "acme"))
            func record(_ version: Int64) async throws -> Bool {
                try await store.record(
                    [Self.recorded(version)], cursor: ReplayCursor(streamEpoch: 1, replayID: version), channel: "/c",
                    lease: lease)
            }
            func written() async throws -> [Int64?] {
                [
                    try await fixture.number("SELECT count(*) FROM caserouter.requests"),
                    try await store.cursor(org: "acme", channel: "/c")?.replayID,
                ]
            }
            #expect(try await record(10))
            #expect(try await written() == [1, 10])
            // The same again, as after an answer that was lost.
            #expect(try await record(10))
            #expect(try await written() == [1, 10])
            // An older position never takes the cursor back.
            #expect(try await record(9))
            #expect(try await written() == [2, 10])

            // Another worker has had the org meanwhile: the term is over, whoever holds the lease now.
            try await leases.release(lease)
            #expect(try await record(11) == false)
            #expect(try await PostgresLeases(fixture.connections, owner: "two").take(.org, "acme") != nil)
            #expect(try await record(11) == false)
            #expect(try await written() == [2, 10])
        }
    }

    /// A comment that a sweep found by itself names no row; its row is found afterwards.
    @Test(arguments: [("live", "due"), ("observe", "observed")])
    func `a row that comes after its request has an outcome is marked only in an org that is live`(
        _ mode: String, _ writeBack: String
    ) async throws {
        try await StoreFixture.with { fixture in
            try await fixture.run("UPDATE caserouter.orgs SET mode = '\(mode)'")
            // A user owns the case: it is ignored.
            var change = CaseChange.make(.comment, version: 10, owner: StoreFixture.agent)
            let row = change.row
            change.row = nil
            _ = try await fixture.take(change)
            change.row = row
            let lease = try #require(
                await PostgresLeases(fixture.connections, owner: "one").take(.org, "acme"))
            let store = PostgresIngestStore(fixture.connections, owner: "one")
            #expect(
                try await store.record(
                    [RecordedRequest(change: change, found: .stream, body: Array("body".utf8))], cursor: nil,
                    channel: "/c", lease: lease))
            #expect(
                try await fixture.text("SELECT outbox_row || ' ' || write_back FROM caserouter.requests")
                    == "\(try #require(row)) \(writeBack)")
        }
    }

    /// The row is still New in Salesforce, and no event names it.
    @Test(arguments: [("live", "due"), ("observe", "observed")])
    func `a sweep of rows tells a request its row that was found without it`(
        _ mode: String, _ writeBack: String
    ) async throws {
        try await StoreFixture.with { fixture in
            try await fixture.run("UPDATE caserouter.orgs SET mode = '\(mode)'")
            let store = PostgresIngestStore(fixture.connections, owner: "one")
            // One whose case a user owns, so that it is ignored, one that nobody has merged, and one that nobody knows.
            let (decided, waiting) = (
                CaseChange.make(.comment, version: 10, owner: StoreFixture.agent),
                CaseChange.make(.comment, version: 11)
            )
            var found = decided
            found.row = nil
            _ = try await fixture.take(found)
            found = waiting
            found.row = nil
            let lease = try #require(
                await PostgresLeases(fixture.connections, owner: "one").take(.org, "acme"))
            #expect(
                try await store.record(
                    [RecordedRequest(change: found, found: .sweep, body: Array("body".utf8))], cursor: nil,
                    channel: "/c", lease: lease))
            let rows = [decided, waiting, .make(.comment, version: 12)]
            #expect(try await store.known(rows.map { RequestKey($0) }).count == 2)
            #expect(try await fixture.number("SELECT count(*) FROM caserouter.requests WHERE outbox_row IS NULL") == 2)
            for _ in 0..<2 {
                #expect(try await store.knownRows(rows) == [RequestKey(decided), RequestKey(waiting)])
                #expect(
                    try await fixture.text(
                        "SELECT string_agg(outbox_row || ' ' || write_back, ', ' ORDER BY version) FROM caserouter.requests"
                    ) == "\(try #require(decided.row)) \(writeBack), \(try #require(waiting.row)) none")
            }
        }
    }

    @Test func `a sweep does not look at the cases that are over, however many there are`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.run(
                """
                INSERT INTO caserouter.cases (
                    org, case_id, case_number, revision, applied_revision, version_epoch, owner, closed, episode)
                SELECT 'acme', '500' || lpad(n::text, 12, '0') || 'AAA', n::text, 3, 3, 1, '\(StoreFixture.queue)', true, 1
                FROM generate_series(1, 5000) n
                """)
            try await fixture.run(
                """
                INSERT INTO caserouter.episodes (
                    org, case_id, number, cic, state, attempt_id, attempt_day, attempt_deadline, ended_at)
                SELECT org, case_id, 1, 'main', 'ended', gen_random_uuid(), current_date, now(), now() FROM caserouter.cases
                """)
            let inQueue = CaseChange.make(.created, of: 6_001, version: 1)
            _ = try await fixture.place(inQueue, interaction: InteractionID("1"))
            // Closed, and its interaction is not ended yet.
            _ = try await fixture.place(.make(.created, of: 6_002, version: 1), interaction: InteractionID("2"))
            _ = try await fixture.take(.make(.closed, of: 6_002, version: 2, isClosed: true))
            // Of a user, and still wanted.
            _ = try await fixture.place(.make(.created, of: 6_003, version: 1), interaction: InteractionID("3"))
            _ = try await fixture.take(.make(.ownerChanged, of: 6_003, version: 2, owner: StoreFixture.agent))
            _ = try await fixture.take(.make(.created, of: 6_004, version: 1, owner: StoreFixture.agent))

            let store = PostgresIngestStore(fixture.connections, owner: "one")
            var held: [RecordID] = []
            while let last = try await store.heldAsActive(
                org: "acme", queues: [StoreFixture.queue], after: held.last, limit: 2
            ).map(\.caseID).nonEmpty {
                held += last
            }
            #expect(held == (6_001...6_003).map { recordID("500", $0) })
            let plan = try await fixture.sql.query(
                "EXPLAIN (ANALYZE) \(PostgresIngestStore.heldAsActive)",
                [.text("acme"), .text(""), .textArray([StoreFixture.queue.description]), .int8(400)]
            ).map { row throws(PostgresError) in try row.text(0) }
            let removed = plan.compactMap { line in
                line.range(of: "Rows Removed by Filter: ").flatMap { Int(line[$0.upperBound...]) }
            }
            #expect(removed.reduce(0, +) < 10, "\(plan.joined(separator: "\n"))")
        }
    }
}

extension Array {
    fileprivate var nonEmpty: Self? { isEmpty ? nil : self }
}
