import CaseRouting
import TestSupport
import Testing

@testable import CIC

extension SiteTests {
    @Suite(.timeLimit(.minutes(3)))
    struct HandlerTests {
        @Test(arguments: [CICServerSettings.Messaging.sse, .poll])
        func `the handler creates, places with skills, and ends`(_ messaging: CICServerSettings.Messaging) async throws
        {
            try await TestSite.run { site in
                let templates = [try AttributeTemplate(name: "SF_URLPop", value: try TextTemplate("{case.id}"))]
                let settings = try site.settings(.handler, messaging: messaging, attributes: templates)
                try await site.withServer(settings) { server in
                    #expect(try await server.ping(nonce: 77) == "1")
                    let attempt = newAttempt()
                    let id = try await server.create(attempt, attributes())
                    var held = try #require(try await site.interactions().first)
                    #expect(held.id == id.description && held.workgroup == "Holding" && held["CR_Assign"] == "0")
                    #expect(held["SF_URLPop"] == episode().caseKey.caseID.description)
                    #expect(held["Eic_RemoteName"] == "Case 00001000" && held["CR_Org"] == "00D000000000001AAA")
                    let skills = ["English", "German"]
                    #expect(try await server.assign(order(id, attempt, number: 5, skills: skills)) == .assigned)
                    held = try #require(try await site.interactions().first)
                    #expect(held.workgroup == "Support" && held.skills == skills && held["CR_Assign"] == "5")
                    #expect(try await server.assign(order(id, attempt, number: 5)) == .stale(inForce: 5))
                    #expect(try await server.assign(order(id, attempt, number: 4)) == .stale(inForce: 5))
                    #expect(try await server.assign(order(id, newAttempt(), number: 9)) == .gone)
                    try await server.disconnect(id, newAttempt())
                    #expect(try await site.interactions().count == 1)
                    try await server.disconnect(id, attempt)
                    try await eventually("it is gone") { try await server.read(id, attempt) == .gone }
                    try await server.disconnect(id, attempt)
                }
            }
        }

        @Test func `a silent handler leaves a creation unknown and lets the rest be repeated`() async throws {
            try await TestSite.run { site in
                var limits = TestSite.limits
                limits.call = .milliseconds(1_500)
                try await site.withServer(try site.settings(.handler, messaging: .sse), limits: limits) { server in
                    try await site.control("configuration", ["handler": ["loseAnswers": 1]], method: .patch)
                    let attempt = newAttempt()
                    var failed = await failure { () throws(RoutingFailure) in
                        try await server.create(attempt, attributes())
                    }
                    #expect(failed?.kind == .unknown && failed?.cause == .handlerSilent && failed?.stage == .create)
                    let id = InteractionID(try #require(try await site.interactions().first).id)
                    #expect(
                        try await server.findInHolding(episode()) == [
                            FoundInteraction(interaction: id, attempt: attempt)
                        ])
                    try await site.control("configuration", ["handler": ["loseAnswers": 2]], method: .patch)
                    failed = await failure { () throws(RoutingFailure) in
                        try await server.assign(order(id, attempt, number: 1))
                    }
                    #expect(failed?.kind == .transient && failed?.cause == .handlerSilent && failed?.stage == .assign)
                    failed = await failure { () throws(RoutingFailure) in try await server.disconnect(id, newAttempt())
                    }
                    #expect(
                        failed?.kind == .transient && failed?.cause == .handlerSilent && failed?.stage == .disconnect)
                    try await site.control("configuration", ["handler": ["published": false]], method: .patch)
                    failed = await failure { () throws(RoutingFailure) in
                        try await server.create(newAttempt(), attributes(2))
                    }
                    #expect(failed?.kind == .unknown && failed?.cause == .handlerSilent)
                    #expect(try await site.interactions().count == 1)
                }
            }
        }

