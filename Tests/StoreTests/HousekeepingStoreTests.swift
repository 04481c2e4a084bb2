import CaseRouting
import Testing

@testable import Store

@Suite(.serialized) struct HousekeepingStoreTests {
    @Test func `a failed case gets a handle, and another one before the broker drops it`() async throws {
        try await StoreFixture.with { fixture in
            let store = PostgresHousekeepingStore(fixture.connections)
            let claim = try await fixture.claim(.make(.created, version: 1))
            let failure = RoutingFailure(.permanent, at: .resolve, cause: .skillsTooLong, "Shorten it.")
            #expect(try await fixture.store.park(claim, failure, delay: .zero))
            let first = try await store.takeDueHandles(limit: 10)
            #expect(first.map(\.handle) == [RetryHandle(caseKey: claim.caseKey, failureNumber: 1)])
            #expect(first.first?.cause == .skillsTooLong)
            #expect(try await store.takeDueHandles(limit: 10).isEmpty)
            try await fixture.run("UPDATE caserouter.cases SET handle_at = now() - interval '270 seconds'")
            #expect(try await store.takeDueHandles(limit: 10).count == 1)
            try await fixture.run("UPDATE caserouter.cases SET handle_at = now() - interval '270 seconds'")
            #expect(try await fixture.store.retry(RetryHandle(caseKey: claim.caseKey, failureNumber: 1)))
            #expect(try await store.takeDueHandles(limit: 10).isEmpty)
        }
    }

    @Test func `partitions of the coming days are made and those past retention dropped`() async throws {
        try await StoreFixture.with { fixture in
            let store = PostgresHousekeepingStore(
                fixture.connections, retention: HousekeepingRetention(requestDays: 30, attemptDays: 8))
            #expect(try await store.maintainPartitions().isEmpty)
            try await fixture.run(
                """
                CREATE TABLE caserouter.attempts_20200101 PARTITION OF caserouter.attempts
                FOR VALUES FROM ('2020-01-01') TO ('2020-01-02')
                """)
            #expect(try await store.maintainPartitions().count == 1)
            #expect(try await fixture.text("SELECT to_regclass('caserouter.attempts_20200101')") == nil)
        }
    }
}
