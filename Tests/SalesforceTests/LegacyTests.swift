import CaseRouting
import JSON
import Simulators
import Testing

@testable import Salesforce

/// A table of another package, by names in the settings, on a PushTopic.
@Suite struct LegacyTests {
    static let source = [
        "object": "ININ_Routing__c", "channel": "/topic/CaseRouting", "case": "Case__c", "status": "Status__c",
        "owner": "Owner_Id__c", "skills": "Skills__c", "case-skills": "ObjectRouting_Skills__c",
    ]

    private func run(inPlace: Bool, _ test: @Sendable (SimulatedOrg, OutboxOrg) async throws -> Void) async throws {
        try await SimulatedOrg.run({ configuration in
            var legacy = SalesforceSimulatorConfiguration.LegacyPackage()
            legacy.updatesInPlace = inPlace
            configuration.orgs[0].legacy = legacy
        }) { simulated in
            try await test(simulated, try simulated.outbox(try simulated.settings(source: Self.source)))
        }
    }

    @Test func `a row that is inserted comes as event and row, completed from the case`() async throws {
        try await run(inPlace: false) { simulated, org in
            #expect(org.channel == "/topic/CaseRouting")
            let queue = try await simulated.queue("Support")
            _ = try await org.subscribe(after: nil)
            let id = try await simulated.newCase(in: queue, ["ObjectRouting_Skills__c": "Dutch"])
            let change = try #require(try await org.changes(1).first)
            #expect(change.caseID == id)
            #expect(change.owner == queue)
            #expect(change.skills == "Dutch")
            #expect(!change.caseNumber.isEmpty)
            #expect(change.version == change.occurredAt.seconds)
            #expect(change.key == "o:\(change.row!):\(change.version)")
            #expect(try await org.newRows(after: nil, limit: 2_000) == [change])
            #expect(try await org.markProcessed([change.row!]).first?.failure == nil)
            #expect(try await org.newRows(after: nil, limit: 2_000).isEmpty)
        }
    }

    @Test func `a row updated in place has a key for every second in which it changed`() async throws {
        try await run(inPlace: true) { simulated, org in
            let queue = try await simulated.queue("Support")
            let other = try await simulated.queue("Billing")
            let id = try await simulated.newCase(in: queue)
            let first = try #require(try await org.newRows(after: nil, limit: 10).first)
            // Salesforce's clock moves on; modstamps are whole seconds.
            try await simulated.control(.post, "clock", #"{"offset":5}"#)
            try await simulated.update("Case", id, ["OwnerId": .string("\(other)")])
            let second = try #require(try await org.newRows(after: nil, limit: 10).first)
            #expect(first.row == second.row)
            #expect(first.key != second.key)
            #expect(second.version > first.version)
            #expect(second.owner == other)
        }
    }

    @Test func `comments of a table without sequences have their own second as version`() async throws {
        try await run(inPlace: false) { simulated, org in
            let queue = try await simulated.queue("Support")
            let id = try await simulated.newCase(in: queue)
            let comment = try await simulated.create(
                "CaseComment", ["ParentId": .string("\(id)"), "CommentBody": "x", "IsPublished": true])
            let found = try await org.occurrences(of: [queue], since: Timestamp("2020-01-01T00:00:00Z")!)
            #expect(found.map(\.key) == ["n:\(comment)"])
            #expect(found.first.map { $0.version == $0.occurredAt.seconds } == true)
        }
    }

    @Test func `an org without the package says what to install`() async throws {
        try await SimulatedOrg.run({ $0.orgs[0].legacy = .init() }) { simulated in
            let org = try simulated.outbox()
            let failed = await failure { try await org.newRows(after: nil, limit: 10) }
            #expect(failed?.kind == .configuration)
            #expect(failed?.summary.contains("Routing_Integration") == true)
        }
    }
}

/// The table in which an older connector keeps which queue goes where.
@Suite struct LegacyMappingTests {
    private static let source = [
        "mapping-object": "inin_routing_queue__C", "mapping-queue": "Queue_Name__c",
        "mapping-workgroup": "Workgroup__c", "mapping-skills": "Skills__c",
    ]

    @Test func `its rows are read as people filled them in, however the names are spelt`() async throws {
        try await SimulatedOrg.run({ $0.orgs[0].mappingTable = .init() }) { simulated in
            let org = try simulated.outbox(try simulated.settings(source: Self.source))
            // Its own package is as it was.
            #expect(org.channel == "/event/Routing_Request__e")
            #expect(try await org.legacyMappings().isEmpty)
            let first = try await simulated.create(
                "ININ_Routing_Queue__c",
                ["Queue_Name__c": "Support", "Workgroup__c": "Case Support", "Skills__c": "German; Billing"])
            let second = try await simulated.create("ININ_Routing_Queue__c", ["Queue_Name__c": "Sales"])
            #expect(
                try await org.legacyMappings() == [
                    LegacyMapping(row: first, queue: "Support", workgroup: "Case Support", skills: "German; Billing"),
                    LegacyMapping(row: second, queue: "Sales", workgroup: "", skills: ""),
                ])
        }
    }

    @Test func `an org that has no such table says so, and one that names none is not asked`() async throws {
        try await SimulatedOrg.run { simulated in
            let org = try simulated.outbox(try simulated.settings(source: Self.source))
            let failed = await failure { try await org.legacyMappings() }
            #expect(failed?.kind == .configuration)
            #expect(failed?.summary.contains("inin_routing_queue__C") == true, "\(failed?.summary ?? "nothing")")
            #expect(try await simulated.outbox().legacyMappings().isEmpty)
        }
    }

    @Test func `half of the names are refused, and the missing one is named`() async throws {
        for name in ["mapping-object", "mapping-queue", "mapping-workgroup"] {
            var source = Self.source
            source[name] = nil
            let failed = await failure {
                try SalesforceSettings.check(
                    org: "acme", organizationID: RecordID("00D000000000001EAA"), source: source)
            }
            #expect(failed?.summary.contains(name) == true, "\(name)")
        }
    }
}
