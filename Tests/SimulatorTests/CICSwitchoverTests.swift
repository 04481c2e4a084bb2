import Foundation
import Simulators
import TestSupport
import Testing

@Suite(.serialized) struct CICSwitchoverTests {
    @Test(arguments: [("all", 4), ("half", 2), ("none", 0)])
    func `e-mails come back under new ids with the same attributes, generics do not`(
        which: String, expected: Int
    ) async throws {
        try await CICTestSite.run { site in
            let session = try await site.session()
            try await session.listen()
            var old: Set<String> = []
            for number in 0..<4 {
                old.insert(try await session.handlerCreate("att-\(number)", "CR_CaseId", "500\(number)"))
            }
            let generic = try await session.create(in: "Support", ["CR_CaseId": "600"])
            try await site.control("switchover", ["emails": which, "window": 2_000, "announce": false])
            #expect(try await session.call("GET", "/messaging/messages").status == 401)
            #expect(try await site.connect(to: site.backup).status == 503)
            try await eventually("the backup takes sessions") {
                try await site.connect(to: site.backup).status == 201
            }
            #expect(try await site.connect().status == 503)
            let session2 = try await site.session(on: site.backup)
            try await session2.watch("Holding", "Support", attributes: ["CR_CaseId", "CR_AttemptId"])
            let snapshot = try await session2.poll()
            let new = ids(snapshot, "interactionsAdded")
            #expect(new.count == expected && old.isDisjoint(with: new))
            for id in new {
                let found = try #require(attributes(snapshot, "interactionsAdded", id).first)
                #expect(found["CR_CaseId"]?.last == found["CR_AttemptId"]?.last)
            }
            for id in old.union([generic]) { #expect(try site.events(id).last == "lost") }
            #expect(try site.ledger("interaction").count { $0["event"] as? String == "recovered" } == expected)
        }
    }

    @Test func `recovery can come late, and what an agent had stays with the agent`() async throws {
        let configuration = CICQueueTests.withAgent { $0.pickUpDelay = 1 }
        try await CICTestSite.run(configuration) { site in
            let session = try await site.session()
            try await session.listen()
            let id = try await session.handlerCreate("att-1")
            _ = try await session.ask("Assign", "att-1", id, "1", "Support", "", "", "0", "")
            try await eventually("picked up") { try site.events(id).last == "connected" }
            try await site.control(
                "switchover", ["emails": "all", "window": 50, "delay": 400, "announce": false])
            try await eventually("the backup takes sessions") {
                try await site.connect(to: site.backup).status == 201
            }
            let session2 = try await site.session(on: site.backup)
            try await session2.watch("Support", attributes: ["CR_AttemptId", "Eic_State", "Eic_UserName"])
            let first = try await session2.poll()
            #expect(ids(first, "interactionsAdded").isEmpty)
            let late = try await session2.message { $0["interactionsAdded"] != nil }
            let new = try #require(ids([late], "interactionsAdded").first)
            #expect(
                attributes([late], "interactionsAdded", new) == [
                    ["CR_AttemptId": "att-1", "Eic_State": "C", "Eic_UserName": "anna"]
                ])
        }
    }

    @Test
    func `the first server goes on beside the second until it steps down, and agents are not offered what it has`()
        async throws
    {
        let configuration = CICQueueTests.withAgent {
            $0.pickUpDelay = 1
            $0.handlingTime = 60_000
        }
        try await CICTestSite.run(configuration) { site in
            let session = try await site.session()
            let second = try await site.session()
            try await session.listen()
            try await session.watch("Holding", "Support", attributes: ["CR_AttemptId"])
            let id = try await session.handlerCreate("att-1")
            try await site.control(
                "switchover", ["emails": "all", "window": 1, "overlap": 3_000, "overlapSessions": "half"])
            let statuses = [
                try await session.call("GET", "/interactions/\(id)?select=CR_AttemptId").status,
                try await second.call("GET", "/interactions/\(id)?select=CR_AttemptId").status,
            ]
            #expect(statuses.sorted() == [200, 401], "one of two sessions is left")
            #expect(try await site.connect().status == 503)
            let deposed = statuses[0] == 200 ? session : second
            try await deposed.listen()
            let ghost = try await deposed.handlerCreate("att-2")
            _ = try await deposed.ask("Assign", "att-2", ghost, "1", "Support", "", "", "0", "")
            let own = try await deposed.ask("Assign", "att-2", ghost, "2", "user:anna", "", "", "0", "")
            #expect(own.first == "Assigned", "she is a user there, too, and her agent is not")
            try await eventually("the second server takes sessions") {
                try await site.connect(to: site.backup).status == 201
            }
            let other = try await site.session(on: site.backup)
            try await other.listen()
            try await other.watch("Holding", "Support", attributes: ["CR_AttemptId"])
            let snapshot = try await other.poll()
            let recovered = try #require(ids(snapshot, "interactionsAdded").first)
            #expect(attributes(snapshot, "interactionsAdded", recovered) == [["CR_AttemptId": "att-1"]])
            #expect(ids(snapshot, "interactionsAdded").count == 1 && recovered != id)
            _ = try await other.ask("Assign", "att-1", recovered, "1", "Support", "", "", "0", "")
            try await eventually("an agent has it there") { try site.events(recovered).last == "connected" }
            #expect(try site.events(id).last == "lost" && site.events(ghost).isEmpty)
            #expect(
                try site.ledger("deposed").filter { $0["interaction"] as? String == ghost }
                    .map { $0["event"] as? String } == ["created", "moved", "moved"])
            try await eventually("the first one has stepped down") {
                try await deposed.call("GET", "/messaging/messages").status == 401
            }
            #expect(try await site.connect().status == 503)
            #expect(try await other.call("GET", "/interactions/\(recovered)?select=CR_AttemptId").status == 200)
        }
    }

    @Test func `sessions are told before they end when the switchover is announced`() async throws {
        try await CICTestSite.run { site in
            let session = try await site.session()
            try await site.control("switchover", ["window": 100, "announceLead": 300])
            let message = try await session.message {
                $0["__type"] as? String == "urn:inin.com:connection:connectionStateChangeMessage"
            }
            #expect(message["newConnectionState"] as? Int == 2 && message["shouldReconnect"] as? Bool == true)
            try await eventually("the session ends") {
                try await session.call("GET", "/messaging/messages").status == 401
            }
        }
    }
}
