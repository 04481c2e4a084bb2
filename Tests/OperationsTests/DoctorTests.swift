import CaseRouting
import Foundation
import Operations
import TestSupport
import Testing

@Suite struct DoctorTests {
    // MARK: The documentation

    @Test func `docs doctor md lists every check as the program has it`() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "docs/doctor.md")
        let rows = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").filter { $0.hasPrefix("| `") }
        let expected = DoctorCheck.allCases.map {
            "| `\($0.rawValue)` | \(Self.cell($0.looksAt)) | \(Self.cell($0.remedy)) |"
        }
        #expect(rows.map(String.init) == expected)
    }

    private static func cell(_ text: String) -> String { text.replacing("|", with: "\\|") }

    // MARK: The use case

    private struct Neighbours: DatabaseExaminer, BrokerExaminer, CredentialExaminer, NeighbourExaminers {
        var stored: StoredConfiguration
        var databaseLines: [DoctorLine] = [.ok(.databaseReachable, "database", "there")]
        var secrets: [String: [UInt8]] = ["org:acme": [1], "cic:main": [2]]
        var people: [String: [Set<String>]] = [:]
        var agents: [String: [String]] = [:]

        init() throws { stored = try Self.configuration() }

        func examine() async -> [DoctorLine] { databaseLines }
        func configuration() async throws(RoutingFailure) -> StoredConfiguration { stored }
        func arrivals(org: String) async throws(RoutingFailure) -> EventArrivals {
            EventArrivals(isHeld: true, byEvent: 1, bySweep: 0)
        }
        func open(_ target: String) async -> (secret: [UInt8]?, lines: [DoctorLine]) {
            guard let secret = secrets[target] else {
                return (nil, [.failure(.credentialStored, target, "no credential is stored")])
            }
            return (secret, [.ok(.credentialOpens, target, "opens")])
        }
        func org(_ setup: OrgSetup, secret: [UInt8]) throws -> any OrgExaminer { Org(people: people) }
        func server(
            _ setup: CICServerSetup, secret: [UInt8], of stored: StoredConfiguration
        ) throws -> any CICExaminer { Server(agents: agents) }

        struct Org: OrgExaminer {
            let people: [String: [Set<String>]]
            func examine(_ queues: [MonitoredQueueView], _ arrivals: EventArrivals?) async -> OrgExamination {
                var found = OrgExamination()
                found.lines = [.ok(.salesforceLogin, "org:acme", "asked for \(queues.map(\.queue))")]
                found.members = people
                return found
            }
        }

        struct Server: CICExaminer {
            let agents: [String: [String]]
            func examine(_ mappings: [MappingSetup], _ aliases: [AliasSetup]) async -> CICExamination {
                var found = CICExamination()
                found.lines = [.ok(.cicLogin, "cic:main", "asked for \(mappings.map(\.workgroup))")]
                found.members = agents
                return found
            }
        }

        static func configuration() throws -> StoredConfiguration {
            var org = OrgSetup(
                name: "acme", organizationID: try RecordID("00D000000000001EAA"), loginURL: "https://acme")
            org.mode = .live
            var disabled = MappingSetup(org: "acme", queue: "Old", cic: "main", workgroup: "Old")
            disabled.isEnabled = false
            let setup = MappingSetup(org: "acme", queue: "Support", cic: "main", workgroup: "Support")
            return StoredConfiguration(
                version: 1, installation: "test", orgs: [org],
                servers: [CICServerSetup(name: "main", hosts: ["cic"], holding: "Holding")],
                mappings: [
                    StoredMapping(id: 1, version: 1, queueID: nil, setup: setup),
                    StoredMapping(id: 2, version: 1, queueID: nil, setup: disabled),
                ], aliases: [])
        }

        func report(
            org: String? = nil, cic: String? = nil, allowsInsecure: Bool = false
        ) async throws -> DoctorReport {
            try await Doctor(
                database: self, broker: NoBroker(), credentials: self, neighbours: self, clock: FixedClock(),
                allowsInsecure: allowsInsecure
            ).report(org: org, cic: cic)
        }
    }

    private struct NoBroker: BrokerExaminer {
        func examine() async -> [DoctorLine] { [.failure(.brokerReachable, "broker", "away")] }
    }

    private struct FixedClock: RoutingClock {
        var monotonic: Duration { .zero }
        var wall: Timestamp { Timestamp(microseconds: 0) }
        func sleep(for duration: Duration) async throws(CancellationError) {}
    }

    @Test func `enabled mappings are asked about at both sides, and a failure anywhere is one of the whole`()
        async throws
    {
        let report = try await Neighbours().report()
        let sentences = report.lines.map(\.sentence)
        #expect(sentences.contains(#"asked for ["Support"]"#))
        #expect(sentences.count { $0.hasPrefix("asked for") } == 2)
        #expect(!report.isHealthy && report.count(.failure) == 1)
        #expect(report.lines.first { $0.verdict == .failure }?.remedy == DoctorCheck.brokerReachable.remedy)
    }

    @Test func `a name that was given limits the look to that neighbour`() async throws {
        let org = try await Neighbours().report(org: "acme")
        #expect(org.lines.contains { $0.check == .salesforceLogin } && !org.lines.contains { $0.check == .cicLogin })
        let cic = try await Neighbours().report(cic: "main")
        #expect(cic.lines.contains { $0.check == .cicLogin } && !cic.lines.contains { $0.check == .salesforceLogin })
        await #expect {
            _ = try await Neighbours().report(cic: "mian")
        } throws: { ($0 as? Refusal)?.kind == .usage && "\($0)".contains("did you mean “main”?") }
    }

    @Test func `plaintext that is allowed is a warning`() async throws {
        let safe = try await Neighbours().report().lines.first { $0.check == .settingsInsecure }
        #expect(safe?.verdict == .ok)
        let line = try await Neighbours().report(allowsInsecure: true).lines.first { $0.check == .settingsInsecure }
        #expect(line?.verdict == .warning && line?.remedy?.contains("remove CASEROUTER_INSECURE") == true)
    }

    @Test func `a database that is away leaves the broker and the key file`() async throws {
        var neighbours = try Neighbours()
        neighbours.databaseLines = [.failure(.databaseReachable, "database", "away")]
        let report = try await neighbours.report()
        #expect(
            Set(report.lines.map(\.check)).isSuperset(of: [.databaseReachable, .brokerReachable, .settingsInsecure]))
        #expect(!report.lines.contains { $0.check == .salesforceLogin })
    }

    @Test func `a neighbour without a credential is told how to get one, and is not asked`() async throws {
        var neighbours = try Neighbours()
        neighbours.secrets["org:acme"] = nil
        let report = try await neighbours.report()
        let line = try #require(report.lines.first { $0.check == .credentialStored })
        #expect(line.remedy == "caserouter credentials set org:acme")
        #expect(!report.lines.contains { $0.check == .salesforceLogin })
    }

    @Test func `agents of the workgroup who are no members of the queue are named`() async throws {
        var neighbours = try Neighbours()
        neighbours.agents = ["Support": ["Ann", "bob", "cid"]]
        neighbours.people = ["Support": [["ann", "ann@acme.example"], ["bob"]]]
        let report = try await neighbours.report()
        let line = try #require(report.lines.first { $0.check == .salesforceAgents })
        #expect(line.verdict == .warning && line.sentence.hasSuffix("1 of 3 agents are no members: cid"), "\(line)")

        neighbours.agents = ["Support": ["Ann"]]
        let all = try await neighbours.report().lines.first { $0.check == .salesforceAgents }
        #expect(all?.verdict == .ok)

        neighbours.agents = ["Support": ["x1", "x2"]]
        let none = try await neighbours.report().lines.first { $0.check == .salesforceAgents }
        #expect(none?.sentence.contains("cannot be seen from outside") == true)
    }

    @Test func `a site in which nothing is set up, or nothing routed, says so`() async throws {
        var neighbours = try Neighbours()
        neighbours.stored.orgs[0].mode = .observe
        var line = try #require(try await neighbours.report().lines.first { $0.check == .settingsSite })
        #expect(line.verdict == .warning && line.remedy == "caserouter orgs set-mode acme live")
        neighbours.stored.mappings = []
        line = try #require(try await neighbours.report().lines.first { $0.check == .settingsSite })
        #expect(line.sentence == "no enabled mapping is set up")
    }
}
