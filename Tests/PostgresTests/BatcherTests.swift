import Polling
import Postgres
import TestSupport
import Testing

/// Starts everything in one turn of the loop, as the routing code does.
private actor Crowd {
    nonisolated let executor: PollExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
    init(_ executor: PollExecutor) { self.executor = executor }

    /// Each caller's outcome, in order.
    func run<Output: Sendable>(
        _ count: Int, _ body: @escaping @Sendable (Int) async throws(PostgresError) -> Output
    ) async -> [Result<Output, PostgresError>] {
        await withTaskGroup(of: (Int, Result<Output, PostgresError>).self) { group in
            for number in 0..<count {
                group.addTask(executorPreference: executor) {
                    do throws(PostgresError) {
                        return (number, .success(try await body(number)))
                    } catch {
                        return (number, .failure(error))
                    }
                }
            }
            var results: [Result<Output, PostgresError>?] = .init(repeating: nil, count: count)
            for await (number, result) in group { results[number] = result }
            return results.map { $0! }
        }
    }
}

private func kind<Value>(_ result: Result<Value, PostgresError>) -> PostgresError.Kind? {
    if case .failure(let error) = result { error.kind } else { nil }
}

struct BatcherTests {
    @Test func `callers of one turn share one round trip and one commit`() async throws {
        try await withBatcher(Cases.filled(100), lock: Cases.lock) { batcher, connection, _ async throws in
            // The first use of a statement prepares it in the same round trip.
            let results = await Crowd(batcher.executor).run(300) { number throws(PostgresError) -> Int64? in
                let change = Cases.Change(key: Cases.key(number), n: 1)
                switch number % 3 {
                case 0:
                    return try await batcher.run(
                        Cases.insert, Cases.Change(key: Cases.key(1_000 + number)), key: Cases.key(1_000 + number))
                case 1: return try await batcher.run(Cases.add, change, key: change.key).map(Int64.init)
                default: return try await batcher.run(Cases.read, change, key: change.key).map(Int64.init)
                }
            }
            #expect(results.allSatisfy { kind($0) == nil })
            let statistics = await batcher.statistics
            #expect(statistics.rows == 300)
            #expect(statistics.roundTrips == statistics.commits)
            // The loop may hold a turn in the middle of three hundred submissions.
            #expect(statistics.commits <= 3)
            let transactions = try Set(
                stride(from: 0, to: 300, by: 3).map { try results[$0].get()! })
            #expect(transactions.count <= statistics.commits)
            // The server saw no more: every row written has one of these transactions' ids.
            let writers = try await connection.query(
                "SELECT count(DISTINCT xmin::text) FROM cases WHERE n = 1 OR id ~ '....$'")
            #expect(try writers[0].int64(0) <= Int64(statistics.commits) + 1)
        }
    }

    @Test func `each caller has the row that answers it, or none, and two are an error`() async throws {
        try await withBatcher(Cases.filled(50), lock: Cases.lock) { batcher, _, _ async throws in
            let crowd = Crowd(batcher.executor)
            let added = await crowd.run(100) { number throws(PostgresError) in
                let change = Cases.Change(key: Cases.key(99 - number), n: Int32(number))
                return try await batcher.run(Cases.add, change, key: change.key)
            }
            for (number, result) in added.enumerated() {
                #expect(try result.get() == (99 - number < 50 ? Int32(number) : nil))
            }
            let series = await crowd.run(3) { number throws(PostgresError) in
                try await batcher.run(Cases.series, Cases.Change(key: Cases.key(0), n: Int32(number)))
            }
            #expect(try series[0].get() == nil)
            #expect(try series[1].get() == "shared1")
            #expect(kind(series[2]) == .decoding)
        }
    }

    @Test func `a key is written once per flush, in the order of submission`() async throws {
        try await withBatcher(Cases.filled(2), lock: Cases.lock) { batcher, connection, _ async throws in
            let results = await Crowd(batcher.executor).run(20) { number throws(PostgresError) in
                let change = Cases.Change(key: Cases.key(0), n: 1, text: "\(number),")
                return try await batcher.run(number % 5 == 4 ? Cases.read : Cases.add, change, key: change.key)
            }
            // A read after a write of its key has its place too.
            let numbers = try results.map { try $0.get()! }
            let expected: [Int32] = [1, 2, 3, 4, 4, 5, 6, 7, 8, 8, 9, 10, 11, 12, 12, 13, 14, 15, 16, 16]
            #expect(numbers == expected)
            let log = try await connection.query("SELECT log FROM cases WHERE id = 'case0'")[0].text(0)
            #expect(log == "0,1,2,3,5,6,7,8,10,11,12,13,15,16,17,18,")
            #expect(await batcher.statistics.commits >= 16)
        }
    }

