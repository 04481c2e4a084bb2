import CaseRouting
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
            var change = CaseChange.make(.comment, version: 10)
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
}
