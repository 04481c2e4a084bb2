import Postgres
import TestSupport
import Testing

/// A small table of cases and what is done to it.
enum Cases {
    static let table = "CREATE TABLE cases (org text, id text, n int4 NOT NULL CHECK (n < 1000), PRIMARY KEY (org, id))"

    static let lock = BatchLock(
        columns: [.text, .text],
        sql: """
            SELECT m.o::int4 FROM unnest($1, $2) WITH ORDINALITY AS m(org, id, o) JOIN cases c USING (org, id)
            ORDER BY m.o FOR UPDATE OF c
            """,
        encode: { key, row in
            row.append(key.scope)
            row.append(key.name)
        })

    static let insert = BatchOperation<(BatchKey, Int32), Int64>(
        name: "insert case", order: 10, writes: true, columns: [.text, .text, .int4],
        sql: """
            INSERT INTO cases SELECT org, id, n FROM unnest($1, $2, $3) WITH ORDINALITY AS m(org, id, n, o) ORDER BY o
            RETURNING (SELECT o::int4 FROM unnest($1, $2) WITH ORDINALITY AS k(org, id, o)
                       WHERE k.org = cases.org AND k.id = cases.id), pg_current_xact_id()::text::int8
            """,
        encode: { input, row in
            row.append(input.0.scope)
            row.append(input.0.name)
            row.append(input.1)
        },
        decode: { row throws(PostgresError) in try row.int64(1) })

    static func key(_ number: Int) -> BatchKey { BatchKey("org", "case\(number)") }
}

struct BatcherTests {
    @Test func `callers of one turn share one round trip and one commit`() async throws {
        try await withBatcher(Cases.table, lock: Cases.lock) { batcher, _, _ in
            let transactions = try await withThrowingTaskGroup(of: Int64?.self) { group in
                for number in 0..<200 {
                    group.addTask(executorPreference: batcher.executor) {
                        try await batcher.run(Cases.insert, (Cases.key(number), 1), key: Cases.key(number))
                    }
                }
                return try await group.reduce(into: Set<Int64>()) { $0.insert($1!) }
            }
            let statistics = await batcher.statistics
            #expect(statistics.rows == 200)
            #expect(statistics.commits <= 3)
            #expect(statistics.roundTrips == statistics.commits)
            #expect(transactions.count == statistics.commits)
        }
    }
}
