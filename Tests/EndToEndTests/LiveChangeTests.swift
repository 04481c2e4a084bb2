import Foundation
import TestSupport
import Testing

/// What people change takes effect in workers that run: within five seconds, and without a restart.
@Suite(.serialized) struct LiveChangeTests {
    private static let promised: Duration = .seconds(5)

    @Test(.timeLimit(.minutes(5)))
    func `a mapping, an alias, a mode, a setting and a credential take effect while workers run`() async throws {
        try await RunningSite.with { site in
            var took: [Duration] = []
            let neighbours = site.neighbours

            // A mapping, added and changed.
            let early = try await neighbours.createCase(in: "Billing")
            try await site.decided(early, by: "unmonitored-queue")
            let added = try await site.change(["mappings", "add", "acme", "Billing", "main/Billing"])
            took.append(added.took)
            try await site.waits(try await neighbours.createCase(in: "Billing"), on: "Billing")
            let sweep = "caserouter sweep acme --queue Billing"
            #expect(added.said.contains("1 cases wait in Billing already; offer them: \(sweep)"), "\(added.said)")
            try await site.type(sweep.split(separator: " ").dropFirst().map(String.init))
            try await site.waits(early, on: "Billing")
            took.append(try await site.change(["mappings", "set", "3", "workgroup=Sales"]).took)
            try await site.waits(try await neighbours.createCase(in: "Billing"), on: "Sales")

            // An alias.
            let misunderstood = try await neighbours.createCase(in: "Support", skills: "Deutsch")
            try await eventually("the skill is not known") {
                try await site.installation.query(
                    "SELECT coalesce(failure_cause, '') FROM caserouter.cases WHERE case_number = '\(misunderstood)'"
                ) == ["skill-unknown"]
            }
            took.append(try await site.change(["aliases", "add", "main", "Deutsch", "German"]).took)
            try await site.waits(try await neighbours.createCase(in: "Support", skills: "Deutsch"), on: "Support")

            // An org's mode, there and back.
            took.append(try await site.change(["orgs", "set-mode", "acme", "observe"]).took)
            let observed = try await neighbours.createCase(in: "Support")
            try await site.decided(observed, by: "observing")
            took.append(try await site.change(["orgs", "set-mode", "acme", "live"]).took)
            try await site.waits(try await neighbours.createCase(in: "Support"), on: "Support")
            #expect(try await site.place(of: observed) == [])

            // A setting of a server, and one of the whole site.
            #expect(try await !neighbours.interactions().contains("Site_Colour"))
            took.append(try await site.change(["cic", "set", "main", "attributes.Site_Colour=teal"]).took)
            try await site.waits(try await neighbours.createCase(in: "Sales"), on: "Sales")
            #expect(try await neighbours.interactions().contains("Site_Colour"))
            took.append(try await site.change(["config", "settings", "latency_target_seconds=7"]).took)
            #expect(
                try await site.installation.query("SELECT DISTINCT target::int::text FROM report.latency") == ["7"])

            // A credential: whoever logs in from now on needs the new one.
            let password = "changed-in-cic"
            try await neighbours.changeCIC(["users": [["name": "caserouter", "password": password]]])
            took.append(
                try await site.change(
                    ["credentials", "set", "cic:main"], input: #"{"user": "caserouter", "password": "\#(password)"}"#
                ).took)
            try await site.waits(try await neighbours.createCase(in: "Support"), on: "Support")

            // On a machine that stands still for seconds one of them may be late; half of them are not.
            let median = took.sorted()[took.count / 2]
            #expect(median < Self.promised, "\(took)")
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func `an org and a workgroup are paused and resumed while everything else goes on`() async throws {
        try await RunningSite.with(orgs: ["acme", "globex"]) { site in
            func create(_ queue: String, _ org: String = "acme") async throws -> String {
                try await site.neighbours.createCase(in: queue, of: org)
            }
            /// The command of both: what is held waits with its reason, and counts as no failure.
            func holds(_ number: String, with target: String) async throws {
                try await eventually("case \(number) is held with \(target)") {
                    let story = try await site.installation.run(["case", number, "--org", "acme"])
                    return story.output.contains("\(target) is not worked on (paused: ")
                        && story.output.contains("caserouter resume \(target)")
                }
                #expect(
                    try await site.installation.query(
                        "SELECT attempts::text || ' ' || coalesce(failure_cause, 'none') FROM caserouter.cases "
                            + "WHERE org = 'acme' AND case_number = '\(number)'") == ["0 none"])
            }

            // One workgroup: the other goes on, of this org and of the other.
            let workgroup = "workgroup:main/Support"
            let said = try await site.type(["pause", workgroup, "--why", "wrong skills"])
            #expect(said == "\(workgroup): paused; undo: caserouter resume \(workgroup)\n")
            let held = try await create("Support")
            let besides = try await create("Sales")
            try await holds(held, with: workgroup)
            try await site.waits(besides, on: "Sales")
            #expect(try await site.place(of: held) == [])
            let status = try await site.type(["status"], expecting: 1)
            #expect(status.contains("caserouter resume \(workgroup)") && status.contains("wrong skills"), "\(status)")
            #expect(
                try await site.type(["pause", workgroup, "--why", "twice"], expecting: 1).contains("paused already"))
            #expect(try await site.type(["resume", workgroup]).contains("resumed, 1 cases waited; undo: "))
            try await site.waits(held, on: "Support")
            #expect(try await site.type(["resume", workgroup], expecting: 1).contains("is not paused"))

            // One org: whatever its workgroup, and the other org goes on on the same one.
            try await site.type(["pause", "org:acme", "--why", "a deployment in Salesforce"])
            let here = try await create("Sales")
            let there = try await create("Sales", "globex")
            try await holds(here, with: "org:acme")
            try await site.waits(there, on: "Sales", of: "globex")
            #expect(try await site.place(of: here) == [])
            #expect(try await site.type(["pause", "org:acmee", "--why", "x"], expecting: 64).contains("did you mean"))
            #expect(try await site.type(["resume", "org:acme"]).contains("1 cases waited"))
            try await site.waits(here, on: "Sales")

            let audit = try await site.type(["audit", "list", "--action", "pause", "--json"])
            #expect(audit.contains("a deployment in Salesforce") && audit.contains("wrong skills"))
            try await eventually("all is well again") { try await site.installation.run(["status"]).status == 0 }
        }
    }
}