    // MARK: Failures

    @Test(arguments: [0, 31, 99]) func `a bad row fails alone`(bad: Int) async throws {
        try await withBatcher(Cases.filled(50), lock: Cases.lock) { batcher, connection, _ async throws in
            let results = await Crowd(batcher.executor).run(100) { number throws(PostgresError) in
                let change = Cases.Change(key: Cases.key(number), n: number == bad ? 1_000 : 1)
                if number < 50 { return try await batcher.run(Cases.add, change, key: change.key) }
                return try await batcher.run(Cases.insert, change, key: change.key).map { _ in 1 }
            }
            for (number, result) in results.enumerated() {
                #expect(kind(result) == (number == bad ? .constraint("small") : nil))
            }
            let rows = try await connection.query("SELECT count(*) FROM cases WHERE n = 1")
            #expect(try rows[0].int64(0) == 99)
            #expect(await batcher.statistics.repeats > 0)
        }
    }

    @Test func `several bad rows fail alone, at the commit too`() async throws {
        let late = Cases.filled(64) + "ALTER TABLE cases ADD CONSTRAINT late UNIQUE (log) DEFERRABLE INITIALLY DEFERRED"
        try await withBatcher(late.replacing("log text DEFAULT ''", with: "log text"), lock: Cases.lock) {
            batcher, connection, _ async throws in
            _ = try await connection.query("UPDATE cases SET log = 'taken' WHERE id = 'case63'")
            _ = try await connection.query("UPDATE cases SET log = '' WHERE log IS NULL AND false")
            let results = await Crowd(batcher.executor).run(60) { number throws(PostgresError) in
                let text = number % 20 == 3 ? "taken" : "mine\(number)"
                let change = Cases.Change(key: Cases.key(100 + number), n: number == 40 ? 5_000 : 1, text: text)
                return try await batcher.run(Cases.insert, change, key: change.key)
            }
            for (number, result) in results.enumerated() {
                let expected: PostgresError.Kind? =
                    number == 40 ? .constraint("small") : number % 20 == 3 ? .constraint("late") : nil
                #expect(kind(result) == expected)
            }
        }
    }

