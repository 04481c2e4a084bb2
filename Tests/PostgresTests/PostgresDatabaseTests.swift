import Polling
import Postgres
import Synchronization
import TestSupport
import Testing

@Suite(.serialized)
struct PostgresDatabaseTests {
    /// Runs `body` beside a database's `run`, and ends both.
    private func withDatabase(
        _ url: String, admission: PostgresDatabase.Admission? = nil, lock: BatchLock? = nil,
        _ body: (PostgresDatabase) async throws -> Void
    ) async throws {
        let loop = PollExecutor(name: "test")
        defer { loop.stop() }
        let database = PostgresDatabase(
            try PostgresAddress(url), PostgresSettings(applicationName: "test"), on: loop, lock: lock,
            admission: admission)
        async let life: Void = database.run()
        do {
            try await body(database)
        } catch {
            await database.close()
            await life
            throw error
        }
        await database.close()
        await life
    }

    private func answer(_ database: PostgresDatabase) async throws -> Int32 {
        try await database.query("SELECT 1::int4")[0].int32(0)
    }

    @Test func `sessions come back after the server was restarted, killed and failed over`() async throws {
        try await PrivatePostgres.with { server async throws in
            try await withDatabase(server.url) { database async throws in
                var timelines = database.timelineChanges.makeAsyncIterator()
                try await database.waitUntilUp(atMost: .seconds(120))
                #expect(try await answer(database) == 1)
                #expect(await timelines.next() == "00000001")
                _ = try await database.query("CREATE TABLE cases (id text)")

                try await server.stop()
                try await eventually("it is down") { await !database.isUp }
                let start = MonotonicTime.now
                let down = await #expect(throws: PostgresError.self) { try await answer(database) }
                #expect(down?.kind == .connectionLost)
                let batch = await #expect(throws: PostgresError.self) {
                    try await database.batcher.run(Cases.read, Cases.Change(key: Cases.key(0)))
                }
                #expect(batch?.kind == .connectionLost)
                #expect(MonotonicTime.now - start < .seconds(1))
                #expect(await database.lastError != nil)
                try await server.start()
                try await database.waitUntilUp(atMost: .seconds(120))
                #expect(try await answer(database) == 1)

                try await server.kill()
                try await eventually("it is down") { await !database.isUp }
                try await server.start()
                try await database.waitUntilUp(atMost: .seconds(120))
                #expect(try await answer(database) == 1)
                #expect(await database.timeline == "00000001")

                try await server.failOver()
                try await eventually("the new timeline is seen") { await database.timeline == "00000002" }
                #expect(await timelines.next() == "00000002")
                try await database.waitUntilUp(atMost: .seconds(120))
                #expect(try await answer(database) == 1)
            }
        }
    }

    @Test func `a server without a session left is told from one that is away, and what to do is said`() async throws {
        try await PrivatePostgres.with { server async throws in
            let loop = PollExecutor(name: "test")
            defer { loop.stop() }
            let address = try PostgresAddress(server.url)
            let settings = PostgresSettings(applicationName: "test")
            var sessions: [PostgresConnection] = []
            var refusal: PostgresError?
            while refusal == nil, sessions.count < 100 {
                do throws(PostgresError) {
                    sessions.append(try await PostgresConnection.open(address, settings, on: loop))
                } catch {
                    refusal = error
                }
            }
            #expect(refusal?.isOutOfSessions == true && refusal?.kind == .connectionLost)
            #expect(refusal?.text.contains("too many clients already: no session is left") == true, "\(refusal as Any)")
            // Of the last places, which only a superuser is given, an ordinary log-in is told in other words.
            let first = try #require(sessions.first)
            _ = try await first.query("CREATE ROLE ordinary LOGIN")
            await sessions.removeLast().close()
            let ordinary = try PostgresAddress(server.url.replacing("postgres@", with: "ordinary@"))
            try await eventually("the place is free, and not for everybody") {
                do throws(PostgresError) {
                    await (try PostgresConnection.open(ordinary, settings, on: loop)).close()
                    return false
                } catch {
                    return error.isOutOfSessions && error.text.contains("reserved")
                }
            }
            for session in sessions { await session.close() }
        }
    }

    @Test func `a session is looked at before anything uses it`() async throws {
        try await TestDatabase.with { test async throws in
            let refusing = Mutex(true)
            let seen = Mutex(0)
            let admission: PostgresDatabase.Admission = { connection throws(PostgresError) in
                _ = try await connection.query("SELECT 1")
                seen.withLock { $0 += 1 }
                if refusing.withLock({ $0 }) { throw PostgresError(.other, "admission", "not yet") }
            }
            try await withDatabase(test.url, admission: admission) { database async throws in
                try await eventually("it was asked") { seen.withLock { $0 } >= 4 }
                #expect(await !database.isUp)
                #expect(await database.lastError?.text == "not yet")
                await #expect(throws: PostgresError.self) { try await database.waitUntilUp(atMost: .milliseconds(20)) }
                refusing.withLock { $0 = false }
                try await database.waitUntilUp(atMost: .seconds(120))
                #expect(try await answer(database) == 1)
            }
        }
    }

    @Test func `statements, transactions and batches work side by side`() async throws {
        try await TestDatabase.with(Cases.filled(20)) { test async throws in
            try await withDatabase(test.url, lock: Cases.lock) { database async throws in
                try await database.waitUntilUp(atMost: .seconds(120))
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<20 {
                        group.addTask {
                            _ = try await database.batcher.run(
                                Cases.add, Cases.Change(key: Cases.key(number), n: 1), key: Cases.key(number))
                        }
                        group.addTask { _ = try await database.query("SELECT $1", [.int4(1)]) }
                        group.addTask {
                            try await database.transaction { transaction throws(PostgresError) in
                                _ = try await transaction.query(
                                    "UPDATE cases SET n = n + 1 WHERE id = $1", [.text("case\(number)")])
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                let rows = try await database.query("SELECT sum(n)::int8 FROM cases")
                #expect(try rows[0].int64(0) == 40)
            }
        }
    }

    @Test func `cancelling its run closes the database`() async throws {
        let loop = PollExecutor(name: "test")
        defer { loop.stop() }
        let database = PostgresDatabase(
            try PostgresAddress(try TestDatabase.serverURL()), PostgresSettings(applicationName: "test"), on: loop)
        let life = Task { await database.run() }
        try await database.waitUntilUp(atMost: .seconds(120))
        life.cancel()
        await life.value
        let error = await #expect(throws: PostgresError.self) { try await answer(database) }
        #expect(error?.kind == .connectionLost)
    }
}
