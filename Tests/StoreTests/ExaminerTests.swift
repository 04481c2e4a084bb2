import CaseRouting
import Foundation
import Operations
import Polling
import Postgres
import Store
import TestSupport
import Testing

/// Each fault of a database that doctor can see from outside, and the line that finds it.
@Suite struct ExaminerTests {
    private struct Clock: RoutingClock {
        var off: Duration = .zero
        var monotonic: Duration { .zero }
        var wall: CaseRouting.Timestamp {
            CaseRouting.Timestamp(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000)) + off
        }
        func sleep(for duration: Duration) async throws(CancellationError) {}
    }

    private static func examine(_ fixture: StoreFixture, off: Duration = .zero) async throws -> [DoctorLine] {
        await PostgresExaminer(
            fixture.connections, address: fixture.database.address, clock: Clock(off: off)
        ).examine()
    }

    private static func line(_ check: DoctorCheck, _ lines: [DoctorLine]) throws -> DoctorLine {
        try #require(lines.first { $0.check == check }, "\(lines)")
    }

    @Test func `a migrated database has no failure, and every check is made`() async throws {
        try await StoreFixture.with { fixture in
            _ = try await fixture.connections.query(
                "SELECT set_config('synchronous_commit', 'on', false), caserouter.maintain_partitions('requests', 90)")
            _ = try await fixture.connections.query("SELECT caserouter.maintain_partitions('attempts', 90)")
            let lines = try await Self.examine(fixture)
            #expect(!lines.contains { $0.verdict == .failure }, "\(lines.filter { $0.verdict != .ok })")
            for check in DoctorCheck.allCases where check.rawValue.hasPrefix("database-") {
                #expect(lines.contains { $0.check == check }, "\(check)")
            }
            #expect(try Self.line(.databaseSchema, lines).sentence.contains(Migration.all.last?.name ?? "?"))
        }
    }

    @Test func `commits that a crash loses are a failure`() async throws {
        try await StoreFixture.with { fixture in
            _ = try await fixture.connections.query("SELECT set_config('synchronous_commit', 'off', false)")
            let line = try Self.line(.databaseCommit, try await Self.examine(fixture))
            #expect(line.verdict == .failure && line.remedy?.contains("synchronous_commit") == true)
        }
    }

    /// What a server of another kind says of itself, by functions that are found before its own.
    @Test(arguments: [
        ("server_version_num", "140011", DoctorCheck.databaseVersion, DoctorLine.Verdict.failure, "is older than 15"),
        ("full_page_writes", "off", .databaseDurability, .warning, "full_page_writes is off"),
        ("max_connections", "4", .databaseConnections, .warning, "connections are in use"),
        ("synchronous_standby_names", "standby-1", .databaseCommit, .warning, "the standby does not have yet"),
    ])
    func `a server that is too old, too small or forgets is told`(
        _ setting: String, _ value: String, _ check: DoctorCheck, _ verdict: DoctorLine.Verdict, _ word: String
    ) async throws {
        try await StoreFixture.with { fixture in
            try await fixture.sql.execute(
                script: """
                    CREATE SCHEMA other;
                    CREATE FUNCTION other.current_setting(name text) RETURNS text LANGUAGE sql STABLE AS
                    $$ SELECT CASE WHEN name = '\(setting)' THEN '\(value)' ELSE pg_catalog.current_setting(name) END $$;
                    """, name: "another server")
            _ = try await fixture.connections.query(
                """
                SELECT set_config('search_path', 'other, pg_catalog', false),
                    set_config('synchronous_commit', 'local', false)
                """)
            let line = try Self.line(check, try await Self.examine(fixture))
            #expect(line.verdict == verdict && line.sentence.contains(word), "\(line)")
            #expect(line.remedy == check.remedy)
        }
    }

    @Test func `a server that may forget what was written, and one that takes no writes, are told`() async throws {
        try await PrivatePostgres.with { server in
            try await TestDatabase.with(on: server.url) { database in
                func examine() async throws -> [DoctorLine] {
                    try await DatabaseUse.with(database.address) {
                        await PostgresExaminer($0, address: database.address, clock: Clock()).examine()
                    }
                }
                // It runs with fsync off, as tests may and nothing else.
                var lines = try await examine()
                #expect(try Self.line(.databaseDurability, lines).verdict == .warning, "\(lines)")
                #expect(try Self.line(.databaseWritable, lines).verdict == .ok)
                try await DatabaseUse.with(database.address) {
                    try await $0.waitUntilUp(atMost: .seconds(120))
                    _ = try await $0.query(
                        "ALTER DATABASE \(database.name) SET default_transaction_read_only = on", name: "read-only")
                }
                lines = try await examine()
                #expect(try Self.line(.databaseWritable, lines).verdict == .failure, "\(lines)")
            }
            try await server.withStandby { standby in
                let address = try PostgresAddress(standby.url)
                try await DatabaseUse.with(address) {
                    let lines = await PostgresExaminer($0, address: address, clock: Clock()).examine()
                    let line = try Self.line(.databaseWritable, lines)
                    #expect(line.verdict == .failure && line.sentence.contains("a standby"), "\(lines)")
                    #expect(line.remedy?.contains("name all servers of the cluster") == true)
                }
            }
            try await server.stop()
            let address = try PostgresAddress(server.url)
            try await DatabaseUse.with(address) {
                let lines = await PostgresExaminer($0, address: address, clock: Clock()).examine()
                #expect(lines.map(\.check) == [.databaseReachable] && lines.first?.verdict == .failure, "\(lines)")
            }
        }
    }

    @Test func `a server without a session left for the log-in is told, with what to do`() async throws {
        try await StoreFixture.with { fixture in
            let role = "crowded_\(UInt32.random(in: 0 ... .max))"
            _ = try await fixture.sql.query("CREATE ROLE \(role) LOGIN PASSWORD 'crowded' CONNECTION LIMIT 0")
            let url = fixture.database.url.replacing(/\/\/[^@]*@/, with: "//\(role):crowded@")
            let address = try PostgresAddress(url)
            try await DatabaseUse.with(address) {
                let lines = await PostgresExaminer($0, address: address, clock: Clock()).examine()
                #expect(lines.map(\.check) == [.databaseReachable, .databaseConnections], "\(lines)")
                #expect(lines.allSatisfy { $0.verdict == .failure }, "\(lines)")
                #expect(lines.last?.remedy?.contains("raise max_connections") == true, "\(lines)")
            }
            _ = try await fixture.sql.query("DROP ROLE \(role)")
        }
    }

    @Test func `a session without TLS is a warning when the database is on another machine`() async throws {
        try await StoreFixture.with { fixture in
            let elsewhere = try PostgresAddress("postgresql://u@db.example:5432/d?sslmode=prefer")
            let lines = await PostgresExaminer(fixture.connections, address: elsewhere, clock: Clock()).examine()
            let line = try Self.line(.databaseTLS, lines)
            #expect(line.verdict == .warning && line.remedy?.contains("sslmode=verify-full") == true, "\(line)")
        }
    }

    @Test func `an older and a newer schema are told apart`() async throws {
        try await StoreFixture.with { fixture in
            _ = try await fixture.sql.query(
                "INSERT INTO caserouter.schema_migrations (number, name, sha256) VALUES (9999, '9999_later', 'x')")
            var line = try Self.line(.databaseSchema, try await Self.examine(fixture))
            #expect(line.verdict == .warning && line.sentence.contains("9999_later"))
            _ = try await fixture.sql.query("DELETE FROM caserouter.schema_migrations WHERE number IN (9999, 2)")
            line = try Self.line(.databaseSchema, try await Self.examine(fixture))
            #expect(line.verdict == .failure && line.sentence.contains("0002_configuration is missing"))
            #expect(line.remedy?.contains("caserouter migrate") == true)
        }
    }

    @Test func `a right that was taken from a role is named`() async throws {
        try await StoreFixture.with { fixture in
            _ = try await fixture.sql.query("REVOKE UPDATE ON caserouter.cases FROM caserouter_route")
            let line = try Self.line(.databaseRights, try await Self.examine(fixture))
            #expect(line.verdict == .failure)
            #expect(line.sentence == "caserouter_route lacks UPDATE on caserouter.cases")
        }
    }

    @Test func `missing partitions and clocks that differ are told`() async throws {
        try await StoreFixture.with { fixture in
            let tomorrow = try await fixture.sql.query(
                "SELECT 'attempts_' || to_char((now() AT TIME ZONE 'UTC')::date + 1, 'YYYYMMDD')")[0].text(0)
            try await fixture.sql.execute(script: "DROP TABLE caserouter.\(tomorrow)", name: "drop a partition")
            var lines = try await Self.examine(fixture, off: .seconds(-40))
            #expect(try Self.line(.databasePartitions, lines).sentence.hasPrefix("missing: attempts_"))
            let line = try Self.line(.databaseClock, lines)
            #expect(line.verdict == .warning && line.sentence.contains(" s behind the database's"), "\(line)")
            lines = try await Self.examine(fixture, off: .seconds(40))
            #expect(try Self.line(.databaseClock, lines).sentence.contains(" s before the database's"))
        }
    }

    @Test func `a database without tables, and one that is away, are told apart`() async throws {
        try await TestDatabase.with { database in
            try await DatabaseUse.with(database.address) { connections in
                let examiner = PostgresExaminer(connections, address: database.address, clock: Clock())
                let line = try Self.line(.databaseSchema, await examiner.examine())
                #expect(line.verdict == .failure && line.sentence == "there are no tables of Case Router")
            }
        }
    }

    @Test func `how the newest rows came is counted`() async throws {
        try await StoreFixture.with { fixture in
            _ = try await fixture.sql.query(
                """
                INSERT INTO caserouter.requests (day, org, event_key, case_id, version, version_epoch, change, body,
                    outbox_row, found, occurred_at, received_at)
                SELECT (now() AT TIME ZONE 'UTC')::date, 'acme', 'o:' || n, '500000000000001AAA', n, 1, 'created', '', 'a0R',
                    CASE WHEN n < 3 THEN 'stream' ELSE 'sweep' END, now(), now() - interval '10 minutes'
                FROM generate_series(1, 5) n
                """)
            let examiner = PostgresExaminer(
                fixture.connections, address: fixture.database.address, clock: Clock())
            let arrivals = try await examiner.arrivals(org: "acme")
            #expect(arrivals == EventArrivals(isHeld: false, byEvent: 2, bySweep: 3))
        }
    }

    @Test func `the key file and what is sealed under it are looked at`() async throws {
        try await StoreFixture.with { fixture in
            let file = FileManager.default.temporaryDirectory.appending(path: "doctor-\(UUID().uuidString)").path
            defer { unlink(file) }
            var found = await StoredCredentials(fixture.connections, keyFile: file).examine()
            #expect(found.map(\.verdict) == [.failure])
            _ = try MasterKeys.generate(file: file)
            let stored = StoredCredentials(fixture.connections, keyFile: file)
            found = await stored.examine()
            #expect(found.map(\.verdict) == [.ok], "\(found)")
            #expect(await stored.open("org:acme").lines.map(\.check) == [.credentialStored])

            let keys = try MasterKeys(file: file)
            try await CredentialStore(database: fixture.connections, keys: keys).set(
                "org:acme", secret: [1, 2], by: Author(name: "a", host: "h"))
            var opened = await stored.open("org:acme")
            #expect(opened.secret == [1, 2] && opened.lines.map(\.verdict) == [.ok])
            _ = try MasterKeys.addKey(file: file)
            opened = await StoredCredentials(fixture.connections, keyFile: file).open("org:acme")
            #expect(opened.lines.first?.remedy == "caserouter keys rotate")
            unlink(file)
            _ = try MasterKeys.generate(file: file)
            opened = await StoredCredentials(fixture.connections, keyFile: file).open("org:acme")
            #expect(opened.secret == nil && opened.lines.map(\.check) == [.credentialOpens])
            chmod(file, 0o644)
            found = await StoredCredentials(fixture.connections, keyFile: file).examine()
            #expect(found.first?.sentence.contains("can be read by others") == true)
        }
    }
}

/// A database opened for one test.
private enum DatabaseUse {
    static func with<Value>(
        _ address: PostgresAddress, _ body: (PostgresDatabase) async throws -> Value
    ) async throws -> Value {
        let loop = PollExecutor(name: "doctor-test")
        defer { loop.stop() }
        let database = PostgresDatabase(
            address, PostgresSettings(applicationName: "doctor-test"), on: loop, sessions: 1)
        // Ends when the database is closed.
        Task { await database.run() }
        do {
            let value = try await body(database)
            await database.close()
            return value
        } catch {
            await database.close()
            throw error
        }
    }
}
