import CaseRouting
import TestSupport
import Testing

@testable import CIC

extension SiteTests {
    @Suite(.timeLimit(.minutes(3)))
    struct GenericTests {
        @Test func `a generic interaction is created in holding, moved, numbered and ended`() async throws {
            try await TestSite.run { site in
                try await site.withServer { server in
                    let attempt = newAttempt()
                    let id = try await server.create(attempt, attributes())
                    var held = try #require(try await site.interactions().first)
                    #expect(held.id == id.description && held.workgroup == "Holding")
                    #expect(held["CR_AttemptId"] == attempt.description && held["CR_Assign"] == nil)
                    #expect(held["CR_Org"] == "00D000000000001AAA" && held["CR_Installation"] == "test-installation")
                    #expect(held["CR_CaseId"] == episode().caseKey.caseID.description && held["CR_Episode"] == "1")
                    #expect(held["CR_CaseURL"] == "https://acme.example.com/" + episode().caseKey.caseID.description)
                    #expect(held["Eic_RemoteName"] == "Case 00001000" && held["CR_Priority"] == "High")
                    #expect(
                        try await server.read(id, attempt)
                            == .alive(isWithAgent: false, assignNumber: 0, workgroup: "Holding"))
                    #expect(try await server.assign(order(id, attempt, number: 3)) == .assigned)
                    held = try #require(try await site.interactions().first)
                    #expect(held.workgroup == "Support" && held["CR_Assign"] == "3")
                    #expect(try await server.assign(order(id, attempt, number: 3)) == .stale(inForce: 3))
                    #expect(
                        try await server.assign(order(id, attempt, number: 2, on: "Sales Team")) == .stale(inForce: 3))
                    #expect(try await site.interactions().first?.workgroup == "Support")
                    try await server.disconnect(id, attempt)
                    try await eventually("it is gone") { try await server.read(id, attempt) == .gone }
                    #expect(try await server.assign(order(id, attempt, number: 4)) == .gone)
                    try await server.disconnect(id, attempt)
                    // Cookie and token were always right: the simulator refuses every request without them.
                    #expect(try site.ledger("request").allSatisfy { $0["status"]?.int != 401 })
                }
            }
        }

        @Test(arguments: ["ignored", "late"])
        func `attributes that the server does not take at creation are set afterwards`(_ defect: String) async throws {
            try await TestSite.run {
                $0.createAttributes = defect
                $0.createAttributesDelay = 100
            } _: { site in
                try await site.withServer { server in
                    let attempt = newAttempt()
                    let id = try await server.create(attempt, attributes())
                    let held = try #require(try await site.interactions().first)
                    #expect(held["CR_AttemptId"] == attempt.description && held["CR_Episode"] == "1")
                    #expect(
                        try await server.findInHolding(episode()) == [
                            FoundInteraction(interaction: id, attempt: attempt)
                        ])
                }
            }
        }

        @Test func `attributes of a creation that come late do not take back the number of its move`() async throws {
            try await TestSite.run {
                $0.createAttributes = "late"
                $0.createAttributesDelay = 1_000
            } _: { site in
                try await site.withServer { server in
                    let attempt = newAttempt()
                    let id = try await server.create(attempt, attributes())
                    #expect(try await server.assign(order(id, attempt, number: 3)) == .assigned)
                    try await eventually("the server has set them") {
                        try site.ledger("interaction").contains {
                            $0["event"]?.string == "attributes" && $0["by"]?.string == "system"
                        }
                    }
                    #expect(
                        try await server.read(id, attempt)
                            == .alive(isWithAgent: false, assignNumber: 3, workgroup: "Support"))
                }
            }
        }

        @Test func `a created interaction whose answer is lost is unknown, and found by looking`() async throws {
            try await TestSite.run { site in
                try await site.withServer { server in
                    try await site.fault("create", when: "after")
                    let attempt = newAttempt()
                    let failed = await failure { () throws(RoutingFailure) in
                        try await server.create(attempt, attributes())
                    }
                    #expect(failed?.kind == .unknown && failed?.stage == .create)
                    let held = try await site.interactions()
                    #expect(held.count == 1)
                    let found = try await server.findInHolding(episode())
                    #expect(found.map(\.attempt) == [attempt] && found.first?.interaction.description == held.first?.id)
                }
            }
        }

        @Test func `an interaction that somebody else has by now is neither moved nor ended`() async throws {
            try await TestSite.run({ $0.idSpace = 1 }) { site in
                try await site.withServer { server in
                    let attempt = newAttempt()
                    let id = try await server.create(attempt, attributes())
                    try await server.disconnect(id, attempt)
                    try await eventually("the id is free") { try await site.interactions().isEmpty }
                    try await Task.sleep(for: .milliseconds(200))
                    try await site.control(
                        "interactions", ["workgroup": "Sales Team", "media": "call", "id": .string(id.description)])
                    #expect(try await server.read(id, attempt) == .gone)
                    #expect(try await server.assign(order(id, attempt, number: 9)) == .gone)
                    try await server.disconnect(id, attempt)
                    let held = try #require(try await site.interactions().first)
                    #expect(held.state == "O" && held.workgroup == "Sales Team")
                }
            }
        }

        @Test func `one that an agent has stays without take back and is taken with it`() async throws {
            try await TestSite.run { site in
                try await site.withServer { server in
                    let attempt = newAttempt()
                    let id = try await server.create(attempt, attributes())
                    _ = try await server.assign(order(id, attempt, number: 1))
                    try await site.control("interactions/\(id)/offer", ["agent": "caserouter"])
                    #expect(
                        try await server.read(id, attempt)
                            == .alive(isWithAgent: true, isAlerting: true, assignNumber: 1, workgroup: "Support"))
                    #expect(try await server.assign(order(id, attempt, number: 2, takesBack: false)) == .assigned)
                    #expect(try await site.interactions().first?.agent == "caserouter")
                    #expect(try await server.assign(order(id, attempt, number: 3)) == .assigned)
                    let held = try #require(try await site.interactions().first)
                    #expect(held.agent == nil && held["CR_Assign"] == "3")
                }
            }
        }

        @Test func `what its agent ends right before it is moved is gone, and gets no number of that move`()
            async throws
        {
            try await TestSite.run({ $0.lingering = 60_000 }) { site in
                try await site.withServer { server in
                    let attempt = newAttempt()
                    let id = try await server.create(attempt, attributes())
                    _ = try await server.assign(order(id, attempt, number: 1))
                    try await site.control("interactions/\(id)/offer", ["agent": "caserouter"])
                    try await site.control("interactions/\(id)/pickup")
                    try await site.fault("transfer", do: "wait", ms: 1_500)
                    async let answer = server.assign(order(id, attempt, number: 2, on: "Sales Team"))
                    try await eventually("the move is asked for") {
                        try await site.control("state", method: .get)["struck"]?.int == 1
                    }
                    try await site.control("interactions/\(id)/end")
                    #expect(try await answer == .gone)
                    let numbers = try site.ledger("interaction").compactMap { $0["attributes"]?["CR_Assign"]?.string }
                    #expect(!numbers.isEmpty && !numbers.contains("2"))
                }
            }
        }
    }
}
