import Foundation
import TestSupport
import Testing

/// A customer writes about a case that a user already owns: it is offered to that very person, in the person's own queue.
@Suite(.serialized) struct OwnQueueTests {
    /// Returns when the comments on a case, in their order, were decided by these rules; the case itself may be heard of later.
    private static func decided(_ rules: [String], _ number: String, _ site: RunningSite) async throws {
        try await eventually("the comments on case \(number) are decided by \(rules)") {
            try await site.installation.query(
                """
                SELECT coalesce(r.rule, '') FROM caserouter.cases c JOIN caserouter.requests r USING (org, case_id)
                WHERE c.case_number = '\(number)' AND r.change = 'comment' ORDER BY r.version
                """) == rules
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func
        `a comment on a user's case is one interaction in the user's own queue, and ends when the user has finished it`()
        async throws
    {
        try await RunningSite.with(people: ["anna.meier"]) { site in
            let neighbours = site.neighbours
            let anna = try await neighbours.createUser("anna@example.com")
            let other = try await neighbours.createUser("bert@example.com")
            let (caseID, number) = try await neighbours.createCase(ownedBy: anna)
            try await neighbours.comment(on: caseID)
            // Nothing was set yet.
            try await Self.decided(["owned-by-user"], number, site)

            let misspelt = try await site.type(
                ["mappings", "add", "acme", anna, "main/user:anna.maier"], expecting: 78)
            #expect(misspelt.contains("no user anna.maier; did you mean anna.meier?"), "\(misspelt)")
            let added = try await site.change(["mappings", "add", "acme", anna, "main/user:anna.meier"])
            #expect(added.said.contains("caserouter orgs set acme contact_on_user_owned=own-queue"), "\(added.said)")
            _ = try await site.change(["orgs", "set", "acme", "contact_on_user_owned=own-queue"])
            let exported = try await site.type(["config", "export"])
            #expect(exported.contains("contact_on_user_owned: own-queue") && exported.contains("user:anna.meier"))

            try await neighbours.comment(on: caseID)
            try await site.waits(number, on: "user:anna.meier")
            try await Self.decided(["owned-by-user", "contacted-owner"], number, site)
            #expect(try await site.type(["report", "waiting"]).contains("user:anna.meier"))
            #expect(try await site.type(["case", number]).contains("user:anna.meier"))
            // Another comment finds it there.
            try await neighbours.comment(on: caseID)
            try await Self.decided(["owned-by-user", "contacted-owner", "interaction-active"], number, site)

            let (unknownID, unknown) = try await neighbours.createCase(ownedBy: other)
            try await neighbours.comment(on: unknownID)
            try await Self.decided(["no-own-queue"], unknown, site)
            #expect(try await site.place(of: unknown) == [])

            try await neighbours.setToWork("anna.meier")
            try await eventually("she has finished it") {
                try await site.installation.query(
                    """
                    SELECT e.workgroup || ' ' || e.end_reason || ' ' || (e.with_agent_at IS NOT NULL)
                    FROM caserouter.cases c JOIN caserouter.episodes e USING (org, case_id)
                    WHERE c.case_number = '\(number)' AND c.want_cic IS NULL AND e.ended_at IS NOT NULL
                    """) == ["user:anna.meier ended true"]
            }
            let ledger = try String(
                contentsOf: site.installation.directory.appending(path: "cic.ndjson"), encoding: .utf8)
            let created = ledger.split(separator: "\n").filter { $0.contains("\"event\":\"created\"") }
            #expect(created.count == 1 && created.first?.contains(caseID) == true, "\(created)")
            // It is over: nothing comes of it by itself.
            #expect(try await site.place(of: number) == [])
            try await eventually("all is well") { try await site.installation.run(["status"]).status == 0 }
        }
    }
}
