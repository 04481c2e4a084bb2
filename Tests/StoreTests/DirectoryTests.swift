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
            try await directory.replace(cic: "main", told, by: "test")
            #expect(try await directory.mirror(cic: "main")?.directory == told)
            try await fixture.run("UPDATE caserouter.directory_reads SET read_at = now() - interval '90 seconds'")
            let age = try #require(try await directory.mirror(cic: "main")?.age)
            #expect(age >= .seconds(90) && age < .seconds(150))
            try await directory.replace(
                cic: "main", CICDirectory(workgroups: [], skills: [], users: []), by: "test")
            #expect(try await directory.mirror(cic: "main")?.directory.workgroups.isEmpty == true)
        }
    }

    @Test func `what is the same is not written again, and what changes is told to the workers`() async throws {
        try await StoreFixture.with { fixture in
            let directory = PostgresDirectory(fixture.connections)
            #expect(try await directory.standings()["main"]?.namesChangedAt == nil)
            var told = CICDirectory(workgroups: [Self.support], skills: ["English"], users: [])
            try await directory.replace(cic: "main", told, by: "test")
            let first = try #require(try await directory.standings()["main"]?.namesChangedAt)
            let version = "SELECT string_agg(xmin::text, ',' ORDER BY kind, name) FROM caserouter.directory"
            let written = try await fixture.text(version)
            try await directory.replace(cic: "main", told, by: "test")
            #expect(try await directory.standings()["main"]?.namesChangedAt == first)
            #expect(try await fixture.text(version) == written)
            told.skills = []
            try await directory.replace(cic: "main", told, by: "test")
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

    private func fail(
        _ fixture: StoreFixture, _ number: Int, _ cause: FailureCause, skills: String = ""
    ) async throws {
        let claim = try await fixture.claim(.make(.created, of: number, version: 1, skills: skills))
        let failure = RoutingFailure(.configuration, at: .resolve, cause: cause, "There is no such name.")
        #expect(try await fixture.store.park(claim, failure, delay: .zero))
    }

    private func failed(_ fixture: StoreFixture) async throws -> [String] {
        try await fixture.sql.query("SELECT case_number FROM caserouter.failed_requests ORDER BY case_number").map {
            try $0.text(0)
        }
    }

    @Test func `cases that failed for want of a name become due when the name is there`() async throws {
        try await StoreFixture.with { fixture in
            let directory = PostgresDirectory(fixture.connections)
            try await fixture.run(
                "INSERT INTO caserouter.aliases (cic, kind, name, means) VALUES ('main', 'skill', 'fr', 'French')")
            try await fail(fixture, 1, .workgroupUnknown)
            try await fail(fixture, 2, .skillUnknown, skills: "English; fr")
            try await fail(fixture, 3, .skillUnknown, skills: "Klingon")
            try await fail(fixture, 4, .cicForbidden)
            #expect(try await failed(fixture) == ["1", "2", "3", "4"])

            var told = CICDirectory(workgroups: [Self.support], skills: [], users: [])
            #expect(try await directory.replace(cic: "main", told, by: "test") == 1)
            #expect(try await failed(fixture) == ["2", "3", "4"])
            told.skills = ["French"]
            #expect(try await directory.replace(cic: "main", told, by: "test") == 1)
            #expect(try await failed(fixture) == ["3", "4"])
            #expect(try await directory.replace(cic: "main", told, by: "test") == 0)
            #expect(
                try await fixture.number("SELECT count(*) FROM caserouter.audit WHERE actor = 'directory of main'") == 2
            )
            #expect(try await fixture.store.claimDue(limit: 10, servers: ["main"]).count == 2)

            // It is there and cannot be used, until somebody makes it an ACD workgroup.
            try await fixture.run("UPDATE caserouter.cases SET lease_until = NULL")
            try await fail(fixture, 5, .workgroupUnusable)
            told.workgroups = [
                CICDirectory.WorkgroupEntry(
                    name: "Support", isActive: true, hasQueue: true, isACD: false, takesEmail: true)
            ]
            #expect(try await directory.replace(cic: "main", told, by: "test") == 1)
        }
    }
}
