import Polling
import Postgres
import Testing
import TestSupport

struct PostgresConnectionTests {
    @Test func `a text that looks like SQL comes back as it was bound`() async throws {
        try await withConnection("CREATE TABLE notes (body text)") { connection, _ async throws in
            let text = "'); DROP TABLE notes; -- \\ $1 \"'\u{1F600}\n"
            _ = try await connection.query("INSERT INTO notes VALUES ($1)", [.text(text)])
            let rows = try await connection.query(
                "SELECT body, count(*) OVER () FROM notes WHERE body = $1", [.text(text)])
            #expect(try rows[0].text(0) == text)
            #expect(try rows[0].int64(1) == 1)
        }
    }

    @Test func `the timeline is known from the start, to a role without rights too`() async throws {
        try await withConnection { connection, database async throws in
            _ = try await connection.query("CREATE ROLE plain_\(database.name) LOGIN")
            let address = try PostgresAddress(database.url.replacing("postgres@", with: "plain_\(database.name)@"))
            let plain = try await PostgresConnection.open(
                address, PostgresSettings(applicationName: "plain"), on: connection.executor)
            let timeline = await plain.timeline
            await plain.close()
            _ = try await connection.query("DROP ROLE plain_\(database.name)")
            #expect(timeline.count == 8)
            #expect(UInt32(timeline, radix: 16) != nil)
        }
    }

    @Test func `a session has the time-outs and settings it was opened with`() async throws {
        try await withConnection { connection, _ async throws in
            let names = [
                "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "plan_cache_mode",
                "TimeZone", "client_encoding", "application_name",
            ]
            let rows = try await connection.query(
                "SELECT current_setting(n) FROM unnest($1) WITH ORDINALITY AS s(n, o) ORDER BY o",
                [.textArray(names)])
            let values = try rows.map { row throws(PostgresError) in try row.text(0) }
            #expect(values == ["5s", "2s", "10s", "force_custom_plan", "UTC", "UTF8", "test"])
        }
    }

    @Test func `a statement is sent without waiting for the answers before it`() async throws {
        try await withProxy { connection, proxy async throws in
            _ = try await connection.query("SELECT 1")
            proxy.set(.cutAfterBytesToClient(1_000_000))
            async let slow = connection.query("SELECT pg_sleep(1)")
            async let others = withThrowingTaskGroup(of: Int32.self) { group in
                for number in 0..<50 {
                    group.addTask { try await connection.query("SELECT $1", [.int4(Int32(number))])[0].int32(0) }
                }
                return try await group.reduce(into: Set<Int32>()) { $0.insert($1) }
            }
            let answered = proxy.counts.bytesToClient
            try await eventually("the statements have left while the first one sleeps", within: .milliseconds(900)) {
                proxy.counts.bytesToServer > 51 * 30
            }
            #expect(proxy.counts.bytesToClient == answered)
            #expect(try await others.count == 50)
            _ = try await slow
        }
    }

    @Test func `a plan made on an empty table does not stay while the table grows`() async throws {
        let sql = "SELECT n FROM cases WHERE id = ANY ($1)"
        try await withConnection("CREATE TABLE cases (id text PRIMARY KEY, n int4)") { connection, _ async throws in
            // Often enough that a generic plan would be chosen; then the table grows without being analysed.
            for _ in 0..<10 { _ = try await connection.query(sql, [.textArray(["a"])]) }
            _ = try await connection.query("ALTER TABLE cases SET (autovacuum_enabled = false)")
            _ = try await connection.query("INSERT INTO cases SELECT i::text, i FROM generate_series(1, 50000) i")
            let scans = "SELECT coalesce(idx_scan, 0), seq_scan FROM pg_stat_user_tables WHERE relname = 'cases'"
            _ = try await connection.query("SELECT pg_stat_force_next_flush()")
            let before = try await connection.query(scans)[0].int64(0)
            let rows = try await connection.query(sql, [.textArray(["7", "49999"])])
            #expect(rows.count == 2)
            _ = try await connection.query("SELECT pg_stat_force_next_flush()")
            #expect(try await connection.query(scans)[0].int64(0) > before)
            let plan = try await connection.query("EXPLAIN " + sql, [.textArray(["7", "49999"])])
            let text = try plan.map { row throws(PostgresError) in try row.text(0) }.joined()
            #expect(text.contains("Index"), "\(text)")
        }
    }

