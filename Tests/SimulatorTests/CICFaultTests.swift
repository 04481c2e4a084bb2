import Foundation
import Simulators
import TestSupport
import Testing

@Suite(.serialized) struct CICFaultTests {
    @Test(arguments: [("before", 0), ("after", 1)])
    func `a cut connection leaves nothing or a created interaction`(moment: String, left: Int) async throws {
        try await CICTestSite.run { site in
            let session = try await site.session()
            try await site.control("faults", ["operation": "create", "when": moment, "do": "cut", "count": 1])
            // Through a socket of its own, which sends once: some clients repeat what a kept-alive connection lost.
            let body = try JSONSerialization.data(withJSONObject: CICTestSession.generic("Holding"))
            let answer = try await RawHTTP.exchange(
                port: site.ports[0], "POST", "/icws/\(session.id)/interactions", headers: session.headers, body: body)
            #expect(answer.isEmpty)
            #expect(try await site.control("interactions", method: "GET").json["count"] as? Int == left)
            #expect(try site.ledger("request").contains { $0["status"] as? Int == 0 })
            #expect(try await session.call("POST", "/interactions", CICTestSession.generic("Holding")).status == 201)
        }
    }

    @Test(arguments: [401, 403, 500, 503])
    func `the next requests of an operation fail, with or without effect`(status: Int) async throws {
        try await CICTestSite.run { site in
            let session = try await site.session()
            for (moment, created) in [("before", 0), ("after", 2)] {
                let fault: [String: Any] = [
                    "operation": "create", "when": moment, "do": "answer", "status": status, "count": 2,
                ]
                try await site.control("faults", fault)
                for _ in 0..<2 {
                    let answer = try await session.call("POST", "/interactions", CICTestSession.generic("Holding"))
                    #expect(answer.status == status && answer.json["message"] != nil)
                }
                #expect(try await site.control("interactions", method: "GET").json["count"] as? Int == created)
            }
            #expect(try await session.call("POST", "/interactions", CICTestSession.generic("Holding")).status == 201)
        }
    }

    @Test func `half an answer arrives, and what was asked for is done`() async throws {
        try await CICTestSite.run { site in
            let session = try await site.session()
            try await site.control("faults", ["operation": "create", "when": "after", "do": "garble", "count": 1])
            let half = try await session.call("POST", "/interactions", CICTestSession.generic("Holding"))
            #expect(half.status == 201 && !half.body.isEmpty && half.json.isEmpty)
            #expect(try await site.control("interactions", method: "GET").json["count"] as? Int == 1)
            #expect(try await session.call("POST", "/interactions", CICTestSession.generic("Holding")).status == 201)
        }
    }

    @Test func `answers are slow until the fault is cleared`() async throws {
        try await CICTestSite.run { site in
            let session = try await site.session()
            let id = try await session.create(in: "Holding")
            try await site.control("faults", ["operation": "any", "when": "before", "do": "wait", "ms": 150])
            let clock = ContinuousClock()
            let slow = try await clock.measure { _ = try await session.attributes(id, "Eic_State") }
            #expect(slow >= .milliseconds(150))
            try await site.control("faults", method: "DELETE")
            let fast = try await clock.measure { _ = try await session.attributes(id, "Eic_State") }
            #expect(fast < .milliseconds(150))
        }
    }

    @Test func `messages are lost with the answer that carried them`() async throws {
        try await CICTestSite.run { site in
            let session = try await site.session()
            try await session.watch("Holding")
            try await site.control(
                "faults", ["operation": "messages", "when": "after", "do": "answer", "status": 500, "count": 1])
            #expect(try await session.call("GET", "/messaging/messages").status == 500)
            #expect(try await session.poll().isEmpty)
        }
    }

    @Test func `sessions are expired on demand`() async throws {
        try await CICTestSite.run { site in
            let (first, second) = (try await site.session(), try await site.session())
            try await site.control("sessions/expire", ["session": first.id])
            #expect(try await first.call("GET", "/messaging/messages").status == 401)
            #expect(try await second.call("GET", "/messaging/messages").status == 200)
            try await site.control("sessions/expire")
            #expect(try await second.call("GET", "/messaging/messages").status == 401)
        }
    }

