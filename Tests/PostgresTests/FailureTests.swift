import Polling
import Postgres
import TestSupport
import Testing

struct FailureTests {
    private static func failure(_ body: () async throws(PostgresError) -> Void) async -> PostgresError? {
        do throws(PostgresError) {
            try await body()
            return nil
        } catch { return error }
    }

    @Test func `a refused row names its constraint and shows no value`() async throws {
        let table =
            "CREATE TABLE t (id text CONSTRAINT one_each UNIQUE, n int4 NOT NULL CONSTRAINT small CHECK (n < 9))"
        try await withConnection(table) { connection, _ async throws in
            func insert(_ id: String, _ n: PostgresValue) async -> PostgresError? {
                await Self.failure { () throws(PostgresError) in
                    _ = try await connection.query("INSERT INTO t VALUES ($1, $2)", [.text(id), n], name: "insert t")
                }
            }
            #expect(await insert("secret", .int4(1)) == nil)
            let twice = await insert("secret", .int4(1))
            #expect(twice?.kind == .constraint("one_each"))
            #expect(twice?.sqlState == "23505")
            #expect(twice?.operation == "insert t")
            #expect(await insert("secret2", .int4(9))?.kind == .constraint("small"))
            #expect(await insert("secret3", .null)?.kind == .constraint("n"))
            #expect(twice.map { "\($0)".contains("secret") } == false)
            let data = await Self.failure { () throws(PostgresError) in
                _ = try await connection.query("SELECT ($1::text)::int4", [.text("secret")])
            }
            #expect(data?.kind == .data)
            #expect(data.map { "\($0)".contains("secret") } == false)
        }
    }

    @Test func `a constraint that is checked at the commit fails its statement`() async throws {
        let table =
            "CREATE TABLE t (n int4 CONSTRAINT late UNIQUE DEFERRABLE INITIALLY DEFERRED); INSERT INTO t VALUES (1)"
        try await withConnection(table) { connection, _ async throws in
            let error = await Self.failure { () throws(PostgresError) in
                _ = try await connection.query("INSERT INTO t VALUES (1)")
            }
            #expect(error?.kind == .constraint("late"))
            #expect(try await connection.query("SELECT count(*) FROM t")[0].int64(0) == 1)
        }
    }

    @Test func `a statement that takes too long is a time-out and leaves the session usable`() async throws {
        try await withConnection { connection, _ async throws in
            _ = try await connection.query("SET statement_timeout = '100ms'")
            let error = await Self.failure { () throws(PostgresError) in
                _ = try await connection.query("SELECT pg_sleep(5)")
            }
            #expect(error?.kind == .timeout)
            #expect(try await connection.query("SELECT 1")[0].int32(0) == 1)
        }
    }

    @Test func `a role without a right is told so`() async throws {
        try await withConnection("CREATE TABLE t (n int4)") { connection, _ async throws in
            _ = try await connection.query("SET ROLE pg_monitor")
            let error = await Self.failure { () throws(PostgresError) in
                _ = try await connection.query("SELECT * FROM t")
            }
            #expect(error?.kind == .permission)
        }
    }

    @Test func `a refused log-in is a permission, an absent server a lost connection`() async throws {
        let loop = PollExecutor(name: "test")
        defer { loop.stop() }
        let url = try TestDatabase.serverURL()
        let stranger = try PostgresAddress(url.replacing("://postgres", with: "://no_such_role_here"))
        let nowhere = try PostgresAddress("postgresql://postgres@127.0.0.1:\(try LoopbackSocket.freePort())/postgres")
        let settings = PostgresSettings(applicationName: "test")
        let refused = await Self.failure { () throws(PostgresError) in
            await (try PostgresConnection.open(stranger, settings, on: loop)).close()
        }
        #expect(refused?.kind == .permission)
        let absent = await Self.failure { () throws(PostgresError) in
            await (try PostgresConnection.open(nowhere, settings, on: loop)).close()
        }
        #expect(absent?.kind == .connectionLost)
    }

    @Test func `an address that cannot be read does not repeat itself`() throws {
        let error = #expect(throws: PostgresError.self) { try PostgresAddress("postgresql://u:pass%zzword@h/d") }
        #expect(error.map { "\($0)".contains("word") } == false)
        let address = try PostgresAddress("postgresql://u:secret@a:1,b:2/d")
        #expect(address.description == "u@a:1,b:2/d")
        #expect(address.hosts == ["a", "b"])
    }

