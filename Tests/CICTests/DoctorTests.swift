import CaseRouting
import JSON
import Operations
import Polling
import Simulators
import Testing

@testable import CIC

extension SiteTests {
    /// Each fault that an administrator can make in CIC, and the line that finds it.
    @Suite(.timeLimit(.minutes(5)))
    struct DoctorTests {
        private static let mappings = [
            MappingSetup(org: "acme", queue: "Support", cic: "main", workgroup: "Support"),
            MappingSetup(org: "acme", queue: "Sales", cic: "main", workgroup: "Sales Team"),
        ]

        private static func examine(
            _ settings: CICServerSettings, _ mappings: [MappingSetup] = mappings, _ aliases: [AliasSetup] = []
        ) async -> CICExamination {
            await CICInspector(
                settings, on: TestSite.loop, clock: LiveClock(), random: SystemRandom(), logger: TestSite.logger
            ).examine(mappings, aliases)
        }

        private static func problem(_ check: DoctorCheck, _ found: CICExamination) throws -> DoctorLine {
            try #require(
                found.lines.first { $0.check == check && $0.verdict != .ok },
                "\(found.lines.map { "\($0.verdict) \($0.check.rawValue): \($0.sentence)" })")
        }

        private static func staff(_ configuration: inout CICSimulatorConfiguration) {
            configuration.agents = [
                CICAgentConfiguration(name: "ann", workgroups: ["Support", "Sales Team"]),
                CICAgentConfiguration(name: "bob", workgroups: ["Support"]),
            ]
        }

        @Test func `a well kept site has nothing but good lines, and nothing is made there`() async throws {
            try await TestSite.run(Self.staff) { site in
                let hosts = ["127.0.0.1:\(site.ports[0])", "127.0.0.2:\(site.ports[1])"]
                let found = await Self.examine(try site.settings(.handler, messaging: .sse, hosts: hosts))
                let bad = found.lines.filter { $0.verdict != .ok }
                #expect(bad.isEmpty, "\(bad)")
                let checks = Set(found.lines.map(\.check))
                for check in DoctorCheck.allCases where check.rawValue.hasPrefix("cic-") {
                    #expect(checks.contains(check), "\(check)")
                }
                #expect(found.members["Support"]?.sorted() == ["ann", "bob"])
                #expect(try await site.interactions().isEmpty)
                #expect(try site.ledger("interaction").isEmpty)
                #expect(try site.ledger("session").count { $0["event"]?.string == "logged out" } == 2)
            }
        }

        @Test func `workgroups that cannot be offered anything are found`() async throws {
            try await TestSite.run { configuration in
                Self.staff(&configuration)
                var queueless = CICWorkgroup(name: "Queueless")
                queueless.hasQueue = false
                var inactive = CICWorkgroup(name: "Inactive")
                inactive.isActive = false
                var deaf = CICWorkgroup(name: "Deaf")
                deaf.isAcdEmailRoutingActive = false
                configuration.workgroups += [
                    queueless, inactive, deaf, CICWorkgroup(name: "Plain", queueType: 1), CICWorkgroup(name: "Empty"),
                ]
            } _: { site in
                let names = ["Queueless", "Inactive", "Deaf", "Plain", "Empty", "support"]
                let found = await Self.examine(
                    try site.settings(.handler),
                    names.map { MappingSetup(org: "acme", queue: $0, cic: "main", workgroup: $0) })
                let said = found.lines.filter { $0.verdict != .ok }.map(\.sentence).joined(separator: "\n")
                for part in [
                    "Queueless has no queue", "Inactive is not active", "Deaf does not route e-mail by ACD",
                    "Plain is not an ACD workgroup", "Empty has no members", "did you mean Support?",
                ] {
                    #expect(said.contains(part), "\(part): \(said)")
                }
            }
        }

        @Test func `members that take no e-mail are named, and a holding workgroup that agents are in`() async throws {
            try await TestSite.run { configuration in
                Self.staff(&configuration)
                configuration.agents[0].takesEmail = false
                configuration.workgroups[2].members = ["bob"]
            } _: { site in
                let found = await Self.examine(try site.settings(.handler))
                let said = found.lines.filter { $0.check == .cicEmail }.map(\.sentence)
                #expect(said.contains("Support: 1 of 2 members take no e-mail: ann"), "\(said)")
                #expect(said.contains { $0.hasPrefix("nobody in Sales Team can take an e-mail") }, "\(said)")
                #expect(try Self.problem(.cicHolding, found).sentence.contains("has 1 members"))
            }
        }

        @Test func `skills and aliases that CIC does not know are named`() async throws {
            try await TestSite.run(Self.staff) { site in
                var mapping = Self.mappings[0]
                mapping.skills = ["german"]
                let alias = AliasSetup(cic: "main", kind: .skill, name: "Italiano", means: "Italian")
                let found = await Self.examine(try site.settings(.handler), [mapping], [alias])
                let said = found.lines.filter { $0.check == .cicSkill }.map(\.sentence)
                #expect(said == ["there is no skill Italian", "there is no skill german; did you mean German?"])
            }
        }

