import Foundation
import TestSupport
import Testing

/// A site set up, looked at and changed by typing, as a person would.
@Suite struct SetupCommandTests {
    private static let site = """
        orgs:
          - {name: acme, login_url: "https://login.example", organization_id: 00D000000000001EAA}
        cic:
          - {name: east, hosts: ["127.0.0.1:1"], tls: false, holding: Hold}
        mappings:
          - {org: acme, queue: Support, cic: east, workgroup: Support, skills: [German]}
        """

    private static func run(
        _ installation: Installation, _ line: String, input: String = "", expecting status: Int32 = 0
    ) async throws -> String {
        var words: [String] = []
        for (index, part) in line.split(separator: "'", omittingEmptySubsequences: false).enumerated() {
            words += index % 2 == 1 ? [String(part)] : part.split(separator: " ").map(String.init)
        }
        // With the rights of those who keep a site, and no others.
        let asAdministrator =
            installation.databaseURL + (installation.databaseURL.contains("?") ? "&" : "?")
            + "options=-c%20role%3Dcaserouter_admin"
        let outcome = try await installation.run(
            words, input: input, ["CASEROUTER_DATABASE_URL": asAdministrator])
        #expect(outcome.status == status, "\(line): \(outcome.output)\(outcome.errors)")
        return outcome.output + outcome.errors
    }

    @Test(.timeLimit(.minutes(3))) func `a site is set up, looked at and changed from the command line`() async throws {
        try await Installation.with { installation in
            func run(_ line: String, input: String = "", expecting status: Int32 = 0) async throws -> String {
                try await Self.run(installation, line, input: input, expecting: status)
            }
            var said = try await run("status", expecting: 1)
            #expect(said.hasPrefix("needs attention"))
            #expect(said.contains("caserouter config apply"))

            said = try await run("config apply - --dry-run", input: Self.site)
            #expect(said.contains("+ org:acme") && said.contains("3 would be added"))
            #expect(try await run("orgs list").contains("there are no orgs"))
            said = try await run("config apply -", input: Self.site)
            #expect(said.contains("3 added, 0 changed"))
            #expect(said.contains("could not be checked"))
            said = try await run("status", expecting: 1)
            for command in [
                "credentials set org:acme", "credentials set cic:east", "caserouter ingest", "mappings list",
            ] {
                #expect(said.contains(command), "\(command): \(said)")
            }

            // What is exported is what is there.
            let exported = try await run("config export")
            #expect(try await run("config apply -", input: exported).contains("0 added, 0 changed, 3 as before"))

            said = try await run("orgs set-mode acme live")
            #expect(said.contains("mode: observe → live") && said.contains("orgs set-mode acme observe"))
            #expect(try await run("orgs set-mode acme live", expecting: 1).contains("already"))
            #expect(try await run("orgs set-mode acmee live", expecting: 64).contains("did you mean “acme”?"))
            #expect(try await run("orgs set acme colour=red", expecting: 78).contains("known are"))

            said = try await run("mappings add acme 'Sales Team' east/Sales skills=English")
            #expect(said.contains("undo: caserouter mappings remove 2"))
            said = try await run("mappings set 2 skills= on_reply=keep")
            #expect(said.contains("undo: caserouter mappings set 2 skills=English on_reply=end"))
            said = try await run("mappings remove 2")
            #expect(said.contains("undo: caserouter mappings add acme 'Sales Team' east/Sales "))
            #expect(said.contains(" on_reply=keep"))
            #expect(try await run("mappings set 2 on_reply=end", expecting: 64).contains("there are: 1"))
            let table =
                "org;queue;cic;workgroup;skills\nacme;Support;east;Support;\"German,French\"\nacme;New;east;New;\n"
            let file = installation.directory.appending(path: "table.csv")
            try Data(table.utf8).write(to: file)
            said = try await run("mappings import \(file.path)")
            #expect(said.contains("skills: German → German;French") && said.contains("1 added, 1 changed"))
            #expect(try await run("mappings preview \(file.path) --days 7").contains("0 of 0 decisions"))
            #expect(try await run("mappings preview \(file.path) --days 0", expecting: 64).contains("1 to 90"))

            said = try await run("pause workgroup:east/Support --why 'wrong skills'")
            #expect(said.contains("undo: caserouter resume workgroup:east/Support"))
            #expect(try await run("status", expecting: 1).contains("caserouter resume workgroup:east/Support"))
            #expect(try await run("resume workgroup:east/Support").contains("resumed"))
            #expect(try await run("resume workgroup:east/Support", expecting: 1).contains("nothing is"))

            #expect(
                try await run("mappings list --workgroup Suport", expecting: 64).contains("did you mean “Support”?"))
            #expect(try await run("case 00001042 --org acmee", expecting: 64).contains("did you mean “acme”?"))
            #expect(try await run("orgs list --tz Europe/Berlin").contains("(Europe/Berlin)"))
            said = try await run("case 00001042", expecting: 1)
            #expect(said.contains("there is no case “00001042”"))
            said = try await run("audit list --by nobody")
            #expect(said.contains("nobody changed anything"))
            said = try await run("audit list --target mapping:acme/Sales --json")
            let audit = try JSONDecoder().decode([String: [AuditRow]].self, from: Data(said.utf8))
            #expect(audit["audit"]?.map(\.action) == ["mappings remove", "mappings set", "mappings add"])
        }
    }

    private struct AuditRow: Decodable { let action: String }

    @Test(.timeLimit(.minutes(3))) func `master keys are rotated while secrets stay readable`() async throws {
        try await Installation.with { installation in
            func run(_ line: String, input: String = "", expecting status: Int32 = 0) async throws -> String {
                try await Self.run(installation, line, input: input, expecting: status)
            }
            _ = try await run("config apply -", input: Self.site)
            let secret = #"{"user": "u", "password": "do-not-tell"}"#
            _ = try await run("credentials set cic:east --unverified", input: secret)
            _ = try await run("credentials set cic:east --unverified", input: secret)
            #expect(try await run("keys rotate").contains("under key"))
            #expect(try await run("keys rotate --new").contains("copy the file"))
            #expect(try await run("keys status").contains("to be rotated"))
            #expect(try await run("keys rotate").contains("2 secrets are under key"))
            let status = try await run("keys status")
            #expect(status.contains("no longer used") && !status.contains("to be rotated"))
            // The older key is not needed any more.
            let file = try String(contentsOfFile: installation.keyFile, encoding: .utf8)
            chmod(installation.keyFile, 0o600)
            try Data((file.split(separator: "\n")[0] + "\n").utf8).write(to: URL(fileURLWithPath: installation.keyFile))
            chmod(installation.keyFile, 0o400)
            // Opens, and fails only because nobody listens there.
            let verified = try await run("credentials verify cic:east", expecting: 1)
            #expect(!verified.contains("key") && !verified.contains("do-not-tell"))
            #expect(try await run("credentials remove cic:east --newest").contains("version 1 is in force"))
            #expect(try await run("credentials remove cic:east").contains("none is left"))
            #expect(try await run("credentials verify cic:east", expecting: 1).contains("no secret is stored"))
        }
    }
}
