import CaseRouting
import JSON
import Simulators
import Testing

@testable import Salesforce

/// Every way in which Salesforce ends a subscription, and that nothing is lost by it.
@Suite struct RecoveryTests {
    /// Subscribes, breaks the subscription, and checks that reading fails and a new subscription goes on.
    private func recovers(
        _ simulated: SimulatedOrg, _ org: OutboxOrg, _ breaking: () async throws -> Void
    ) async throws -> RoutingFailure? {
        let queue = try await simulated.queue("Support")
        _ = try await org.subscribe(after: nil)
        _ = try await simulated.newCase(in: queue)
        let seen = try #require(try await org.nextEvents().first)
        try await breaking()
        let failed = await failure { for _ in 0..<5 { _ = try await org.nextEvents() } }
        let missed = try await simulated.newCase(in: queue)
        let cursor = ReplayCursor(streamEpoch: 1, replayID: seen.replayID)
        #expect(try await org.subscribe(after: cursor) == .resumed)
        #expect(try await org.changes(1).map(\.caseID) == [missed])
        return failed
    }

    @Test func `a client that Salesforce has forgotten begins anew from the position`() async throws {
        try await SimulatedOrg.run { simulated in
            let org = try simulated.outbox()
            let failed = try await recovers(simulated, org) { try await simulated.control(.post, "sessions/expire") }
            #expect(failed?.kind == .transient)
            #expect(failed?.summary.contains("Unknown client") == true)
            #expect(await org.callCounts()["login"] == 1)
        }
    }

    @Test func `a disconnect by Salesforce begins anew from the position`() async throws {
        try await SimulatedOrg.run { simulated in
            let failed = try await recovers(simulated, try simulated.outbox()) {
                try await simulated.control(.post, "sessions/disconnect")
            }
            #expect(failed?.kind == .transient)
        }
    }

    @Test(arguments: [-3_600, 300])
    func `what time it is in Salesforce is known from its answers`(offset: Int) async throws {
        try await SimulatedOrg.run { simulated in
            let org = try simulated.outbox()
            #expect(await org.currentTime() == nil)
            try await simulated.control(.post, "clock", #"{"offset":\#(offset)}"#)
            _ = try await org.queues()
            let time = try #require(await org.currentTime())
            #expect(abs(Int(time.seconds - SalesforceSession.now) - offset) <= 5)
        }
    }

    @Test func `a revoked token is replaced by one login`() async throws {
        try await SimulatedOrg.run { simulated in
            let org = try simulated.outbox()
            let failed = try await recovers(simulated, org) { try await simulated.control(.post, "tokens/revoke") }
            #expect(failed?.cause == .salesforceCredentials)
            #expect(failed?.kind == .transient)
            #expect(await org.callCounts()["login"] == 2)
        }
    }

    @Test func `a token revoked before the handshake is replaced within the subscribe`() async throws {
        try await SimulatedOrg.run { simulated in
            let org = try simulated.outbox()
            try await org.logIn()
            try await simulated.control(.post, "tokens/revoke")
            #expect(try await org.subscribe(after: nil) == .fresh)
            #expect(await org.callCounts()["login"] == 2)
        }
    }

    @Test func `an answer that breaks off brings its events again`() async throws {
        try await SimulatedOrg.run { simulated in
            let org = try simulated.outbox()
            let queue = try await simulated.queue("Support")
            _ = try await org.subscribe(after: nil)
            _ = try await simulated.newCase(in: queue)
            let seen = try #require(try await org.nextEvents().first)
            let missed = try await simulated.newCase(in: queue)
            try await simulated.control(.post, "faults/drop", #"{"path":"/cometd","count":1,"after":40}"#)
            let failed = await failure { try await org.nextEvents() }
            #expect(failed?.cause == .salesforceUnreachable)
            _ = try await org.subscribe(after: ReplayCursor(streamEpoch: 1, replayID: seen.replayID))
            #expect(try await org.changes(1).map(\.caseID) == [missed])
            // The dropped client was given back too.
            #expect(try await simulated.state()["sessions"]?.array?.count == 1)
        }
    }

    @Test func `a refused position is a gap, and what is kept comes again`() async throws {
        try await SimulatedOrg.run { simulated in
            let org = try simulated.outbox()
            let queue = try await simulated.queue("Support")
            _ = try await org.subscribe(after: nil)
            let kept = try await simulated.newCase(in: queue)
            let change = try #require(try await org.changes(1).first)
            let nowhere = ReplayCursor(streamEpoch: 1, replayID: 1, lastEventAt: change.occurredAt)
            let subscription = try await org.subscribe(after: nowhere)
            guard case .gap = subscription else {
                Issue.record("\(subscription)")
                return
            }
            #expect(try await org.changes(1).map(\.caseID) == [kept])
        }
    }

    @Test func `a refused position older than what is kept goes on from now`() async throws {
        try await SimulatedOrg.run { simulated in
            let org = try simulated.outbox()
            let queue = try await simulated.queue("Support")
            _ = try await org.subscribe(after: nil)
            _ = try await simulated.newCase(in: queue)
            let change = try #require(try await org.changes(1).first)
            let old = ReplayCursor(
                streamEpoch: 1, replayID: 1, lastEventAt: change.occurredAt - .seconds(80 * 3_600))
            guard case .gap = try await org.subscribe(after: old) else {
                Issue.record("no gap")
                return
            }
            let next = try await simulated.newCase(in: queue)
            #expect(try await org.changes(1).map(\.caseID) == [next])
        }
    }

    @Test func `when the day's events are used up the server is left alone, and rows are still read`() async throws {
        try await SimulatedOrg.run { simulated in
            let org = try simulated.outbox()
            let queue = try await simulated.queue("Support")
            _ = try await org.subscribe(after: nil)
            try await simulated.faults(#"{"dailyLimit":true}"#)
            #expect(await failure { try await org.nextEvents() }?.cause == .salesforceLimit)
            let calls = await org.callCounts()["stream"]
            #expect(await failure { try await org.subscribe(after: nil) }?.cause == .salesforceLimit)
            #expect(await org.callCounts()["stream"] == calls)
            _ = try await simulated.newCase(in: queue)
            #expect(try await org.newRows(after: nil, limit: 2_000).count == 1)
        }
    }

    @Test func `a server that is too busy is a passing failure`() async throws {
        try await SimulatedOrg.run { simulated in
            let org = try simulated.outbox()
            try await org.logIn()
            try await simulated.faults(#"{"busy":1}"#)
            let failed = await failure { try await org.subscribe(after: nil) }
            #expect(failed?.kind == .transient)
            #expect(failed?.cause == .salesforceUnreachable)
            #expect(try await org.subscribe(after: nil) == .fresh)
        }
    }

    @Test func `a channel that does not exist is for a person to set right, and asked for rarely`() async throws {
        try await SimulatedOrg.run { simulated in
            let source = [
                "object": "Routing_Request__c", "case": "Case_Id__c", "status": "Status__c",
                "channel": "/event/Nothing__e",
            ]
            let org = try simulated.outbox(try simulated.settings(source: source))
            let failed = await failure { try await org.subscribe(after: nil) }
            #expect(failed?.kind == .configuration)
            #expect(failed?.summary.contains("/event/Nothing__e") == true)
            let calls = await org.callCounts()["stream"]
            _ = await failure { try await org.subscribe(after: nil) }
            #expect(await org.callCounts()["stream"] == calls)
        }
    }
}