        @Test func `a mapped user whom CIC does not have is named, and an own queue that may not be viewed`()
            async throws
        {
            try await TestSite.run { configuration in
                Self.staff(&configuration)
                configuration.unreadableWorkgroups = ["user:bob"]
            } _: { site in
                let user = "005000000000001EAA"
                let mappings = ["user:ann", "user:bob", "user:carl"].map {
                    MappingSetup(org: "acme", queue: user, cic: "main", workgroup: $0)
                }
                let found = await Self.examine(try site.settings(.handler), mappings)
                #expect(try Self.problem(.cicUser, found).sentence == "there is no user carl")
                #expect(!found.lines.contains { $0.check == .cicWorkgroup })
                let rights = found.lines.filter { $0.check == .cicQueueRight }
                #expect(rights.contains { $0.verdict == .ok && $0.sentence.hasPrefix("user:ann may") })
                #expect(rights.contains { $0.verdict != .ok && $0.sentence.hasPrefix("user:bob may not") })
            }
        }

        @Test func `a skill that a mapping requires and no member has is told`() async throws {
            try await TestSite.run { configuration in
                Self.staff(&configuration)
                configuration.skills.append("French")
                configuration.agents[0].skills = ["German"]
            } _: { site in
                let mappings = Self.mappings.map { mapping in
                    var mapping = mapping
                    mapping.skills = mapping.queue == "Support" ? ["French"] : ["Deutsch"]
                    return mapping
                }
                let alias = AliasSetup(cic: "main", kind: .skill, name: "Deutsch", means: "German")
                let found = await Self.examine(try site.settings(.handler), mappings, [alias])
                let said = found.lines.filter { $0.check == .cicSkill && $0.verdict == .warning }
                #expect(said.count == 1 && said[0].sentence.hasPrefix("nobody in Support has French"), "\(found.lines)")
                #expect(said.first?.remedy?.contains("caserouter mappings list --cic") == true)
            }
        }

        @Test func `a queue that may not be viewed is found`() async throws {
            try await TestSite.run { configuration in
                Self.staff(&configuration)
                configuration.unreadableWorkgroups = ["Sales Team"]
            } _: { site in
                let found = await Self.examine(try site.settings(.handler))
                #expect(try Self.problem(.cicQueueRight, found).sentence.hasPrefix("Sales Team may not be viewed"))
                #expect(found.lines.contains { $0.check == .cicQueueRight && $0.sentence == "Support may be viewed" })
            }
        }

        @Test func `workgroups that may not be read are found`() async throws {
            try await TestSite.run(Self.staff) { site in
                try await site.fault("configuration", do: "answer", status: 403, count: nil)
                let found = await Self.examine(try site.settings(.handler))
                #expect(try Self.problem(.cicDirectory, found).sentence.contains("lacks a right"))
                #expect(try Self.problem(.cicLicence, found).verdict == .warning)
            }
        }

        @Test func `a handler that is not published is found, and one that is not needed is not asked`() async throws {
            try await TestSite.run(Self.staff) { site in
                try await site.control("configuration", ["handler": ["published": false]], method: .patch)
                var found = await Self.examine(try site.settings(.handler))
                #expect(try Self.problem(.cicHandler, found).verdict == .failure)
                found = await Self.examine(try site.settings(.generic))
                #expect(!found.lines.contains { $0.check == .cicHandler })
                #expect(try Self.problem(.cicModifyRight, found).sentence.contains("cannot be seen from outside"))
            }
        }

        @Test func `a wrong password is one failure, and an old one a warning`() async throws {
            try await TestSite.run(Self.staff) { site in
                var user: JSONObject = JSONObject()
                user["name"] = "caserouter"
                user["password"] = "another"
                try await site.control("configuration", ["users": .array([.object(user)])], method: .patch)
                var found = await Self.examine(try site.settings(.handler))
                #expect(try Self.problem(.cicLogin, found).sentence.contains("the login was refused"))
                #expect(!found.lines.contains { $0.check == .cicDirectory })

                user["password"] = "secret"
                user["daysUntilPasswordExpiration"] = 3
                user["licensed"] = false
                try await site.control("configuration", ["users": .array([.object(user)])], method: .patch)
                found = await Self.examine(try site.settings(.handler))
                #expect(try Self.problem(.cicPassword, found).sentence.contains("expires in 3 days"))
                #expect(try Self.problem(.cicLicence, found).sentence.contains("is not active"))
            }
        }

        @Test func `a host that is down, one that is not set, and old features are told`() async throws {
            try await TestSite.run { configuration in
                Self.staff(&configuration)
                configuration.features = ["connection": 10, "messaging": 1, "interactions": 13]
                configuration.recovery.emails = "none"
            } _: { site in
                let settings = try CICServerSettings(
                    name: "main", hosts: ["127.0.0.1:\(site.ports[0])", "127.0.0.1:1"], usesTLS: false,
                    holdingWorkgroup: "Holding", installation: "test", user: "caserouter", password: "secret")
                let found = await Self.examine(settings)
                #expect(try Self.problem(.cicHost, found).sentence.contains("127.0.0.1:1 cannot be reached"))
                #expect(try Self.problem(.cicPair, found).sentence.contains("127.0.0.2"))
                let old = try Self.problem(.cicVersion, found).sentence
                #expect(old.contains("messaging 2") && old.contains("connection 11"))
                #expect(try Self.problem(.cicRecovery, found).sentence.contains("is not on"))
            }
        }
    }
}