    @Test func `parameters larger than every buffer arrive`() async throws {
        try await withConnection { connection, _ async throws in
            let text = String(repeating: "0123456789abcdef", count: 1_000_000)
            async let one = connection.query("SELECT length($1), md5($1)", [.text(text)])
            async let two = connection.query("SELECT $1", [.text(text)])
            #expect(try await one[0].int32(0) == 16_000_000)
            #expect(try await two[0].text(0) == text)
        }
    }

    @Test func `a statement whose plan no longer fits is prepared anew`() async throws {
        try await withConnection("CREATE TABLE t (n int4); INSERT INTO t VALUES (1)") { connection, _ async throws in
            #expect(try await connection.query("SELECT * FROM t")[0].int32(0) == 1)
            _ = try await connection.query("ALTER TABLE t ALTER n TYPE int8")
            #expect(try await connection.query("SELECT * FROM t")[0].int64(0) == 1)
        }
    }

    @Test func `a script runs its statements together or not at all`() async throws {
        try await withConnection("CREATE TABLE a (n int4); CREATE TABLE b (n int4);") { connection, _ async throws in
            await #expect(throws: PostgresError.self) {
                try await connection.execute(script: "CREATE TABLE c (n int4); SELECT 1/0; DROP TABLE a", name: "bad")
            }
            let rows = try await connection.query("SELECT relname FROM pg_class WHERE relname IN ('a', 'b', 'c')")
            #expect(rows.count == 2)
        }
    }

    // MARK: Transactions

    @Test func `a transaction commits as a whole`() async throws {
        try await withConnection("CREATE TABLE t (n int4)") { connection, database async throws in
            let other = try await database.connect(on: connection.executor)
            let seen = try await connection.transaction { transaction throws(PostgresError) in
                _ = try await transaction.query("INSERT INTO t VALUES (1)")
                _ = try await transaction.query("INSERT INTO t VALUES (2)")
                return try await other.query("SELECT count(*) FROM t")[0].int64(0)
            }
            #expect(seen == 0)
            #expect(try await other.query("SELECT count(*) FROM t")[0].int64(0) == 2)
            await other.close()
        }
    }

    @Test func `a transaction that fails leaves nothing and frees its connection`() async throws {
        try await withConnection("CREATE TABLE t (n int4 PRIMARY KEY)") { connection, _ async throws in
            let error = await #expect(throws: PostgresError.self) {
                try await connection.transaction { transaction throws(PostgresError) in
                    _ = try await transaction.query("INSERT INTO t VALUES (1)")
                    _ = try await transaction.query("INSERT INTO t VALUES (1)")
                }
            }
            #expect(error?.kind == .constraint("t_pkey"))
            #expect(try await connection.query("SELECT count(*) FROM t")[0].int64(0) == 0)
        }
    }

    @Test func `a transaction that hides a failed statement is not reported as done`() async throws {
        try await withConnection("CREATE TABLE t (n int4)") { connection, _ async throws in
            await #expect(throws: PostgresError.self) {
                try await connection.transaction { transaction throws(PostgresError) in
                    _ = try await transaction.query("INSERT INTO t VALUES (1)")
                    do throws(PostgresError) { _ = try await transaction.query("SELECT 1/0") } catch {}
                }
            }
            #expect(try await connection.query("SELECT count(*) FROM t")[0].int64(0) == 0)
        }
    }

    @Test func `transactions and statements of many callers take turns`() async throws {
        try await withConnection("CREATE TABLE t (n int4); INSERT INTO t VALUES (0)") { connection, _ async throws in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        try await connection.transaction { transaction throws(PostgresError) in
                            let value = try await transaction.query("SELECT n FROM t")[0].int32(0)
                            _ = try await transaction.query("UPDATE t SET n = $1", [.int4(value + 1)])
                        }
                    }
                    group.addTask { _ = try await connection.query("SELECT n FROM t") }
                }
                try await group.waitForAll()
            }
            #expect(try await connection.query("SELECT n FROM t")[0].int32(0) == 20)
        }
    }
}
