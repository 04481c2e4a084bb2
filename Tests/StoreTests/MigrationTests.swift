import CaseRouting
import Foundation
import Polling
import Postgres
import TestSupport
import Testing

@testable import Store

@Suite(.serialized) struct MigrationTests {
    private func withConnection(_ body: (TestDatabase, PostgresConnection) async throws -> Void) async throws {
        try await TestDatabase.with { database in
            let executor = PollExecutor(name: "migration-test")
            defer { executor.stop() }
            let connection = try await PostgresConnection.open(
                database.address, .migration(applicationName: "test"), on: executor)
            do {
                try await body(database, connection)
            } catch {
                await connection.close()
                throw error
            }
            await connection.close()
        }
    }

    @Test func `the executable carries every file of the directory as it is`() throws {
        let directory = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../migrations")
        let files = try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
        #expect(Migration.all.map { $0.name + ".sql" } == files)
        for (file, migration) in zip(files, Migration.all) {
            let text = try String(contentsOf: directory.appending(path: file), encoding: .utf8)
            #expect(text == migration.text)
        }
        let numbers = Migration.all.map(\.number)
        #expect(numbers == Set(numbers).sorted())
    }

    @Test func `migrating twice does nothing the second time, also when two do it at once`() async throws {
        try await withConnection { database, connection in
            let second = try await PostgresConnection.open(
                database.address, .migration(applicationName: "test"), on: connection.executor)
            async let one = Migrator().migrate(connection)
            async let two = Migrator().migrate(second)
            let done = try await [one, two]
            await second.close()
            #expect(done.flatMap { $0 } == Migration.all.map(\.name))
            #expect(try await Migrator().migrate(connection) == [])
        }
    }

    @Test func `a file that changed after it was applied is refused`() async throws {
        try await withConnection { _, connection in
            _ = try await Migrator().migrate(connection)
            var changed = Migration.all
            changed[1] = Migration(fileName: "0002_configuration.sql", text: changed[1].text + "\n")
            let error = await #expect(throws: RoutingFailure.self) {
                _ = try await Migrator(changed).migrate(connection)
            }
            #expect(error?.kind == .configuration)
            #expect(error?.summary.contains("0002_configuration") == true)
        }
    }

    @Test func `a file that fails is undone as a whole and keeps what was applied before`() async throws {
        try await withConnection { _, connection in
            let bad = Migration(
                fileName: "\(1_000 + Migration.all.count)_bad.sql",
                text: "CREATE TABLE caserouter.half (a int); SELECT 1 / 0;")
            let error = await #expect(throws: RoutingFailure.self) {
                _ = try await Migrator(Migration.all + [bad]).migrate(connection)
            }
            #expect(error?.kind == .own)
            let rows = try await connection.query(
                "SELECT to_regclass('caserouter.half') IS NULL, count(*)::int4 FROM caserouter.schema_migrations")
            #expect(try rows[0].bool(0))
            #expect(try rows[0].int32(1) == Int32(Migration.all.count))
            #expect(try await Migrator().migrate(connection) == [])
        }
    }

    @Test func `a routing worker's role can do its whole work, and an ingest worker's cannot`() async throws {
        try await StoreFixture.with { fixture in
            for (number, (role, suffices)) in [("caserouter_route", true), ("caserouter_ingest", false)].enumerated() {
                var settings = PostgresSettings(applicationName: "worker")
                settings.role = role
                let connections = PostgresDatabase.forCases(
                    fixture.database.address, settings, on: fixture.executor, sessions: 1)
                Task { await connections.run() }
                try await connections.waitUntilUp(atMost: .seconds(120))
                let store = PostgresCaseStore(connections, worker: role, host: "test", encode: { _ in [] })
                do {
                    try await Self.wholeWork(store, fixture, number + 1)
                    #expect(suffices)
                } catch let error as RoutingFailure {
                    #expect(!suffices, "\(error.summary)")
                    #expect(error.summary.contains("permission denied"))
                }
                await connections.close()
            }
        }
    }

    private static func wholeWork(_ store: PostgresCaseStore, _ fixture: StoreFixture, _ number: Int) async throws {
        let attempt = AttemptID.make(), change = CaseChange.make(.created, of: number, version: 1)
        guard case .claimed(let claim) = try await fixture.take(change, claims: true, attempt: attempt, with: store),
            let won = try await store.win(claim, InteractionID("1"), attempt)
        else { throw StoreFixture.NotClaimed() }
        _ = try await store.recordPlaced(won, workgroup: "Support", skills: "")
        let claims = try await store.claimDue(limit: 5, servers: StoreFixture.servers)
        #expect(claims.isEmpty)
        _ = try await store.takeUnseen(limit: 5)
        _ = try await store.raiseTaken(RequestKey(change))
        let failure = RoutingFailure(.permanent, at: .assign, cause: .cicError, "It did not work.")
        try await store.failPoisonous(RequestKey(change), failure)
        guard
            case .claimed(let second) = try await fixture.take(
                .make(.queueChanged, of: number, version: 2, owner: StoreFixture.otherQueue), claims: true, with: store)
        else { throw StoreFixture.NotClaimed() }
        _ = try await store.beginAssign(second)
        _ = try await store.park(second, failure, delay: .zero)
        _ = try await store.retry(RetryHandle(caseKey: change.caseKey, failureNumber: 1))
        try await store.placeHold(Hold(kind: .cic, name: "x", reason: .breaker, detail: "x"))
        try await store.recordUndecodable(
            UndecodableMessage(reason: "x", length: 0, beginning: [], digest: "x"))
        _ = try await store.end(
            EpisodeEnd(
                episode: won.episodeKey, interaction: InteractionID("1"), attempt: attempt, reason: .ended,
                assignNumber: nil))
    }
}
