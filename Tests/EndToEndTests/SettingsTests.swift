import Foundation
import TestSupport
import Testing

/// Settings that cannot be used stop the program with exit 78 and the name of the key, never its value.
@Suite struct SettingsTests {
    private static let secret = "hunter2-do-not-tell"

    /// What is wrong, in which command, and what has to be named.
    private struct Wrong {
        let name: String
        var arguments = ["route"]
        var input = ""
        var changes: [String: String?] = [:]
    }

    @Test func `a wrong environment stops a worker with 78 and the name of the setting`() async throws {
        try await Installation.with { installation in
            let open = installation.directory.appending(path: "open-key").path
            try Data(contentsOf: URL(fileURLWithPath: installation.keyFile)).write(to: URL(fileURLWithPath: open))
            chmod(open, 0o644)
            let secret = Self.secret
            for wrong in [
                Wrong(name: "CASEROUTER_DATABSE_URL", changes: ["CASEROUTER_DATABSE_URL": secret]),
                Wrong(name: "CASEROUTER_DATABASE_URL", changes: ["CASEROUTER_DATABASE_URL": "mysql://u:\(secret)@h/d"]),
                Wrong(name: "CASEROUTER_DATABASE_URL", changes: ["CASEROUTER_DATABASE_URL": nil as String?]),
                Wrong(name: "CASEROUTER_BROKER_URL", changes: ["CASEROUTER_BROKER_URL": "http://u:\(secret)@h:1x"]),
                Wrong(
                    name: "CASEROUTER_BROKER_URL", changes: ["CASEROUTER_BROKER_URL": "amqp://u:\(secret)@192.0.2.1"]),
                Wrong(name: "CASEROUTER_KEY_FILE", changes: ["CASEROUTER_KEY_FILE": "/nowhere/key"]),
                Wrong(name: "CASEROUTER_KEY_FILE", changes: ["CASEROUTER_KEY_FILE": open]),
                Wrong(name: "CASEROUTER_LOG_LEVEL", changes: ["CASEROUTER_LOG_LEVEL": secret]),
                Wrong(name: "CASEROUTER_LOG_FORMAT", changes: ["CASEROUTER_LOG_FORMAT": secret]),
                Wrong(name: "CASEROUTER_CASES_IN_FLIGHT", changes: ["CASEROUTER_CASES_IN_FLIGHT": secret]),
                Wrong(name: "CASEROUTER_INSECURE", changes: ["CASEROUTER_INSECURE": secret]),
                Wrong(name: "CASEROUTER_CA_FILE", changes: ["CASEROUTER_CA_FILE": "/nowhere/\(secret)"]),
                Wrong(name: "CASEROUTER_CA_FILE", changes: ["CASEROUTER_CA_FILE": installation.keyFile]),
                Wrong(
                    name: "CASEROUTER_BROKER_PASSWORD_FILE", changes: ["CASEROUTER_BROKER_PASSWORD_FILE": "/\(secret)"]),
                Wrong(name: "CASEROUTER_LISTEN", arguments: ["serve"], changes: ["CASEROUTER_LISTEN": secret]),
                // An address that no machine has.
                Wrong(name: "CASEROUTER_LISTEN", arguments: ["serve"], changes: ["CASEROUTER_LISTEN": "192.0.2.1:80"]),
            ] {
                try await expectRefusal(of: wrong, by: installation)
            }
        }
    }

    @Test func `a wrong site file is refused whole, and the setting is named`() async throws {
        func server(_ more: String) -> String { "cic: [{name: east, hosts: ['cic:8019'], holding: Hold\(more)}]" }
        try await Installation.with { installation in
            let east = "{name: east, hosts: ['127.0.0.1:1'], tls: false, creation: generic, holding: Hold}"
            let org = "{name: acme, login_url: 'https://login.example', organization_id: 00D000000000001EAA}"
            let mapping = "{org: acme, queue: Support, cic: west, workgroup: Support}"
            for (name, file) in [
                ("orgs[0].colour", "orgs: [{name: acme, colour: \(Self.secret)}]"),
                ("mappings[0].cic", "orgs: [\(org)]\ncic: [\(east)]\nmappings: [\(mapping)]"),
                ("cic[1]", "cic: [\(east), \(east)]"),
                ("orgz", "orgz: []"),
                ("orgs[0].organization_id", "orgs: [{name: acme, login_url: 'https://l', organization_id: 00D1}]"),
                ("00D", "orgs: [{name: acme, login_url: 'https://l', organization_id: 005000000000001AAA}]"),
                ("orgs[0].login_url", "orgs: [{name: a, login_url: 'ftp://l', organization_id: 00D000000000001EAA}]"),
                ("orgs[0].name", "orgs: [{name: 'A b', login_url: 'https://l', organization_id: 00D000000000001EAA}]"),
                ("cic[0].attributes.Pop", server(", attributes: {Pop: '\(Self.secret){case.colour}'}")),
                ("cic[0].attributes.CR_Org", server(", attributes: {CR_Org: '\(Self.secret)'}")),
                ("cic[0].visible_name", server(", visible_name: '\(Self.secret){'")),
                ("mappings[0].skills", "mappings: [{org: a, queue: q, cic: c, workgroup: w, skills: ['A|B']}]"),
            ] {
                try await expectRefusal(
                    of: Wrong(name: name, arguments: ["config", "apply", "-"], input: file), by: installation)
            }
            #expect(try await installation.query("SELECT name FROM caserouter.orgs") == [])
            #expect(try await installation.query("SELECT name FROM caserouter.cic_servers") == [])
        }
    }

