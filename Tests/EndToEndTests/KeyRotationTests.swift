import Foundation
import TestSupport
import Testing

/// Master keys are changed while everything runs, and the change is interrupted in the worst way.
@Suite struct KeyRotationTests {
    @Test(.timeLimit(.minutes(5)))
    func `a rotation that is killed midway leaves every secret readable, and is finished by the next`() async throws {
        try await Installation.with { installation in
            let neighbours = try await SimulatedNeighbours.start(
                in: installation, queues: ["Support"], workgroups: ["Support"], skills: [])
            try await installation.apply(
                """
                orgs:
                  - {name: acme, login_url: "http://127.0.0.1:\(neighbours.salesforcePort)", organization_id: 00D000000000001EAA, mode: live}
                cic:
                  - {name: main, hosts: ["127.0.0.1:\(neighbours.cicPort)"], tls: false, holding: Holding}
                mappings:
                  - {org: acme, queue: Support, cic: main, workgroup: Support}
                """)
            func type(_ words: String..., input: String = "", expecting status: Int32 = 0) async throws -> String {
                let outcome = try await installation.run(words, input: input)
                #expect(outcome.status == status, "\(words): \(outcome.output)\(outcome.errors)")
                return outcome.output + outcome.errors
            }
            func routes(_ what: Comment) async throws {
                let number = try await neighbours.createCase(in: "Support")
                try await eventually("\(what): case \(number) is offered") {
                    try await installation.query(
                        "SELECT 1::text FROM caserouter.episodes JOIN caserouter.cases USING (org, case_id) "
                            + "WHERE case_number = '\(number)' AND state = 'placed'"
                    ) == ["1"]
                }
            }
            let cicSecret = #"{"user": "caserouter", "password": "\#(SimulatedNeighbours.password)"}"#
            let orgSecret = #"{"client_id": "case-router", "client_secret": "\#(SimulatedNeighbours.secret)"}"#
            // More than one transaction re-wraps; the org's is the last of them.
            for _ in 1...24 { _ = try await type("credentials", "set", "cic:main", "--unverified", input: cicSecret) }
            _ = try await type("credentials", "set", "org:acme", input: orgSecret)
            let ingest = try await installation.start("ingest")
            let route = try await installation.start("route")
            try await routes("before")
            let byKey =
                "SELECT string_agg(count::text, ' ' ORDER BY key_id = (SELECT key_id FROM caserouter.credentials "
                + "WHERE target = 'org:acme')) FROM (SELECT key_id, count(*) FROM caserouter.credentials GROUP BY key_id) k"

            #expect(try await type("keys", "rotate", "--new").contains("nothing is under it yet"))
            // Somebody has the last secret's row: the rotation gets as far as that and has to wait.
            let other = try await installation.database.connect(on: installation.loop)
            try await other.execute(
                script: "BEGIN; SELECT FROM caserouter.credentials WHERE target = 'org:acme' FOR UPDATE", name: "lock")
            let log = installation.directory.appending(path: "rotation.log").path
            let rotation = try ChildProcess(
                try Installation.program(), ["keys", "rotate"], environment: installation.surroundings([:]),
                directory: installation.directory.path, output: log)
            try await eventually("a part is under the new key") {
                try await installation.query(byKey) == ["20 5"]
            }
            rotation.signal(SIGKILL)
            #expect(try await rotation.wait(atMost: .seconds(240)) == 128 + SIGKILL)
            try await other.execute(script: "ROLLBACK", name: "unlock")
            await other.close()

            // Half under one key, half under the other: everything is read, and everything can be changed.
            #expect(try await installation.query(byKey) == ["20 5"])
            #expect(try await type("keys", "status").contains("to be rotated"))
            for target in ["cic:main", "org:acme"] { _ = try await type("credentials", "verify", target) }
            #expect(try await type("credentials", "set", "cic:main", input: cicSecret).contains("version 25"))
            try await routes("midway")

            #expect(try await type("keys", "rotate").hasPrefix("5 secrets are under key"))
            #expect(try await type("keys", "rotate").contains("already"))
            #expect(try await type("keys", "status").contains("no longer used"))
            // The older key is gone for good, and workers that start now have never seen it.
            let keys = try Installation.text(installation.keyFile).split(separator: "\n")
            chmod(installation.keyFile, 0o600)
            try Data((keys[0] + "\n").utf8).write(to: URL(fileURLWithPath: installation.keyFile))
            chmod(installation.keyFile, 0o400)
            for target in ["cic:main", "org:acme"] { _ = try await type("credentials", "verify", target) }
            route.process.signal(SIGTERM)
            #expect(try await route.process.wait(atMost: .seconds(240)) == 0)
            let next = try await installation.start("route", name: "route-2")
            try await routes("after")
            // They end with their values.
            withExtendedLifetime((neighbours, ingest, next)) {}
        }
    }
}