    @Test func `a statement with a mistake fails its own callers only`() async throws {
        try await withBatcher(Cases.filled(10), lock: Cases.lock) { batcher, _, _ async throws in
            let results = await Crowd(batcher.executor).run(10) { number throws(PostgresError) in
                let change = Cases.Change(key: Cases.key(number), n: 1)
                return try await batcher.run(number == 4 ? Cases.wrong : Cases.add, change, key: change.key)
            }
            for (number, result) in results.enumerated() {
                if number == 4 { #expect(kind(result) == .other) } else { #expect(try result.get() == 1) }
            }
        }
    }

    @Test func `two processes that change the same rows in opposite orders never deadlock`() async throws {
        try await withBatcher(Cases.filled(40), lock: Cases.lock) { first, connection, database async throws in
            let other = PollExecutor(name: "other")
            defer { other.stop() }
            let connection2 = try await database.connect(on: other)
            let second = Batcher(on: other, lock: Cases.lock)
            await second.attach(connection2)
            let before = try await deadlocks(connection)
            await withTaskGroup(of: [Result<Int32?, PostgresError>].self) { group in
                for (batcher, reversed) in [(first, false), (second, true)] {
                    group.addTask {
                        await Crowd(batcher.executor).run(3_000) { number throws(PostgresError) in
                            let place = (number * 7 + number / 40) % 40
                            let key = Cases.key(reversed ? 39 - place : place)
                            let change = Cases.Change(key: key, n: 1)
                            let operation = (number % 2 == 0) == reversed ? Cases.add : Cases.subtract
                            return try await batcher.run(operation, change, key: key)
                        }
                    }
                }
                for await results in group {
                    #expect(results.allSatisfy { kind($0) == nil })
                }
            }
            #expect(await first.statistics.repeats + second.statistics.repeats == 0)
            _ = try await connection2.query("SELECT pg_stat_force_next_flush()")
            await second.close()
            await connection2.close()
            #expect(try await deadlocks(connection) == before)
            #expect(try await connection.query("SELECT sum(n)::int8 FROM cases")[0].int64(0) == 0)
        }
    }

    private func deadlocks(_ connection: PostgresConnection) async throws -> Int64 {
        _ = try await connection.query("SELECT pg_stat_force_next_flush()")
        return try await connection.query(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")[0].int64(0)
    }

    @Test func `a commit whose answer is lost is unknown to its callers, and what waited did not happen`() async throws
    {
        try await withProxy(Cases.table) { connection, proxy async throws in
            let batcher = Batcher(on: connection.executor, lock: Cases.lock)
            await batcher.attach(connection)
            _ = try await batcher.run(Cases.insert, Cases.Change(key: Cases.key(0)), key: Cases.key(0))
            proxy.set(.cutBeforeAnswer)
            let crowd = Crowd(batcher.executor)
            // The same key twice: the second waits for the next flush.
            let results = await crowd.run(2) { number throws(PostgresError) in
                try await batcher.run(
                    Cases.insert, Cases.Change(key: Cases.key(1), n: Int32(number)), key: Cases.key(1))
            }
            #expect(kind(results[0]) == .unknown)
            #expect(kind(results[1]) == .connectionLost)
            let later = await crowd.run(1) { _ throws(PostgresError) in
                try await batcher.run(Cases.read, Cases.Change(key: Cases.key(0)))
            }
            #expect(kind(later[0]) == .connectionLost)
            await batcher.close()
        } afterwards: { connection async throws in
            let rows = try await connection.query("SELECT n FROM cases ORDER BY id")
            #expect(rows.count == 2, "the lost commit was one")
            #expect(try rows[1].int32(0) == 0)
        }
    }

    // MARK: Bounds

    @Test func `a cancelled caller that waits is dropped, one that was sent is resumed at once`() async throws {
        try await withBatcher(Cases.filled(3), lock: Cases.lock) { batcher, connection, _ async throws in
            let start = MonotonicTime.now
            let slow = Task {
                await Crowd(batcher.executor).run(1) { _ throws(PostgresError) in
                    let change = Cases.Change(key: Cases.key(0), n: 1)
                    return try await batcher.run(Cases.addSlowly, change, key: change.key)
                }
            }
            try await eventually("the flush has left") { await batcher.statistics.flushes == 1 }
            let waiting = Task {
                await Crowd(batcher.executor).run(1) { _ throws(PostgresError) in
                    try await batcher.run(Cases.add, Cases.Change(key: Cases.key(1), n: 1), key: Cases.key(1))
                }
            }
            try await Task.sleep(for: .milliseconds(50))
            slow.cancel()
            waiting.cancel()
            #expect(kind(await slow.value[0]) == .cancelled)
            #expect(kind(await waiting.value[0]) == .cancelled)
            #expect(MonotonicTime.now - start < .milliseconds(900))
            let change = Cases.Change(key: Cases.key(2), n: 5)
            #expect(try await batcher.run(Cases.add, change, key: change.key) == 5)
            #expect(MonotonicTime.now - start >= .milliseconds(950))
            let rows = try await connection.query("SELECT n FROM cases ORDER BY id")
            #expect(try rows.map { row throws(PostgresError) in try row.int32(0) } == [1, 0, 5])
        }
    }

    @Test func `more callers than may wait are refused, and no flush has more rows than it may`() async throws {
        var limits = Batcher.Limits()
        limits.waiting = 50
        limits.rowsPerFlush = 10
        try await withBatcher(Cases.filled(60), lock: Cases.lock, limits: limits) { batcher, _, _ async throws in
            let results = await Crowd(batcher.executor).run(60) { number throws(PostgresError) in
                try await batcher.run(
                    Cases.add, Cases.Change(key: Cases.key(number), n: 1), key: Cases.key(number))
            }
            let refused = results.count { kind($0) == .overloaded }
            #expect(refused <= 10)
            #expect(results.count { kind($0) == nil } == 60 - refused)
            let statistics = await batcher.statistics
            #expect(statistics.commits >= 5)
            #expect(statistics.rows <= statistics.commits * 10)
        }
    }

    @Test func `a Batcher without a connection refuses at once`() async throws {
        let loop = PollExecutor(name: "test")
        defer { loop.stop() }
        let batcher = Batcher(on: loop)
        let results = await Crowd(loop).run(1) { _ throws(PostgresError) in
            try await batcher.run(Cases.read, Cases.Change(key: Cases.key(0)))
        }
        #expect(kind(results[0]) == .connectionLost)
    }
}