        @Test func `answers that come twice or late go to nobody else`() async throws {
            try await TestSite.run { site in
                var limits = TestSite.limits
                limits.call = .milliseconds(1_500)
                try await site.withServer(try site.settings(.handler, messaging: .sse), limits: limits) { server in
                    try await site.control("configuration", ["handler": ["duplicateAnswers": 3]], method: .patch)
                    let attempt = newAttempt()
                    let id = try await server.create(attempt, attributes())
                    #expect(try await server.assign(order(id, attempt, number: 1)) == .assigned)
                    #expect(try await server.assign(order(id, attempt, number: 2, on: "Sales Team")) == .assigned)
                    // The answer to number 3 comes while number 4 is asked for.
                    try await site.control("configuration", ["handler": ["answerDelay": 2_000]], method: .patch)
                    let failed = await failure { () throws(RoutingFailure) in
                        try await server.assign(order(id, attempt, number: 3))
                    }
                    #expect(failed?.cause == .handlerSilent)
                    try await site.control("configuration", ["handler": ["answerDelay": 800]], method: .patch)
                    #expect(try await server.assign(order(id, attempt, number: 4, on: "Sales Team")) == .assigned)
                    #expect(try await site.interactions().first?["CR_Assign"] == "4")
                }
            }
        }

        @Test func `a refusal that comes late is not held against a newer assign`() async throws {
            try await TestSite.run { site in
                var limits = TestSite.limits
                limits.call = .milliseconds(1_500)
                try await site.withServer(try site.settings(.handler, messaging: .sse), limits: limits) { server in
                    let attempt = newAttempt()
                    let id = try await server.create(attempt, attributes())
                    try await site.control(
                        "configuration",
                        ["handler": ["answerDelay": 2_000, "failNext": 1, "failCode": "unknown-skill"]], method: .patch)
                    let failed = await failure { () throws(RoutingFailure) in
                        try await server.assign(order(id, attempt, number: 1))
                    }
                    #expect(failed?.cause == .handlerSilent)
                    // The refusal of number 1 comes while number 2 is asked for.
                    try await site.control("configuration", ["handler": ["answerDelay": 800]], method: .patch)
                    #expect(try await server.assign(order(id, attempt, number: 2, on: "Sales Team")) == .assigned)
                }
            }
        }

        @Test(arguments: [
            ("unknown-workgroup", RoutingFailure.Kind.configuration, FailureCause.workgroupUnknown),
            ("unknown-skill", .configuration, .skillUnknown), ("no-licence", .configuration, .cicForbidden),
            ("internal", .transient, .handlerFailed), ("something new", .transient, .handlerFailed),
        ])
        func `what the handler refuses is classified`(
            _ code: String, _ kind: RoutingFailure.Kind, _ cause: FailureCause
        ) async throws {
            try await TestSite.run { site in
                try await site.withServer(try site.settings(.handler, messaging: .sse)) { server in
                    let attempt = newAttempt()
                    let id = try await server.create(attempt, attributes())
                    try await site.control(
                        "configuration", ["handler": ["failNext": 2, "failCode": .string(code)]], method: .patch)
                    var failed = await failure { () throws(RoutingFailure) in
                        try await server.assign(order(id, attempt, number: 1))
                    }
                    #expect(failed?.kind == kind && failed?.cause == cause && failed?.stage == .assign)
                    failed = await failure { () throws(RoutingFailure) in
                        try await server.create(newAttempt(), attributes(2))
                    }
                    #expect(failed?.kind == kind && failed?.stage == .create)
                }
            }
        }

        @Test func `a session that ends between request and answer does not lose the answer`() async throws {
            try await TestSite.run { site in
                try await site.withServer(try site.settings(.handler, messaging: .sse)) { server in
                    try await site.control("configuration", ["handler": ["answerDelay": 1_500]], method: .patch)
                    async let created = server.create(newAttempt(), attributes())
                    try await eventually("asked") { try site.requests("POST", suffix: "handler-notification") == 1 }
                    try await site.control("sessions/expire")
                    let id = try await created
                    #expect(try await site.interactions().first?.id == id.description)
                }
            }
        }
    }
}