    @Test func `a live interaction is deleted or copied, and the ledger says so`() async throws {
        try await CICTestSite.run { site in
            let session = try await site.session()
            try await session.watch("Support")
            let id = try await session.create(in: "Support", ["CR_CaseId": "500A"])
            _ = try await session.poll()
            let copy = try await site.control("interactions/copy", ["case": "500A", "workgroup": "Support"]).json
            let copied = try #require(copy["interaction"] as? String)
            #expect(copied != id)
            #expect(
                try await session.attributes(copied, "CR_CaseId,Eic_State") == ["CR_CaseId": "500A", "Eic_State": "O"])
            try await site.control("interactions/\(id)/delete")
            #expect(try await session.call("GET", "/interactions/\(id)").status == 404)
            let messages = try await session.poll()
            #expect(ids(messages, "interactionsAdded") == [copied] && ids(messages, "interactionsRemoved") == [id])
            #expect(try site.events(id) == ["created", "lost"] && site.events(copied) == ["copied"])
        }
    }

    @Test func `ids are used again, by our own and by a foreign call`() async throws {
        try await CICTestSite.run(CICTestSite.configuration { $0.idSpace = 1 }) { site in
            let session = try await site.session()
            let first = try await session.create(in: "Support", ["CR_CaseId": "500A"])
            _ = try await session.call("POST", "/interactions/\(first)/disconnect")
            try await eventually("deallocated") { try site.events(first).last == "deallocated" }
            #expect(try await session.create(in: "Support") == first)
            try await site.control("interactions/\(first)/delete")
            let call: [String: Any] = ["workgroup": "Sales", "media": "call", "state": "C", "id": first]
            try await site.control("interactions", call)
            #expect(try await session.attributes(first, "CR_CaseId,Eic_ObjectType") == ["Eic_ObjectType": "Call"])
            let taken = try await site.send("POST", site.server + "/control/interactions", call)
            #expect(taken.status == 409)
        }
    }

    @Test func `actions can take effect later than their answer`() async throws {
        try await CICTestSite.run(CICTestSite.configuration { $0.actionDelay = 150 }) { site in
            let session = try await site.session()
            let id = try await session.create(in: "Support")
            #expect(try await session.call("POST", "/interactions/\(id)/disconnect").status == 200)
            #expect(try await session.attributes(id, "Eic_State")["Eic_State"] == "O")
            try await eventually("it ends") { try site.events(id).contains("disconnected") }
        }
    }

    @Test func `a late action is not overtaken by the next one of its interaction`() async throws {
        try await CICTestSite.run(CICTestSite.configuration { $0.actionDelay = 600 }) { site in
            let session = try await site.session()
            let id = try await session.create(in: "Holding")
            for (workgroup, delay) in [("Sales", 0), ("Support", 0)] {
                let body: [String: Any] = ["queueID": ["queueType": 2, "queueName": workgroup]]
                #expect(
                    try await session.call("POST", "/interactions/\(id)/blind-transfer", body).status == 200)
                try await site.control("configuration", ["actionDelay": delay])
            }
            #expect(try site.events(id) == ["created"])
            try await eventually("both are done") { try site.events(id).count { $0 == "moved" } == 2 }
            let moves = try site.ledger("interaction").filter { $0["event"] as? String == "moved" }
            #expect(moves.compactMap { $0["queue"] as? String } == ["Sales", "Support"])
        }
    }

    @Test func `it is told how many requests the faults have struck`() async throws {
        try await CICTestSite.run { site in
            let session = try await site.session()
            func struck() async throws -> Int? {
                try await site.control("state", method: "GET").json["struck"] as? Int
            }
            let fault: [String: Any] = ["operation": "create", "when": "before", "do": "answer", "status": 503]
            try await site.control("faults", fault)
            #expect(try await struck() == 0)
            for _ in 0..<2 { _ = try await session.call("POST", "/interactions", CICTestSession.generic("Holding")) }
            _ = try await session.call("GET", "/messaging/messages")
            #expect(try await struck() == 2)
            try await site.control("faults", method: "DELETE")
            #expect(try await struck() == 0)
        }
    }

    @Test func `a misspelled switch is refused, and reset forgets everything`() async throws {
        try await CICTestSite.run { site in
            let session = try await site.session()
            _ = try await session.create(in: "Support")
            for (path, body) in [
                ("configuration", ["handlr": [:] as [String: Any]]), ("configuration", ["handler": ["los": 1]]),
                ("faults", ["operation": "creat", "do": "cut"]), ("faults", ["operation": "read", "do": "garble"]),
                ("switchover", ["email": "all"]),
            ] {
                #expect(try await site.send("POST", site.server + "/control/\(path)", body).status == 400)
            }
            try await site.control("configuration", ["handler": ["published": false], "lingering": 1])
            try await site.control("reset")
            let configuration = try await site.control("configuration", method: "GET").json
            #expect((configuration["handler"] as? [String: Any])?["published"] as? Bool == true)
            #expect(configuration["lingering"] as? Int == 50)
            let state = try await site.control("state", method: "GET").json
            #expect(state["interactions"] as? Int == 0 && (state["sessions"] as? [Any])?.isEmpty == true)
        }
    }
}
