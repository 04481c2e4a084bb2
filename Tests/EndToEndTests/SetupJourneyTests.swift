import Foundation
import TestSupport
import Testing

/// From an empty database to a site that runs, is changed and is paused, all by typing.
@Suite struct SetupJourneyTests {
    private struct Walk {
        let installation: Installation

        @discardableResult
        func type(_ words: String..., input: String = "", expecting status: Int32 = 0) async throws -> String {
            let outcome = try await installation.run(words, input: input)
            #expect(outcome.status == status, "\(words): \(outcome.output)\(outcome.errors)")
            return outcome.output + outcome.errors
        }

        /// Everything is asked and nothing is wrong; what is then put wrong is found.
        func doctor() async throws {
            // The database of the tests is quick and forgets: that is its one failure, which the session can mend.
            let url = installation.databaseURL
            let durable = url + (url.contains("?") ? "&" : "?") + "options=-c%20synchronous_commit%3Don"
            let good = try await installation.run(["doctor"], ["CASEROUTER_DATABASE_URL": durable])
            #expect(good.status == 0, "\(good.output)\(good.errors)")
            for part in ["no failure:", "salesforce-write-back", "cic-handler", "broker-arguments", "database-schema"] {
                #expect(good.output.contains(part), "\(part): \(good.output)")
            }
            #expect(
                !good.output.contains(SimulatedNeighbours.secret) && !good.output.contains(SimulatedNeighbours.password)
            )

            let other = installation.directory.appending(path: "other-key").path
            #expect(try await installation.run(["keys", "generate", other]).status == 0)
            let bad = try await installation.run(
                ["doctor", "--cic", "main", "--json", "--problems"],
                ["CASEROUTER_DATABASE_URL": durable, "CASEROUTER_KEY_FILE": other])
            #expect(bad.status == 1, "\(bad.output)\(bad.errors)")
            struct Report: Decodable {
                struct Check: Decodable { let code, subject, verdict: String, remedy: String? }
                let failures: Int
                let checks: [Check]
            }
            let report = try JSONDecoder().decode(Report.self, from: Data(bad.output.utf8))
            #expect(report.failures == 1)
            let failure = report.checks.first { $0.verdict == "failure" }
            #expect(failure?.code == "credential-opens" && failure?.subject == "cic:main" && failure?.remedy != nil)
        }

