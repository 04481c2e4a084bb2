import Foundation
import Simulators
import TestSupport
import Testing

/// The rules of `docs/cic-handler.md`.
@Suite(.serialized) struct CICHandlerTests {
    @Test func `Create sets the attributes before anybody can see the interaction`() async throws {
        try await CICTestSite.run { site in
            let session = try await site.session()
            try await session.listen()
            try await session.watch(
                "Holding", attributes: ["CR_CaseId", "CR_AttemptId", "CR_Assign", "Eic_RemoteName"])
            _ = try await session.poll()
            try await session.notify(
                "Create", "att-1", "Holding", "CR_CaseId", "500A", "Eic_RemoteName", "Case 1", "Eic_State", "I")
            let messages = try await session.poll()
            let id = try #require(ids(messages, "interactionsAdded").first)
            #expect(
                attributes(messages, "interactionsAdded", id) == [
                    ["CR_CaseId": "500A", "CR_AttemptId": "att-1", "CR_Assign": "0", "Eic_RemoteName": "Case 1"]
                ])
            #expect(messages.contains { $0["data"] as? [String] == ["Created", "att-1", id] })
            #expect(try await session.ask("Create", "att-1", "Holding")[0] == "Created")
            #expect(try await site.control("interactions", method: "GET").json["count"] as? Int == 2)
        }
    }

    @Test func `Ping is answered with the greatest version`() async throws {
        try await CICTestSite.run { site in
            let session = try await site.session()
            try await session.listen()
            #expect(try await session.ask("Ping", "nonce") == ["Pong", "nonce", "1"])
            #expect(try await session.ask("ping", "again") == ["Pong", "again", "1"])
        }
    }

    @Test func `an assign is done once, in the order of its numbers`() async throws {
        try await CICTestSite.run { site in
            let session = try await site.session()
            try await session.listen()
            let id = try await session.handlerCreate("att-1")
            let moved = try await session.ask("Assign", "att-1", id, "3", "Support", "English;German", "High", "0", "")
            #expect(moved == ["Assigned", "att-1", id, "3"])
            let names = "CR_Assign,CR_Priority,CR_Skills,Eic_WorkgroupName,Eic_AcdSkillSet"
            let after = [
                "CR_Assign": "3", "CR_Priority": "High", "CR_Skills": "English;German", "Eic_WorkgroupName": "Support",
                "Eic_AcdSkillSet": "English|German",
            ]
            #expect(try await session.attributes(id, names) == after)
            for number in ["3", "2"] {
                let stale = try await session.ask("Assign", "att-1", id, number, "Sales", "", "Low", "1", "")
                #expect(stale == ["Stale", "att-1", id, "3"])
            }
            #expect(try await session.attributes(id, names) == after)
        }
    }

    @Test func `an assign that cannot be done changes nothing and says why`() async throws {
        try await CICTestSite.run { site in
            let session = try await site.session()
            try await session.listen()
            let id = try await session.handlerCreate("att-1")
            for (data, answer) in [
                (["att-2", id, "1", "Support", "", "", "0", ""], ["Gone", "att-2", id]),
                (["att-1", "99", "1", "Support", "", "", "0", ""], ["Gone", "att-1", "99"]),
                (["att-1", id, "1", "Support", "", "", "0", "Sales"], ["Elsewhere", "att-1", id, "0", "Holding"]),
                (["att-1", id, "1", "support", "", "", "0", ""], ["Failed", "att-1", "Assign", "unknown-workgroup"]),
                (
                    ["att-1", id, "1", "Support", "english", "", "0", ""],
                    ["Failed", "att-1", "Assign", "unknown-skill"]
                ),
                (["att-1", id, "x", "Support", "", "", "0", ""], ["Failed", "att-1", "Assign", "internal"]),
            ] {
                let got = try await session.ask(
                    "Assign", data[0], data[1], data[2], data[3], data[4], data[5], data[6], data[7])
                #expect(Array(got.prefix(answer.count)) == answer)
            }
            #expect(
                try await session.attributes(id, "CR_Assign,Eic_WorkgroupName") == [
                    "CR_Assign": "0", "Eic_WorkgroupName": "Holding",
                ])
            #expect(try await session.ask("Create", "att-3", "Nowhere")[3] == "unknown-workgroup")
            #expect(try site.events(id) == ["created"])
        }
    }

    @Test(arguments: [("0", "Support", "C"), ("1", "Support", "O"), ("0", "Sales", "O")])
    func `only take back or another workgroup takes it from the agent`(
        takeBack: String, workgroup: String, state: String
    ) async throws {
        let configuration = CICQueueTests.withAgent {
            $0.workgroups = ["Support"]
            $0.pickUpDelay = 10
        }
        try await CICTestSite.run(configuration) { site in
            let session = try await site.session()
            try await session.listen()
            let id = try await session.handlerCreate("att-1")
            _ = try await session.ask("Assign", "att-1", id, "1", "Support", "English", "", "0", "Holding")
            try await eventually("picked up") { try site.events(id).last == "connected" }
            try await site.control("agents/anna/off")
            let answer = try await session.ask("Assign", "att-1", id, "2", workgroup, "", "", takeBack, "")
            #expect(answer == ["Assigned", "att-1", id, "2"])
            let now = try await session.attributes(id, "Eic_State,Eic_WorkgroupName,CR_Assign,CR_Skills")
            #expect(now == ["Eic_State": state, "Eic_WorkgroupName": workgroup, "CR_Assign": "2", "CR_Skills": ""])
        }
    }

    @Test func `one that waits stays where it is and is offered by its new skills`() async throws {
        try await CICTestSite.run(CICQueueTests.withAgent { _ in }) { site in
            let session = try await site.session()
            try await session.listen()
            let id = try await session.handlerCreate("att-1")
            _ = try await session.ask("Assign", "att-1", id, "1", "Support", "German", "", "0", "")
            #expect(try await session.attributes(id, "Eic_State")["Eic_State"] == "O")
            _ = try await session.ask("Assign", "att-1", id, "2", "Support", "English", "", "0", "")
            #expect(
                try await session.attributes(id, "Eic_State,Eic_UserName") == [
                    "Eic_State": "A", "Eic_UserName": "anna",
                ])
            #expect(try site.events(id) == ["created", "moved", "attributes", "alerting"])
        }
    }

    @Test func `Disconnect ends only its own attempt's interaction`() async throws {
        try await CICTestSite.run { site in
            let session = try await site.session()
            try await session.listen()
            let id = try await session.handlerCreate("att-1")
            #expect(try await session.ask("Disconnect", "att-2", id) == ["Gone", "att-2", id])
            #expect(try site.events(id) == ["created"])
            #expect(try await session.ask("Disconnect", "att-1", id) == ["Disconnected", "att-1", id])
            #expect(try await session.ask("Disconnect", "att-1", id) == ["Gone", "att-1", id])
        }
    }

    @Test func `answers can be lost, doubled, late, refused, and no handler be there at all`() async throws {
        try await CICTestSite.run { site in
            let session = try await site.session()
            try await session.listen()
            func answers(_ settings: [String: Any]) async throws -> Int {
                try await site.control("configuration", ["handler": settings])
                try await session.notify("Create", "att-1", "Holding")
                return try await session.poll().count
            }
            func created() async throws -> Int? {
                try await site.control("interactions", method: "GET").json["count"] as? Int
            }
            #expect(try await answers(["loseAnswers": 1]) == 0)
            #expect(try await created() == 1)
            #expect(try await answers(["duplicateAnswers": 1]) == 2)
            #expect(try await created() == 2)
            #expect(try await answers(["ignoreNext": 1, "only": "create"]) == 0)
            #expect(try await created() == 2)
            #expect(try await answers(["failNext": 1, "failCode": "no-licence"]) == 1)
            #expect(try await created() == 2)
            #expect(try await answers(["answerDelay": 100]) == 0)
            #expect(try await created() == 3)
            _ = try await session.message { $0["data"] != nil }
            #expect(try await answers(["published": false, "answerDelay": 0]) == 0)
            #expect(try await created() == 3)
        }
    }

    @Test func `an answer goes to every session that subscribed to the pair and to no other`() async throws {
        try await CICTestSite.run { site in
            let (asking, other, deaf) = (
                try await site.session(), try await site.session(), try await site.session()
            )
            try await asking.listen()
            try await other.listen("ANSWERS")
            try await deaf.listen("Other")
            #expect(try await asking.ask("Ping", "n") == ["Pong", "n", "1"])
            #expect(try await other.poll().count == 1)
            #expect(try await deaf.poll().isEmpty)
        }
    }
}
