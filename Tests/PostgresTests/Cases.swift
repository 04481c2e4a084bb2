import Postgres

/// A small table of cases and what is done to it in batches.
enum Cases {
    static let table = """
        CREATE TABLE cases (org text, id text, n int4 NOT NULL CONSTRAINT small CHECK (n < 1000), log text DEFAULT '',
                            PRIMARY KEY (org, id));
        """

    /// So many cases, `case0` and on.
    static func filled(_ count: Int) -> String {
        table + "INSERT INTO cases (org, id, n) SELECT 'org', 'case' || i, 0 FROM generate_series(0, \(count - 1)) i;"
    }

    static func key(_ number: Int) -> BatchKey { BatchKey("org", "case\(number)") }

    struct Change: Sendable {
        let key: BatchKey
        var n: Int32 = 0
        var text: String?
    }

    static let lock = BatchLock(
        columns: [.text, .text],
        sql: """
            SELECT 1 FROM unnest($1, $2) WITH ORDINALITY AS m(org, id, o) JOIN cases c USING (org, id)
            ORDER BY m.o FOR UPDATE OF c
            """,
        encode: { key, row in
            row.append(key.scope)
            row.append(key.name)
        })

    private static func append(_ change: Change, _ row: inout BatchRow) {
        row.append(change.key.scope)
        row.append(change.key.name)
        row.append(change.n)
        row.append(change.text)
    }

    private static let columns: [PostgresType] = [.text, .text, .int4, .text]
    private static let input = "unnest($1, $2, $3, $4) WITH ORDINALITY AS m(org, id, n, text, o)"

    /// Inserts a case and returns the transaction's id.
    static let insert = BatchOperation<Change, Int64>(
        name: "insert case", order: 10, writes: true, columns: columns,
        sql: """
            WITH m AS (SELECT * FROM \(input)),
                 r AS (INSERT INTO cases SELECT org, id, n, text FROM m ORDER BY o RETURNING org, id)
            SELECT m.o::int4, pg_current_xact_id()::text::int8 FROM m JOIN r USING (org, id)
            """,
        encode: append, decode: { row throws(PostgresError) in try row.int64(1) })

    /// Adds to a case's number and log, and returns the number; no row when there is no such case.
    static let add = BatchOperation<Change, Int32>(
        name: "add to case", order: 20, writes: true, columns: columns,
        sql: """
            UPDATE cases c SET n = c.n + m.n, log = c.log || coalesce(m.text, '') FROM \(input)
            WHERE c.org = m.org AND c.id = m.id RETURNING m.o::int4, c.n
            """,
        encode: append, decode: { row throws(PostgresError) in try row.int32(1) })

    /// The same by another statement, so that one flush has two of them.
    static let subtract = BatchOperation<Change, Int32>(
        name: "subtract from case", order: 21, writes: true, columns: columns,
        sql: """
            UPDATE cases c SET n = c.n - m.n FROM \(input)
            WHERE c.org = m.org AND c.id = m.id RETURNING m.o::int4, c.n
            """,
        encode: append, decode: { row throws(PostgresError) in try row.int32(1) })

    /// Reads a case's number.
    static let read = BatchOperation<Change, Int32>(
        name: "read case", order: 0, writes: false, columns: columns,
        sql: "SELECT m.o::int4, c.n FROM \(input) JOIN cases c USING (org, id)",
        encode: append, decode: { row throws(PostgresError) in try row.int32(1) })

    /// Returns as many rows as its input says, with a value that all callers share.
    static let series = BatchOperation<Change, String>(
        name: "series", order: 1, writes: false, columns: columns, shared: [.text("shared")],
        sql: "SELECT m.o::int4, $5 || i FROM \(input), generate_series(1, m.n) i ORDER BY m.o, i",
        encode: append, decode: { row throws(PostgresError) in try row.text(1) })

    /// A statement with a mistake.
    static let wrong = BatchOperation<Change, Int32>(
        name: "wrong", order: 5, writes: false, columns: columns,
        sql: "SELECT m.o::int4, no_such_column FROM \(input)",
        encode: append, decode: { row throws(PostgresError) in try row.int32(1) })

    /// Adds to a case's number, and takes as many seconds as it adds.
    static let addSlowly = BatchOperation<Change, Int32>(
        name: "add slowly", order: 22, writes: true, columns: columns,
        sql: """
            UPDATE cases c SET n = c.n + m.n FROM \(input), pg_sleep(m.n)
            WHERE c.org = m.org AND c.id = m.id RETURNING m.o::int4, c.n
            """,
        encode: append, decode: { row throws(PostgresError) in try row.int32(1) })
}