        /// What is typed again and again until it says this.
        func type(_ words: String..., until expected: String) async throws -> String {
            var said = ""
            try await eventually("\(words) says “\(expected)”; it says: \(said)") {
                let outcome = try await installation.run(words)
                said = outcome.output + outcome.errors
                return said.contains(expected)
            }
            return said
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func `a site is brought up in mode observe, goes live, is changed, paused and resumed`() async throws {
        try await Installation.with { installation in
            let neighbours = try await SimulatedNeighbours.start(
                in: installation, queues: ["Support", "Sales"], workgroups: ["Support", "Sales"], skills: ["German"])
            let walk = Walk(installation: installation)
            let site = """
                orgs:
                  - {name: acme, login_url: "http://127.0.0.1:\(neighbours.salesforcePort)", organization_id: 00D000000000001EAA}
                cic:
                  - {name: main, hosts: ["127.0.0.1:\(neighbours.cicPort)"], tls: false, holding: Holding}
                mappings:
                  - {org: acme, queue: Support, cic: main, workgroup: Support}
                """
            try await walk.type("config", "apply", "-", input: site)
            let before = try await walk.type("doctor", expecting: 1)
            #expect(before.contains("caserouter credentials set cic:main") && before.hasPrefix("needs attention"))

            // A secret is tried before it is stored.
            let wrong = #"{"user": "caserouter", "password": "wrong"}"#
            #expect(
                try await walk.type("credentials", "set", "cic:main", input: wrong, expecting: 1)
                    .contains("Nothing was stored"))
            let cicSecret = #"{"user": "caserouter", "password": "\#(SimulatedNeighbours.password)"}"#
            #expect(try await walk.type("credentials", "set", "cic:main", input: cicSecret).contains("logged in"))
            let orgSecret = #"{"client_id": "case-router", "client_secret": "\#(SimulatedNeighbours.secret)"}"#
            #expect(try await walk.type("credentials", "set", "org:acme", input: orgSecret).contains("logged in"))
            try await walk.type("credentials", "verify", "cic:main")
            try await walk.doctor()

            let ingest = try await installation.start("ingest")
            let route = try await installation.start("route")
            _ = try await walk.type("status", until: "healthy: all is well")

            // Observed: decided, and nothing done.
            let first = try await neighbours.createCase(in: "Support")
            _ = try await walk.type("case", first, until: "The org is in mode observe")
            let live = try await walk.type("orgs", "set-mode", "acme", "live")
            #expect(live.contains("1 open cases of monitored queues are offered to nobody"))

            // Live: offered.
            let second = try await neighbours.createCase(in: "Support")
            let story = try await walk.type("case", second, "--why", until: "waits on workgroup Support of main")
            for part in [
                "changed", "received", "arrived", "interaction", "mapping 1 version 1", "now it would be: the same",
            ] {
                #expect(story.contains(part), "\(part): \(story)")
            }

            // As soon as the names are known, a slip is refused.
            try await eventually("the names are read") {
                try await installation.query("SELECT cic FROM caserouter.directory_reads") == ["main"]
            }
            #expect(
                try await walk.type("mappings", "add", "acme", "Sales", "main/Salse", expecting: 78)
                    .contains("did you mean Sales?"))
            // What an older connector was told is looked at where it lies.
            try await neighbours.createMapping(of: "Sales", to: "Sales")
            try await walk.type(
                "orgs", "set", "acme", "source.mapping-object=Old_Mapping__c", "source.mapping-queue=Queue__c",
                "source.mapping-workgroup=Workgroup__c", "source.mapping-skills=Skills__c")
            _ = try await walk.type(
                "mappings", "import", "--from-salesforce", "acme", "--dry-run", until: "+ mapping:acme/Sales")
            // A change is looked at before it is made.
            let file = installation.directory.appending(path: "new.csv").path
            try Data("org,queue,cic,workgroup\nacme,Support,main,Sales\n".utf8).write(
                to: URL(fileURLWithPath: file))
            let preview = try await walk.type("mappings", "preview", file)
            #expect(preview.contains("2 of 2 decisions"), "\(preview)")
            #expect(preview.contains("main/Support") && preview.contains("main/Sales"))
            #expect(try await walk.type("mappings", "import", file).contains("workgroup: Support → Sales"))
            let third = try await neighbours.createCase(in: "Support")
            _ = try await walk.type("case", third, until: "waits on workgroup Sales of main")

            // Keys and secrets change under the workers.
            try await walk.type("keys", "rotate", "--new")
            #expect(try await walk.type("keys", "rotate").contains("2 secrets"))
            #expect(try await walk.type("credentials", "set", "cic:main", input: cicSecret).contains("version 2"))

            // Paused, it waits; resumed, it goes on.
            try await walk.type("pause", "workgroup:main/Sales", "--why", "a walk")
            let fourth = try await neighbours.createCase(in: "Support")
            let held = try await walk.type("case", fourth, until: "held with workgroup Sales")
            #expect(held.contains("caserouter resume workgroup:main/Sales"))
            #expect(try await walk.type("status", expecting: 1).contains("caserouter resume workgroup:main/Sales"))
            #expect(try await walk.type("resume", "workgroup:main/Sales").contains("1 cases waited"))
            _ = try await walk.type("case", fourth, until: "waits on workgroup Sales of main")
            _ = try await walk.type("status", until: "healthy: all is well")
            #expect(try await walk.type("report", "accounting").contains("acme"))
            // They end with their values.
            withExtendedLifetime((neighbours, ingest, route)) {}
        }
    }
}
