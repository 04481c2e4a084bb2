import CaseRouting
import JSON
import Simulators
import Testing

@testable import Salesforce

@Suite struct FollowingTests {
    @Test func `a new case comes as an event and as a row, and both are the same change`() async throws {
        try await SimulatedOrg.run { simulated in
            let org = try simulated.outbox()
            let queue = try #require(try await org.queues().first { $0.name == "Support" })
            #expect(try await org.subscribe(after: nil) == .fresh)
            let id = try await simulated.newCase(in: queue.id, ["ObjectRouting_Skills__c": "French;Billing"])
            let change = try #require(try await org.changes(1).first)
            #expect(change.caseID == id)
            #expect(change.kind == .created)
            #expect(change.owner == queue.id)
            #expect(change.skills == "French;Billing")
            #expect(change.key == "o:\(change.row!)")
            let rows = try await org.newRows(after: nil, limit: 2_000)
            #expect(rows == [change])
            #expect(try await org.markProcessed([change.row!]) == [RowResult(row: change.row!, failure: nil)])
            #expect(try await org.newRows(after: nil, limit: 2_000).isEmpty)
            let open = try await org.openCases(of: [queue.id], changedSince: nil, after: nil, limit: 2_000)
            #expect(open.map(\.caseID) == [id])
            #expect(open.first?.facts == CaseFacts(change))
            await org.unsubscribe()
        }
    }
}