    @Test func `a wrong credential is refused without being repeated`() async throws {
        try await Installation.with { installation in
            let secret = Self.secret
            let server = "{name: east, hosts: ['127.0.0.1:1'], tls: false, creation: generic, holding: Hold}"
            let applied = try await installation.run(["config", "apply", "-"], input: "cic: [\(server)]")
            try #require(applied.status == 0, "\(applied.errors)")
            for (name, target, input) in [
                ("cic:east", "cic:east", #"{"user": "u", "password": "\#(secret)", "pin": "\#(secret)"}"#),
                ("password", "cic:east", #"{"user": "\#(secret)"}"#),
                ("JSON", "cic:east", secret),
                ("JSON", "cic:east", #"{"user": {"password": "\#(secret)"}}"#),
                ("org:NAME", "east", #"{"user": "u", "password": "\#(secret)"}"#),
            ] {
                try await expectRefusal(
                    of: Wrong(name: name, arguments: ["credentials", "set", target], input: input), by: installation)
            }
            let unknown = try await installation.run(
                ["credentials", "set", "cic:eats"], input: #"{"user": "u", "password": "\#(secret)"}"#)
            #expect(unknown.status == 64)
            #expect(unknown.errors.contains("did you mean “cic:east”?") && !unknown.errors.contains(secret))
            // Nobody listens there.
            let unverified = try await installation.run(
                ["credentials", "set", "cic:east"], input: #"{"user": "u", "password": "\#(secret)"}"#)
            #expect(unverified.status == 1)
            #expect(unverified.errors.contains("Nothing was stored"))
            #expect(!(unverified.output + unverified.errors).contains(secret))
            #expect(try await installation.query("SELECT target FROM caserouter.credentials") == [])
            let good = try await installation.run(
                ["credentials", "set", "cic:east", "--unverified"], input: #"{"user": "u", "password": "\#(secret)"}"#)
            #expect(good.status == 0, "\(good.errors)")
            #expect(!(good.output + good.errors).contains(secret))
        }
    }

    @Test func `a wrong command line is a matter of usage`() async throws {
        try await Installation.with { installation in
            for arguments in [["rout"], ["config", "apply"], ["credentials", "set", "cic:east", Self.secret]] {
                let outcome = try await installation.run(arguments)
                #expect(outcome.status == 64, "\(arguments)")
                #expect(!outcome.errors.isEmpty)
            }
        }
    }

    @Test func `the site file of the README is accepted, and the commands of the documents are there`() async throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let readme = try String(contentsOf: root.appending(path: "README.md"), encoding: .utf8)
        let operations = try String(contentsOf: root.appending(path: "docs/operations.md"), encoding: .utf8)
        try await Installation.with { installation in
            let site = try #require(readme.firstMatch(of: /(?s)```yaml\n(.*?)```/)).1
            try await installation.apply(String(site))
            #expect(try await installation.query("SELECT mode FROM caserouter.orgs") == ["observe"])
            #expect(try await installation.query("SELECT workgroup FROM caserouter.mappings") == ["Case Support"])

            let statements = operations.matches(of: /(?m)(?:`|^    )((?:SELECT|UPDATE|INSERT) [^`;]+)/)
                .map { String($0.1) }
            #expect(statements.count >= 6)
            // Fails where a table or column is not there.
            for statement in statements {
                let isQuestion = statement.hasPrefix("SELECT")
                _ = try await installation.query(isQuestion ? "SELECT '' FROM (\(statement)) q" : statement)
            }

            // `caserouter config apply site.yaml`: the words up to the first that is no command.
            let named = (readme + operations).matches(of: /(?m)(?:^    |^\| `|`)caserouter ([a-z]+(?: [a-z]+)*)/)
                .map { $0.1.split(separator: " ").map(String.init) }
            let nouns = [
                "keys", "config", "credentials", "mappings", "failed", "retries", "queues", "aliases", "orgs", "cic",
            ]
            let commands = Set(named.map { Array($0.prefix(nouns.contains($0[0]) ? 2 : 1)) })
            #expect(commands.count >= 11, "\(commands)")
            for command in commands {
                let outcome = try await installation.run(command + ["--help"])
                #expect(outcome.status == 0, "\(command)")
                // Help for another command would be help for a word that is none.
                #expect(
                    outcome.output.contains("USAGE: caserouter \(command.joined(separator: " "))"),
                    "\(command): \(outcome.output)")
            }
        }
    }

    private func expectRefusal(of wrong: Wrong, by installation: Installation) async throws {
        let outcome = try await installation.run(wrong.arguments, input: wrong.input, wrong.changes)
        #expect(outcome.status == 78, "\(wrong): \(outcome.errors)")
        #expect(outcome.errors.contains(wrong.name), "\(wrong): \(outcome.errors)")
        #expect(!(outcome.output + outcome.errors).contains(Self.secret), "\(wrong): \(outcome.errors)")
        guard wrong.arguments.count > 1 else { return }
        let json = try await installation.run(wrong.arguments + ["--json"], input: wrong.input, wrong.changes)
        #expect(json.status == 78)
        let error = try JSONDecoder().decode([String: String].self, from: Data(json.errors.utf8))
        #expect(error["error"]?.contains(wrong.name) == true, "\(json.errors)")
    }
}
