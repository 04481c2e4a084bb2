import CaseRouting
import Operations
import Testing

@testable import Store

/// What is paused is not claimed, from the next claim on.
@Suite struct PauseTests {
    private static let ann = Author(name: "ann", host: "desk")

    private static func pauses(_ fixture: StoreFixture) -> Pauses {
        Pauses(
            store: PostgresPauseStore(fixture.connections),
            configuration: PostgresConfigurationStore(database: fixture.connections))
    }

    @Test(arguments: ["org:acme", "cic:main", "workgroup:main/Support"])
    func `a case waits while its org, server or workgroup is paused, and goes on after`(_ target: String) async throws {
        try await StoreFixture.with { fixture in
            try await fixture.run(
                """
                INSERT INTO caserouter.mappings (id, version, org, queue_id, queue_name, cic, workgroup, changed_by)
                VALUES (1, 1, 'acme', '\(StoreFixture.queue)', 'Support Queue', 'main', 'Support', 'ann')
                """)
            let pauses = Self.pauses(fixture)
            #expect(try await pauses.pause(target, why: "CIC is upgraded", by: Self.ann).description == target)
            // Neither a new case nor a due one.
            guard case .merged = try await fixture.take(.make(.created, version: 1), claims: true, attempt: .make())
            else { throw StoreFixture.NotClaimed() }
            #expect(try await fixture.store.claimDue(limit: 10, servers: ["main"]).isEmpty)

            await #expect {
                _ = try await pauses.pause(target, why: "again", by: Author(name: "bob", host: "desk"))
            } throws: { error in
                (error as? Refusal)?.kind == .notDone && "\(error)".contains("ann")
                    && "\(error)".contains("CIC is upgraded")
            }
            let resumed = try await pauses.resume(target, by: Author(name: "bob", host: "desk"))
            #expect(resumed.waiting == 1)
            #expect(resumed.others.isEmpty)
            #expect(try await fixture.store.claimDue(limit: 10, servers: ["main"]).count == 1)

            var filter = AuditFilter()
            filter.target = target
            let entries = try await PostgresAuditStore(fixture.connections).entries(filter)
            #expect(entries.map(\.action) == ["resume", "pause"])
            #expect(entries.map(\.actor) == ["bob", "ann"])
            #expect(entries[1].after?.contains("CIC is upgraded") == true)
        }
    }

    @Test func `what does not exist is not paused, and what Case Router holds itself is not resumed`() async throws {
        try await StoreFixture.with { fixture in
            let pauses = Self.pauses(fixture)
            for target in ["org:acmee", "cic:maim", "workgroup:main/Nobody", "workgroup:main", "queue:main", "main"] {
                await #expect {
                    _ = try await pauses.pause(target, why: "a test", by: Self.ann)
                } throws: { ($0 as? Refusal)?.kind == .usage }
            }
            #expect(try await fixture.number("SELECT count(*) FROM caserouter.holds") == 0)
            try await fixture.store.placeHold(Hold(kind: .cic, name: "main", reason: .breaker, detail: "it fails"))
            await #expect {
                _ = try await pauses.resume("cic:main", by: Self.ann)
            } throws: { error in (error as? Refusal)?.kind == .notDone && "\(error)".contains("it fails") }
            #expect(try await fixture.number("SELECT count(*) FROM caserouter.holds") == 1)
        }
    }
}
