import CaseRouting
import JSON
import Simulators
import Testing

@testable import CIC

extension SiteTests {
    /// Looking for interactions in the holding workgroup.
    @Suite(.timeLimit(.minutes(3)))
    struct ListingTests {
        @Test func `callers who ask at once share a listing, and each listing begins after the call`() async throws {
            try await TestSite.run { site in
                try await site.withServer { server in
                    let attempt = newAttempt()
                    let id = try await server.create(attempt, attributes())
                    try await site.control("interactions", ["workgroup": "Holding", "count": 50])
                    try await withThrowingTaskGroup(of: [FoundInteraction].self) { group in
                        for _ in 0..<50 { group.addTask { try await server.findInHolding(episode()) } }
                        for try await found in group {
                            #expect(found == [FoundInteraction(interaction: id, attempt: attempt)])
                        }
                    }
                    #expect(try await server.findInHolding(episode(2)).isEmpty)
                    let puts = try site.ledger("request").count {
                        $0["method"]?.string == "PUT" && $0["path"]?.string?.contains("holding-") == true
                    }
                    #expect(puts >= 2 && puts <= 4, "\(puts) listings")
                    // None is left behind.
                    let sessions = try await site.control("state", method: .get)["sessions"]?.array ?? []
                    #expect(sessions.allSatisfy { $0["subscriptions"]?.array?.isEmpty == true })
                }
            }
        }

        @Test func `interactions of another installation or org are not found`() async throws {
            try await TestSite.run { site in
                try await site.withServer { server in
                    for change in [("CR_Installation", "other"), ("CR_Org", "00D000000000002AAA")] {
                        var carried = FeedTests.ours(newAttempt()).object ?? JSONObject()
                        carried[change.0] = .string(change.1)
                        try await site.control(
                            "interactions", ["workgroup": "Holding", "attributes": .object(carried)])
                    }
                    let attempt = newAttempt()
                    try await site.control(
                        "interactions", ["workgroup": "Holding", "attributes": FeedTests.ours(attempt)])
                    let found = try await server.findInHolding(episode())
                    #expect(found.map(\.attempt) == [attempt])
                }
            }
        }

        @Test func `a holding workgroup that may not be seen is named`() async throws {
            try await TestSite.run({ $0.unreadableWorkgroups = ["Holding"] }) { site in
                try await site.withServer { server in
                    let failed = await failure { () throws(RoutingFailure) in try await server.findInHolding(episode())
                    }
                    #expect(failed?.kind == .configuration && failed?.cause == .holdingUnusable)
                }
            }
        }
    }
}
