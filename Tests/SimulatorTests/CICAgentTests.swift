import Foundation
import Simulators
import TestSupport
import Testing

@Suite(.serialized) struct CICAgentTests {
    @Test func `an agent is offered, picks up, finishes, and takes the next one with fitting skills`() async throws {
        let configuration = CICQueueTests.withAgent {
            $0.pickUpDelay = 20
            $0.handlingTime = 20
        }
        try await CICTestSite.run(configuration) { site in
            let session = try await site.session()
            try await session.listen()
            var made: [String] = []
            for (number, skills) in ["English", "German", ""].enumerated() {
                let id = try await session.handlerCreate("att-\(number)")
                _ = try await session.ask("Assign", "att-\(number)", id, "1", "Support", skills, "", "0", "")
                made.append(id)
            }
            let whole = ["created", "moved", "alerting", "connected", "disconnected", "deallocated"]
            try await eventually("two are worked off") {
                try site.events(made[0]) == whole && site.events(made[2]) == whole
            }
            #expect(try site.events(made[1]) == ["created", "moved"])
            let lines = try site.ledger("interaction").filter { $0["interaction"] as? String == made[0] }
            #expect(lines.map { $0["state"] as? String } == ["O", "O", "A", "C", "I", "I"])
            #expect(lines.map { $0["by"] as? String } == ["handler", "handler", "system", "agent", "agent", "system"])
            #expect(
                lines.dropFirst(2).allSatisfy {
                    $0["agent"] as? String == "anna" && $0["queue"] as? String == "Support"
                })
        }
    }

    @Test func `an agent who is busy gets the one that has waited longest`() async throws {
        try await CICTestSite.run(CICQueueTests.withAgent { $0.workgroups = ["Sales", "Support"] }) { site in
            let session = try await site.session()
            let first = try await session.create(in: "Support")
            let second = try await session.create(in: "Support")
            let third = try await session.create(in: "Sales")
            #expect(try await session.attributes(first, "Eic_State")["Eic_State"] == "A")
            try await site.control("interactions/\(first)/end")
            #expect(try await session.attributes(second, "Eic_State")["Eic_State"] == "A")
            #expect(try await session.attributes(third, "Eic_State")["Eic_State"] == "O")
        }
    }

    @Test func `one given back waits again and is offered to somebody else`() async throws {
        var configuration = CICQueueTests.withAgent { _ in }
        var other = CICAgentConfiguration(name: "bert", workgroups: ["Support"])
        other.pickUpDelay = 60_000
        configuration.agents.append(other)
        try await CICTestSite.run(configuration) { site in
            let session = try await site.session()
            let id = try await session.create(in: "Support")
            let first = try await session.attributes(id, "Eic_UserName")["Eic_UserName"]
            try await site.control("interactions/\(id)/pickup")
            try await site.control("interactions/\(id)/giveback")
            let second = try await session.attributes(id, "Eic_UserName")["Eic_UserName"]
            #expect(Set([first, second]) == ["anna", "bert"])
            #expect(try site.events(id) == ["created", "alerting", "connected", "returned", "alerting"])
        }
    }

    @Test func `agents are switched off and on, one and all`() async throws {
        try await CICTestSite.run(CICQueueTests.withAgent { _ in }) { site in
            let session = try await site.session()
            try await site.control("agents/off")
            let id = try await session.create(in: "Support")
            #expect(try await session.attributes(id, "Eic_State")["Eic_State"] == "O")
            try await site.control("agents/anna/on")
            #expect(try await session.attributes(id, "Eic_State")["Eic_State"] == "A")
        }
    }

    @Test func `holding offers to nobody, and ACD can be off`() async throws {
        var configuration = CICQueueTests.withAgent { $0.workgroups = ["Support", "Holding"] }
        configuration.acd = false
        try await CICTestSite.run(configuration) { site in
            let session = try await site.session()
            let held = try await session.create(in: "Holding")
            let waiting = try await session.create(in: "Support")
            #expect(try await session.attributes(waiting, "Eic_State")["Eic_State"] == "O")
            try await site.control("configuration", ["acd": true])
            #expect(try await session.attributes(waiting, "Eic_State")["Eic_State"] == "A")
            #expect(try await session.attributes(held, "Eic_State")["Eic_State"] == "O")
        }
    }

    @Test func `a transfer to an agent's own queue alerts there`() async throws {
        try await CICTestSite.run(CICQueueTests.withAgent { _ in }) { site in
            let session = try await site.session()
            let id = try await session.create(in: "Holding")
            let user = ["queueID": ["queueType": 1, "queueName": "anna"] as [String: Any]]
            #expect(try await session.call("POST", "/interactions/\(id)/blind-transfer", user).status == 200)
            #expect(
                try await session.attributes(id, "Eic_State,Eic_UserName") == [
                    "Eic_State": "A", "Eic_UserName": "anna",
                ])
        }
    }
}
