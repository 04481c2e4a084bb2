import Foundation
import Simulators
import TestSupport
import Testing

/// Users' own queues on the CIC simulator.
@Suite(.timeLimit(.minutes(3)))
struct CICOwnQueueTests {
    private static var anna: [String: Any] { ["queueID": ["queueType": 1, "queueName": "anna"] as [String: Any]] }

    @Test func `what is transferred to a user's own queue is listed there, and on no workgroup's`() async throws {
        try await CICTestSite.run(CICQueueTests.withAgent { $0.enabled = false }) { site in
            let session = try await site.session()
            let id = try await session.create(in: "Holding")
            try await session.watch("Holding", "Support", id: "workgroups")
            let own = ["queueType": 1, "queueName": "anna"] as [String: Any]
            let watch = ["queueIds": [own], "attributeNames": ["Eic_State"]] as [String: Any]
            #expect(try await session.call("PUT", "/messaging/subscriptions/queues/own", watch).status == 200)
            _ = try await session.poll()
            #expect(try await session.call("POST", "/interactions/\(id)/blind-transfer", Self.anna).status == 200)
            let messages = try await session.poll()
            #expect(ids(messages.filter { $0["subscriptionId"] as? String == "own" }, "interactionsAdded") == [id])
            #expect(
                ids(messages.filter { $0["subscriptionId"] as? String == "workgroups" }, "interactionsRemoved") == [id])
            let attributes = try await session.attributes(id, "Eic_State,Eic_UserName,Eic_WorkgroupName")
            #expect(attributes == ["Eic_State": "A", "Eic_UserName": "anna", "Eic_WorkgroupName": ""])
            let line = try #require(try site.ledger("interaction").last)
            #expect(line["queueType"] as? Int == 1 && line["queue"] as? String == "anna")
        }
    }

    @Test func `an agent picks up what lies in the own queue, one after the other, whether or not ACD is on`()
        async throws
    {
        var configuration = CICQueueTests.withAgent {
            $0.enabled = false
            $0.pickUpDelay = 1
            $0.handlingTime = 50
        }
        configuration.acd = false
        try await CICTestSite.run(configuration) { site in
            let session = try await site.session()
            var created: [String] = []
            for _ in 0..<3 {
                let id = try await session.create(in: "Holding")
                _ = try await session.call("POST", "/interactions/\(id)/blind-transfer", Self.anna)
                created.append(id)
            }
            for id in created { #expect(try await session.attributes(id, "Eic_State")["Eic_State"] == "A") }
            try await site.control("agents/anna/on")
            try await eventually("all are finished") {
                try site.ledger("interaction").count { $0["event"] as? String == "deallocated" } == 3
            }
            for id in created {
                #expect(
                    try site.events(id) == ["created", "moved", "connected", "disconnected", "deallocated"])
            }
            let taken = try site.ledger("interaction").filter {
                ["connected", "disconnected"].contains($0["event"] as? String)
            }
            #expect(taken.compactMap { $0["interaction"] as? String } == created.flatMap { [$0, $0] })
        }
    }

    @Test func `the handler assigns to own queues by the words of its contract`() async throws {
        try await CICTestSite.run(CICQueueTests.withAgent { $0.enabled = false }) { site in
            let session = try await site.session()
            try await session.listen()
            let id = try await session.handlerCreate("a1")
            var answer = try await session.ask("Assign", "a1", id, "1", "user:ana", "", "High", "0", "")
            #expect(answer.prefix(4) == ["Failed", "a1", "Assign", "unknown-user"])
            #expect(try await session.attributes(id, "CR_Assign")["CR_Assign"] == "0")
            answer = try await session.ask("Assign", "a1", id, "1", "user:anna", "", "High", "0", "Holding")
            #expect(answer == ["Assigned", "a1", id, "1"])
            let names = "Eic_State,Eic_UserName,CR_UserQueue,CR_Priority"
            #expect(
                try await session.attributes(id, names) == [
                    "Eic_State": "A", "Eic_UserName": "anna", "CR_UserQueue": "anna", "CR_Priority": "High",
                ])
            answer = try await session.ask("Assign", "a1", id, "2", "Support", "", "High", "0", "Sales")
            #expect(answer == ["Elsewhere", "a1", id, "1", "user:anna"])

            // Taken, it stays, or is taken back.
            _ = try await site.control("interactions/\(id)/pickup")
            _ = try await session.ask("Assign", "a1", id, "2", "user:anna", "", "High", "0", "user:anna")
            #expect(try await session.attributes(id, "Eic_State")["Eic_State"] == "C")
            _ = try await session.ask("Assign", "a1", id, "3", "user:anna", "", "High", "1", "")
            #expect(try await session.attributes(id, "Eic_State")["Eic_State"] == "A")
            _ = try await session.ask("Assign", "a1", id, "4", "Support", "", "High", "1", "")
            #expect(
                try await session.attributes(id, "Eic_State,Eic_UserName,Eic_WorkgroupName,CR_UserQueue") == [
                    "Eic_State": "O", "Eic_UserName": "", "Eic_WorkgroupName": "Support", "CR_UserQueue": "",
                ])
        }
    }

    @Test func `what rings in an own queue rings there again after a switchover`() async throws {
        try await CICTestSite.run(CICQueueTests.withAgent { $0.enabled = false }) { site in
            let session = try await site.session()
            try await session.listen()
            let id = try await session.handlerCreate("a1", "CR_CaseId", "one")
            _ = try await session.ask("Assign", "a1", id, "1", "user:anna", "", "High", "0", "")
            try await site.control("switchover", ["window": 1, "announce": false])
            try await eventually("it is there again") {
                try site.ledger("interaction").last { $0["event"] as? String == "recovered" }.map {
                    $0["queue"] as? String == "anna" && $0["state"] as? String == "A"
                } ?? false
            }
        }
    }
}
