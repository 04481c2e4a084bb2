import CaseRouting
import Operations
import Postgres
import Testing

@testable import Store

@Suite(.serialized) struct RetentionTests {
    @Test func `a setting says how many days are kept, and open requests outlive theirs`() async throws {
        try await StoreFixture.with { fixture in
            for parent in ["requests", "attempts"] {
                try await fixture.run("SELECT caserouter.maintain_partitions('\(parent)', 90, current_date - 30)")
            }
            let old = CaseChange.make(.created, of: 1, version: 1, at: .today - .seconds(32 * 86_400))
            _ = try await fixture.take(old)
            _ = try await fixture.take(
                .make(.comment, of: 2, version: 2, owner: recordID("00G", 9), at: .today - .seconds(32 * 86_400)))
            let store = PostgresHousekeepingStore(fixture.connections)
            #expect(try await store.maintainPartitions() == [])
            let day = "to_char(current_date - 32, 'YYYYMMDD')"
            #expect(
                try await fixture.number("SELECT count(*) FROM pg_class WHERE relname = 'requests_' || \(day)") == 1)

            try await fixture.run("INSERT INTO caserouter.settings VALUES ('request_retention_days', '31')")
            let done = try await store.maintainPartitions()
            #expect(done.contains { $0.hasPrefix("dropped requests_") }, "\(done)")
            #expect(!done.contains { $0.contains("attempts_") }, "\(done)")
            #expect(
                try await fixture.number("SELECT count(*) FROM pg_class WHERE relname = 'requests_' || \(day)") == 0)
            #expect(
                try await fixture.text("SELECT string_agg(case_id, ' ') FROM caserouter.requests") == "\(old.caseID)")
            #expect(try await fixture.number("SELECT pending FROM report.accounting") == 1)

            // Less than a week would take what is still being worked on.
            try await fixture.run("UPDATE caserouter.settings SET value = '1'")
            _ = try await store.maintainPartitions()
            #expect(
                try await fixture.number(
                    "SELECT count(*) FROM pg_class WHERE relname LIKE 'requests\\_2%' AND relkind = 'r'")
                    == 10)
        }
    }

    @Test func `bulk retries go after ninety days, and what was given up is told as long as its case is`() async throws
    {
        try await StoreFixture.mapped { fixture in
            try await fixture.fail(1)
            try await fixture.fail(2)
            let author = StoreFixture.author
            _ = try await fixture.failures.discard(["1"], org: nil, reason: "spam", by: author)
            let (old, new) = (
                try await fixture.failures.plan(FailureFilter(), by: author),
                try await fixture.failures.plan(FailureFilter(), by: author)
            )
            try await fixture.run("UPDATE caserouter.discards SET discarded_at = now() - interval '400 days'")
            try await fixture.run(
                "UPDATE caserouter.bulk_retries SET planned_at = now() - interval '91 days' WHERE id = \(old.id)")
            _ = try await PostgresHousekeepingStore(fixture.connections).maintainPartitions()
            #expect(try await fixture.failures.bulkRetries(limit: 5).map(\.id) == [new.id])
            #expect(
                try await fixture.text("SELECT string_agg(DISTINCT retry::text, ' ') FROM caserouter.bulk_retry_items")
                    == "\(new.id)")

            #expect(try await fixture.failures.show("1", org: nil).discards.map(\.reason) == ["spam"])
            let retried = try await fixture.failures.retry(["1"], org: nil, by: author)
            #expect(retried.map(\.objection) == ["discarded"])
            let restored = try await fixture.failures.restore(["1"], org: nil, by: author)
            #expect(restored.map(\.objection) == ["it was discarded more than 30 days ago"])
        }
    }
}