    @Test func `a session ended by the server while a statement runs leaves it unknown`() async throws {
        try await withConnection { connection, _ async throws in
            let error = await Self.failure { () throws(PostgresError) in
                _ = try await connection.query("SELECT pg_terminate_backend(pg_backend_pid())")
            }
            #expect(error?.kind == .unknown)
            let next = await Self.failure { () throws(PostgresError) in _ = try await connection.query("SELECT 1") }
            #expect(next?.kind == .connectionLost)
        }
    }

    @Test func `a statement that was cut before its commit left is lost, not unknown`() async throws {
        // Where libpq finds the end of the connection while it writes, it throws away what is left and says that all was
        // written. Then unknown is the careful answer; on a machine with a moment of time it finds the end by reading.
        var kinds: [PostgresError.Kind?] = []
        for _ in 1...10 where kinds.last != .some(.connectionLost) { kinds.append(try await cutWhileSending()?.kind) }
        #expect(kinds.last == .some(.connectionLost) && kinds.dropLast().allSatisfy { $0 == .unknown }, "\(kinds)")
    }

    private func cutWhileSending() async throws -> PostgresError? {
        var cut: PostgresError?
        // Fifty megabytes take their time on a loaded machine, and the time-out is not what this is about.
        try await withProxy("CREATE TABLE t (body text)", settings: { $0.answerTimeout = .seconds(240) }) {
            connection, proxy async throws in
            proxy.set(.stall)
            async let error = Self.failure { () throws(PostgresError) in
                let text = String(repeating: "x", count: 50_000_000)
                _ = try await connection.query("INSERT INTO t VALUES ($1)", [.text(text)])
            }
            // The proxy keeps nothing; what it does not read waits in this process.
            try await eventually("the connection is in use") { await connection.isBusy }
            proxy.cutAll()
            cut = await error
        }
        return cut
    }

    @Test func `a server that stops answering ends the connection after the time-out`() async throws {
        try await withProxy(settings: { $0.answerTimeout = .seconds(1) }) { connection, proxy async throws in
            _ = try await connection.query("SELECT 1")
            proxy.set(.stall)
            let start = MonotonicTime.now
            let error = await Self.failure { () throws(PostgresError) in _ = try await connection.query("SELECT 1") }
            #expect(error?.kind == .unknown)
            #expect(MonotonicTime.now - start < .seconds(4))
        }
    }

    @Test func `a commit whose answer is lost is unknown, a statement before it only lost`() async throws {
        try await withProxy("CREATE TABLE t (n int4)") { connection, proxy async throws in
            let lost = await Self.failure { () throws(PostgresError) in
                try await connection.transaction { transaction throws(PostgresError) in
                    proxy.set(.cutBeforeAnswer)
                    _ = try await transaction.query("INSERT INTO t VALUES (1)")
                }
            }
            #expect(lost?.kind == .connectionLost)
        }
        try await withProxy("CREATE TABLE t (n int4)") { connection, proxy async throws in
            let unknown = await Self.failure { () throws(PostgresError) in
                try await connection.transaction { transaction throws(PostgresError) in
                    _ = try await transaction.query("INSERT INTO t VALUES (1)")
                    proxy.set(.cutBeforeAnswer)
                }
            }
            #expect(unknown?.kind == .unknown)
        }
    }

    @Test func `a cancelled caller is resumed at once and its statement keeps its place`() async throws {
        try await withConnection("CREATE TABLE t (n int4)") { connection, database async throws in
            let other = try await database.connect(on: connection.executor)
            let start = MonotonicTime.now
            let caller = Task {
                await Self.failure { () throws(PostgresError) in
                    _ = try await connection.query("INSERT INTO t SELECT 1 FROM pg_sleep(2)")
                }
            }
            try await eventually("the statement runs") {
                try await other.query(
                    "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
                ).count == 1
            }
            caller.cancel()
            #expect(await caller.value?.kind == .cancelled)
            #expect(MonotonicTime.now - start < .seconds(1.9))
            // The next one waits behind it and sees what it did.
            #expect(try await connection.query("SELECT count(*) FROM t")[0].int64(0) == 1)
            #expect(MonotonicTime.now - start >= .seconds(1.9))
            await other.close()
        }
    }
}
