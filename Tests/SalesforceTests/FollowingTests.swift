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
            #expect(try await org.newRows(after: nil, limit: 2_000) == [change])
            await org.unsubscribe()
        }
    }

    @Test func `every kind of change is told by event and row alike, in the order of the versions`() async throws {
        try await SimulatedOrg.run { simulated in
            let org = try simulated.outbox()
            let support = try await simulated.queue("Support")
            let billing = try await simulated.queue("Billing")
            let agent = try await simulated.user()
            _ = try await org.subscribe(after: nil)
            let id = try await simulated.newCase(in: support)
            let name = JSONValue.string("\(id)")
            let comment = try await simulated.create(
                "CaseComment", ["ParentId": name, "CommentBody": "hello", "IsPublished": true])
            let mail = try await simulated.create("EmailMessage", ["ParentId": name, "Incoming": true, "Status": "0"])
            let sent = try await simulated.create("EmailMessage", ["ParentId": name, "Incoming": false, "Status": "3"])
            try await simulated.update("Case", id, ["OwnerId": .string("\(billing)")])
            try await simulated.update("Case", id, ["ObjectRouting_Skills__c": "Dutch"])
            try await simulated.update("Case", id, ["OwnerId": .string("\(agent)")])
            try await simulated.update("Case", id, ["Status": "Closed"])
            try await simulated.update("Case", id, ["Status": "New"])
            try await simulated.delete("Case", id)
            let changes = try await org.changes(10)
            #expect(
                changes.map(\.kind) == [
                    .created, .comment, .emailReceived, .agentReplied, .queueChanged, .skillsChanged, .ownerChanged,
                    .closed, .reopened, .deleted,
                ])
            #expect(changes[1...3].map(\.key) == ["n:\(comment)", "n:\(mail)", "n:\(sent)"])
            #expect(changes[4].previousOwner == support)
            #expect(changes[7].isClosed)
            #expect(!changes[8].isClosed)
            #expect(zip(changes, changes.dropFirst()).allSatisfy { $0.version < $1.version })
            #expect(changes.allSatisfy { $0.actor == agent && $0.org == "acme" })
            #expect(try await org.newRows(after: nil, limit: 2_000) == changes)
        }
    }

    @Test func `what happened while nobody was subscribed comes after the position`() async throws {
        try await SimulatedOrg.run { simulated in
            let queue = try await simulated.queue("Support")
            let first = try simulated.outbox()
            _ = try await first.subscribe(after: nil)
            _ = try await simulated.newCase(in: queue)
            let seen = try #require(try await first.nextEvents().first)
            await first.unsubscribe()
            let missed = [try await simulated.newCase(in: queue), try await simulated.newCase(in: queue)]
            let second = try simulated.outbox()
            let cursor = ReplayCursor(streamEpoch: 1, replayID: seen.replayID)
            #expect(try await second.subscribe(after: cursor) == .resumed)
            #expect(try await second.changes(2).map(\.caseID) == missed)
        }
    }

    @Test func `a poll without events ends empty after the hold`() async throws {
        try await SimulatedOrg.run({ $0.connectHold = 0.5 }) { simulated in
            let org = try simulated.outbox()
            _ = try await org.subscribe(after: nil)
            let began = ContinuousClock.now
            #expect(try await org.nextEvents().isEmpty)
            let took = ContinuousClock.now - began
            #expect(took > .milliseconds(400) && took < .seconds(5))
        }
    }

    @Test func `events that come with the answer to a subscribe are not lost`() async throws {
        try await SimulatedOrg.run({ $0.connectHold = 5 }) { simulated in
            let queue = try await simulated.queue("Support")
            let org = try simulated.outbox()
            _ = try await org.subscribe(after: nil)
            _ = try await simulated.newCase(in: queue)
            let first = try #require(try await org.nextEvents().first)
            let missed = try await simulated.newCase(in: queue)
            _ = try await org.subscribe(after: ReplayCursor(streamEpoch: 1, replayID: first.replayID))
            let began = ContinuousClock.now
            #expect(try await org.nextEvents().compactMap(\.change).map(\.caseID) == [missed])
            #expect(ContinuousClock.now - began < .seconds(1))
        }
    }

    @Test func `many events in one answer keep their order`() async throws {
        try await SimulatedOrg.run { simulated in
            let queue = try await simulated.queue("Support")
            let org = try simulated.outbox()
            _ = try await org.subscribe(after: nil)
            try await simulated.newCases(600, in: queue)
            let changes = try await org.changes(600)
            #expect(changes.count == 600)
            #expect(zip(changes, changes.dropFirst()).allSatisfy { $0.version < $1.version })
        }
    }

    @Test func `an event sent twice has one key`() async throws {
        try await SimulatedOrg.run { simulated in
            let queue = try await simulated.queue("Support")
            let org = try simulated.outbox()
            _ = try await org.subscribe(after: nil)
            try await simulated.faults(#"{"duplicateEvents":1}"#)
            _ = try await simulated.newCase(in: queue)
            let changes = try await org.changes(2)
            #expect(changes.count == 2)
            #expect(Set(changes.map(\.key)).count == 1)
        }
    }

    @Test func `ending the subscription frees the client, even in a task that was cancelled`() async throws {
        try await SimulatedOrg.run({ $0.connectHold = 60 }) { simulated in
            let org = try simulated.outbox()
            _ = try await org.subscribe(after: nil)
            #expect(try await simulated.state()["sessions"]?.array?.count == 1)
            let reading = Task {
                _ = await failure { try await org.nextEvents() }
                await org.unsubscribe()
            }
            try await Task.sleep(for: .milliseconds(100))
            reading.cancel()
            await reading.value
            #expect(try await simulated.state()["sessions"]?.array?.isEmpty == true)
        }
    }
}
