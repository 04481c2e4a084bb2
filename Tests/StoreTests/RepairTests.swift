import CaseRouting
import Operations
import Postgres
import Testing

@testable import Store

/// The thing that a configuration failure named is changed: its cases, and no others, are sent again by themselves.
@Suite(.serialized) struct RepairTests {
    private static func look(_ fixture: StoreFixture, later: String = "6 s") async throws {
        try await fixture.run("UPDATE caserouter.repairs SET at = at - interval '\(later)'")
        let store = PostgresHousekeepingStore(fixture.connections)
        _ = try await store.advanceRetries()
        try await fixture.run("UPDATE caserouter.bulk_retry_items SET released_at = released_at - interval '11 s'")
        _ = try await store.advanceRetries()
    }

    private static func failed(_ fixture: StoreFixture) async throws -> [String] {
        try await fixture.failures.list(FailureFilter()).map(\.caseNumber)
    }

    private static func add(_ name: String, _ means: String, _ fixture: StoreFixture) async throws {
        _ = try await Aliases(store: PostgresAliasStore(fixture.connections)).add(
            AliasSetup(cic: "main", kind: .skill, name: name, means: means), by: StoreFixture.author)
    }

    @Test func `an alias sends the cases again that name the skill`() async throws {
        try await StoreFixture.mapped { fixture in
            try await fixture.fail(1, skills: "English; Germn")
            try await fixture.fail(2, skills: "Germnn")
            try await fixture.fail(3, .workgroupUnknown, skills: "Germn")
            try await fixture.fail(4, .skillUnknown, .permanent, skills: "Germn")
            try await Self.add("Germn", "German", fixture)
            // Workers do not know of it yet.
            _ = try await PostgresHousekeepingStore(fixture.connections).advanceRetries()
            #expect(try await Self.failed(fixture) == ["1", "2", "3", "4"])
            try await Self.look(fixture)
            #expect(try await Self.failed(fixture) == ["2", "3", "4"])
            let retry = try #require(try await fixture.failures.bulkRetries(limit: 5).first)
            #expect(retry.asked == "skill Germn of CIC server main was repaired")
            #expect(retry.plannedBy == "case router")
            #expect(retry.counts.eligible == 1)
            let actor = try await fixture.text("SELECT actor FROM caserouter.audit WHERE action = 'failed retry'")
            #expect(actor == "case router")

            // A worker that had not heard of the alias has failed it again: it is sent a second time, and no more.
            try await fixture.work { _ in true }
            #expect(try await Self.failed(fixture).contains("1"))
            try await Self.look(fixture, later: "30 s")
            #expect(try await !Self.failed(fixture).contains("1"))
            try await fixture.work { _ in true }
            try await Self.look(fixture, later: "30 s")
            #expect(try await Self.failed(fixture).contains("1"))
            #expect(try await fixture.number("SELECT count(*) FROM caserouter.repairs") == 0)
        }
    }

    @Test func `a skill or workgroup that appears in CIC sends the cases again that named it`() async throws {
        try await StoreFixture.mapped { fixture in
            let watch = PostgresWatchStore(fixture.connections, cases: fixture.store, worker: "w")
            func directory(_ workgroups: [String], _ skills: [String], users: [String] = []) async throws {
                try await watch.replaceDirectory(
                    cic: "main",
                    CICDirectory(
                        workgroups: workgroups.map {
                            CICDirectory.WorkgroupEntry(
                                name: $0, isActive: true, hasQueue: true, isACD: true, takesEmail: true)
                        }, skills: skills, users: users))
            }
            try await directory(["Other"], ["English"])
            #expect(try await fixture.number("SELECT count(*) FROM caserouter.repairs") == 0)
            try await fixture.fail(1, .workgroupUnknown)
            try await fixture.fail(2, .workgroupUnknown, owner: StoreFixture.otherQueue)
            try await fixture.fail(3, .skillUnknown, skills: "Deutsch")
            try await fixture.fail(4, .holdingUnusable)
            try await Self.add("Deutsch", "German", fixture)
            try await fixture.run("DELETE FROM caserouter.repairs")
            try await directory(["Other", "Support"], ["English"])
            try await Self.look(fixture)
            #expect(try await Self.failed(fixture) == ["2", "3", "4"])
            try await directory(["Other", "Support", "Holding"], ["English", "German"])
            try await Self.look(fixture)
            #expect(try await Self.failed(fixture) == ["2"])
            // It is there and cannot be used, until somebody changes it.
            try await fixture.fail(5, .workgroupUnusable)
            try await watch.replaceDirectory(
                cic: "main",
                CICDirectory(
                    workgroups: [
                        CICDirectory.WorkgroupEntry(
                            name: "Support", isActive: true, hasQueue: true, isACD: false, takesEmail: true)
                    ], skills: [], users: []))
            try await Self.look(fixture)
            #expect(try await Self.failed(fixture) == ["2"])
            // A user to whose own queue a case was to go.
            try await fixture.fail(6, .workgroupUnknown)
            try await fixture.run("UPDATE caserouter.cases SET want_workgroup = 'user:anna' WHERE case_number = '6'")
            try await directory(["Other"], [], users: ["ann"])
            try await Self.look(fixture)
            #expect(try await Self.failed(fixture) == ["2", "6"])
            try await directory(["Other"], [], users: ["ann", "anna"])
            try await Self.look(fixture)
            #expect(try await Self.failed(fixture) == ["2"])
        }
    }

    @Test func `a credential, a server's settings and a mapping send theirs`() async throws {
        try await StoreFixture.mapped { fixture in
            try await fixture.fail(1, .cicForbidden)
            try await fixture.fail(2, .skillsNotSupported)
            try await fixture.fail(3, .cicError, .permanent)
            try await fixture.fail(4, .workgroupUnknown)
            try await fixture.fail(5, .skillsTooLong, .permanent)
            try await fixture.run(
                """
                INSERT INTO caserouter.credentials (target, version, key_id, wrapped_key, sealed, changed_by)
                VALUES ('cic:main', 1, 'k', '', '', 'ann'), ('cic:other', 1, 'k', '', '', 'ann'),
                    ('org:main', 1, 'k', '', '', 'ann')
                """)
            try await Self.look(fixture)
            #expect(try await Self.failed(fixture) == ["2", "3", "4", "5"])
            try await fixture.run("UPDATE caserouter.cic_servers SET creation = 'handler' WHERE name = 'main'")
            try await Self.look(fixture)
            #expect(try await Self.failed(fixture) == ["3", "4", "5"])
            // What a case wants was decided by the mapping: ingest reads the case again, and it is decided anew.
            try await fixture.run(
                """
                INSERT INTO caserouter.mappings (id, version, org, queue_id, queue_name, cic, workgroup, changed_by, newest)
                SELECT id, 2, org, queue_id, queue_name, cic, 'Suport', 'ann', false FROM caserouter.mappings WHERE id = 1
                """)
            try await Self.look(fixture)
            #expect(try await Self.failed(fixture) == ["3", "4", "5"])
            let verified =
                "SELECT string_agg(case_number, ' ' ORDER BY case_number) FROM caserouter.cases WHERE verify_at IS NOT NULL"
            #expect(try await fixture.text(verified) == "4 5")
        }
    }
}
