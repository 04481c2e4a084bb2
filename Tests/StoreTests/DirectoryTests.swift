import CaseRouting
import Testing

@testable import Store

/// The mirror of a CIC server's names.
@Suite(.serialized) struct DirectoryTests {
    private static let support = CICDirectory.WorkgroupEntry(
        name: "Support", isActive: true, hasQueue: true, isACD: true, takesEmail: true)
    private static let holding = CICDirectory.WorkgroupEntry(
        name: "Hölding; \"x\"", isActive: false, hasQueue: true, isACD: false, takesEmail: false)

    @Test func `the mirror holds what CIC told, and says how old it is`() async throws {
        try await StoreFixture.with { fixture in
            let directory = PostgresDirectory(fixture.connections)
            #expect(try await directory.mirror(cic: "main") == nil)
            let told = CICDirectory(workgroups: [Self.holding, Self.support], skills: ["English"], users: ["anna"])
            try await directory.replace(cic: "main", told)
            #expect(try await directory.mirror(cic: "main")?.directory == told)
            try await fixture.run("UPDATE caserouter.directory_reads SET read_at = now() - interval '90 seconds'")
            let age = try #require(try await directory.mirror(cic: "main")?.age)
            #expect(age >= .seconds(90) && age < .seconds(150))
            try await directory.replace(
                cic: "main", CICDirectory(workgroups: [], skills: [], users: []))
            #expect(try await directory.mirror(cic: "main")?.directory.workgroups.isEmpty == true)
        }
    }

    @Test func `what is the same is not written again, and what changes is told to the workers`() async throws {
        try await StoreFixture.with { fixture in
            let directory = PostgresDirectory(fixture.connections)
            #expect(try await directory.standings()["main"]?.namesChangedAt == nil)
            var told = CICDirectory(workgroups: [Self.support], skills: ["English"], users: [])
            try await directory.replace(cic: "main", told)
            let first = try #require(try await directory.standings()["main"]?.namesChangedAt)
            let version = "SELECT string_agg(xmin::text, ',' ORDER BY kind, name) FROM caserouter.directory"
            let written = try await fixture.text(version)
            try await directory.replace(cic: "main", told)
            #expect(try await directory.standings()["main"]?.namesChangedAt == first)
            #expect(try await fixture.text(version) == written)
            told.skills = []
            try await directory.replace(cic: "main", told)
            let second = try #require(try await directory.standings()["main"]?.namesChangedAt)
            #expect(second > first)
        }
    }

    @Test func `a standing is the server in force and its holds, at one moment`() async throws {
        try await StoreFixture.with { fixture in
            let directory = PostgresDirectory(fixture.connections)
            let watch = PostgresWatchStore(fixture.connections, cases: fixture.store, worker: "test")
            #expect(try await directory.standings()["main"]?.server == WatchedServer(identity: nil, holds: []))
            try await watch.raiseEpoch(cic: "main", identity: "one")
            try await watch.placeHold(Hold(kind: .cic, name: "main", reason: .switchover, detail: "-"))
            #expect(
                try await directory.standings()["main"]?.server
                    == WatchedServer(identity: "one", holds: [.switchover]))
        }
    }

    /// A workgroup that was made late, after its queue's cases of a day had failed.
    @Test func `names that very many failed cases lack are stored all the same`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.run(
                """
                INSERT INTO caserouter.cases (
                    org, case_id, case_number, revision, applied_revision, version_epoch, owner, want_cic, want_workgroup,
                    acts_on_cic, attempts, failure_kind, failure_cause, failure_number, failed_at)
                SELECT 'acme', '500' || lpad(n::text, 12, '0') || 'AAA', n::text, 2, 1, 1, '\(StoreFixture.queue)', 'main',
                    'Support', 'main', 8, 'configuration', 'workgroup-unknown', 1, now()
                FROM generate_series(1, 3000) n
                """)
            let directory = PostgresDirectory(fixture.connections)
            try await directory.replace(
                cic: "main", CICDirectory(workgroups: [Self.support], skills: [], users: []))
            // They are sent again at a rate, not all at once, and by housekeeping, so that nothing keeps names waiting.
            #expect(try await fixture.number("SELECT count(*) FROM caserouter.failed_requests") == 3_000)
            #expect(try await fixture.number("SELECT count(*) FROM caserouter.repairs WHERE name = 'Support'") == 1)
        }
    }
}
