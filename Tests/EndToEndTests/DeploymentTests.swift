import Foundation
import TestSupport
import Testing
import Yams

/// What lies in `docker/` and cannot be run in a test: that it fits the program, and fits together.
@Suite struct DeploymentTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "docker")

    private static func text(_ name: String) throws -> String {
        try String(contentsOf: folder.appending(path: name), encoding: .utf8)
    }

    /// What a process says that is started with this environment and nothing else.
    private static func run(_ words: [String], _ environment: [String: String]) async throws -> Installation.Outcome {
        let place = FileManager.default.temporaryDirectory.appending(path: "deployment-\(UUID().uuidString)").path
        defer { unlink(place) }
        let process = try ChildProcess(
            try Installation.program(), words, environment: environment, directory: "/", output: place)
        let status = try await process.wait(atMost: .seconds(240))
        let text = try Installation.text(place)
        return Installation.Outcome(status: status, output: text, errors: text)
    }

    /// A service's own members, with those of the anchors that it merges in.
    private static func services() throws -> (site: [String: Any], services: [String: [String: Any]]) {
        let site = try #require(try Yams.load(yaml: text("compose.yaml")) as? [String: Any])
        return (site, try #require(site["services"] as? [String: [String: Any]]))
    }

    @Test func `every service of the compose file runs a command that exists, with settings that exist`() async throws {
        let (_, services) = try Self.services()
        let ours = services.filter { $0.value["image"] as? String == "caserouter" }
        #expect(Set(ours.keys) == ["migrate", "ingest", "route", "serve", "caserouter"])
        for (name, service) in ours {
            let words = try #require(service["command"] as? [String], "\(name)")
            let help = try await Self.run(words + ["--help"], [:])
            #expect(
                help.status == 0 && help.output.contains("USAGE: caserouter \(words[0])"), "\(name): \(help.output)")
            let environment = try #require(service["environment"] as? [String: String], "\(name)")
            // Something is missing on this machine, but no name is unknown.
            let outcome = try await Self.run(["status"], environment)
            #expect(outcome.status == 78 || outcome.status == 1, "\(name): \(outcome.errors)")
            #expect(!outcome.errors.contains("is not a setting"), "\(name): \(outcome.errors)")
            #expect(service["read_only"] as? Bool == true && service["cap_drop"] as? [String] == ["ALL"], "\(name)")
            #expect(service["mem_limit"] != nil && service["cpus"] != nil && service["pids_limit"] != nil, "\(name)")
        }
        for (name, count) in ["ingest": 2, "route": 2, "serve": 1] {
            #expect(ours[name]?["scale"] as? Int == count, "\(name)")
        }
        for name in ["ingest", "route", "serve", "broker", "database"] {
            #expect(services[name]?["healthcheck"] != nil, "\(name) has no health check")
        }
    }

    @Test func `every file that the compose file mounts is there or made by its preparation`() throws {
        let (site, services) = try Self.services()
        let secrets = try #require(site["secrets"] as? [String: [String: String]])
        let prepared = try Self.text("prepare")
        for (name, secret) in secrets {
            #expect(secret["file"] == "./secrets/\(name)")
            let pattern = name.replacing("pgpass-ingest", with: "pgpass-$login").replacing(
                "pgpass-admin", with: "pgpass-$login"
            )
            .replacing("pgpass-owner", with: "pgpass-$login").replacing("pgpass-route", with: "pgpass-$login")
            .replacing("broker-certificate", with: "$name-certificate")
            .replacing("database-certificate", with: "$name-certificate")
            #expect(prepared.contains("put \(pattern) "), "docker/prepare does not make \(name)")
        }
        for (name, service) in services {
            for secret in service["secrets"] as? [Any] ?? [] {
                let source = try #require(secret as? String ?? (secret as? [String: String])?["source"])
                #expect(secrets[source] != nil, "\(name) uses \(source)")
            }
            for volume in service["volumes"] as? [String] ?? [] where volume.hasPrefix("./") {
                let file = String(volume.prefix { $0 != ":" })
                #expect(FileManager.default.fileExists(atPath: Self.folder.appending(path: file).path), "\(volume)")
            }
            for (other, _) in service["depends_on"] as? [String: Any] ?? [:] { #expect(services[other] != nil) }
        }
    }

    @Test func `every unit starts a command that exists, with settings that exist`() async throws {
        let units = try FileManager.default.contentsOfDirectory(atPath: Self.folder.appending(path: "systemd").path)
            .filter { $0.hasSuffix(".service") }
        #expect(Set(units) == ["caserouter-ingest@.service", "caserouter-route@.service", "caserouter-serve.service"])
        var settings: [String: String] = [:]
        let environment = try Self.text("systemd/environment.example")
        let common = try Self.text("systemd/caserouter-.service.d/common.conf")
        for match in (environment + common).matches(of: /(?m)^(?:Environment=)?(CASEROUTER_[A-Z_]+)=(.+)$/) {
            settings[String(match.1)] = String(match.2)
        }
        #expect(settings.count >= 5)
        for unit in units {
            let text = try Self.text("systemd/\(unit)")
            let role = try #require(text.firstMatch(of: /(?m)^ExecStart=\/usr\/local\/bin\/caserouter ([a-z]+)$/)).1
            #expect(unit.hasPrefix("caserouter-\(role)"))
            var own = settings
            for match in text.matches(of: /(CASEROUTER_[A-Z_]+)=(\S+)/) { own[String(match.1)] = String(match.2) }
            let outcome = try await Self.run([String(role)], own)
            #expect(outcome.status == 78, "\(unit): \(outcome.errors)")
            #expect(!outcome.errors.contains("is not a setting"), "\(unit): \(outcome.errors)")
        }
    }
}
