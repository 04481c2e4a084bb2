import CaseRouting
import Testing

@testable import Store

@Suite(.serialized) struct NormalCaseTests {
    @Test func `a new case is merged, claimed, created, won, recorded and its request routed`() async throws {
        try await StoreFixture.with { fixture in
            let store = fixture.store
            let change = CaseChange.make(.created, version: 1)
            let key = change.caseKey
            let before = try await store.read(change)
            #expect(before.state == CaseState())
            #expect(!before.isMerged)

            let attempt = AttemptID.make()
            let claim = try await fixture.claim(change, attempt: attempt)
            #expect(claim.epoch == 1)
            #expect(claim.state.revision == 1)
            #expect(claim.state.isDue)
            #expect(claim.state.episode?.state == .creating)
            #expect(claim.state.episode?.attempt == attempt)
            #expect(claim.state.lastEpisode == 1)
            let stored = try await store.read(change)
            #expect(stored.isMerged)
            #expect(stored.state == claim.state)

            let won = try #require(await store.win(claim, InteractionID("1001"), attempt))
            #expect(won.state.episode?.state == .held)
            #expect(won.state.episode?.interaction == InteractionID("1001"))
            #expect(won.state.episode?.assignNumber == 1)
            #expect(won.state.episode?.workgroup == nil)
            #expect(try await store.recordPlaced(won, workgroup: "Support", skills: ""))

            let after = try await store.read(change).state
            #expect(!after.isDue)
            #expect(after.episode?.state == .placed)
            #expect(after.episode?.workgroup == "Support")
            #expect(try await fixture.column("lease_until", of: key) == nil)
            #expect(try await fixture.text("SELECT outcome FROM caserouter.requests") == "routed")
            #expect(try await fixture.text("SELECT write_back FROM caserouter.requests") == "due")
            #expect(try await fixture.text("SELECT rule FROM caserouter.requests") == "arrived")
            #expect(try await fixture.text("SELECT outcome FROM caserouter.attempts") == "ok")
            #expect(try await fixture.number("SELECT count(*) FROM caserouter.attempts") == 1)
        }
    }
}
