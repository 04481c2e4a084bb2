import CaseRouting
import Foundation
import JSON
import Operations
import Simulators
import TestSupport
import Testing

@testable import Salesforce

/// Each fault that an administrator can make in an org, and the line that finds it.
@Suite struct DoctorTests {
    private static func examine(
        _ simulated: SimulatedOrg, _ settings: SalesforceSettings? = nil, queues: [String] = ["Support", "Billing"],
        ids: [RecordID?] = [], arrivals: EventArrivals? = EventArrivals(isHeld: true, byEvent: 4, bySweep: 1)
    ) async throws -> OrgExamination {
        let views = queues.enumerated().map {
            MonitoredQueueView(queue: $0.element, queueID: ids.indices.contains($0.offset) ? ids[$0.offset] : nil)
        }
        return try await simulated.outbox(settings).examine(views, arrivals)
    }

    private static func lines(_ check: DoctorCheck, _ examination: OrgExamination) -> [DoctorLine] {
        examination.lines.filter { $0.check == check }
    }

    /// The first line of the check that is not ok.
    private static func problem(_ check: DoctorCheck, _ examination: OrgExamination) throws -> DoctorLine {
        try #require(
            lines(check, examination).first { $0.verdict != .ok },
            "\(examination.lines.map { "\($0.verdict) \($0.check.rawValue): \($0.sentence)" })")
    }

    @Test func `a well kept org has nothing but good lines, and nothing is changed in it`() async throws {
        try await SimulatedOrg.run { simulated in
            let queue = try await simulated.queue("Support")
            try await simulated.control(.post, "clock", #"{"offset":-600}"#)
            _ = try await simulated.newCase(in: queue, ["Origin": "Email"])
            try await simulated.control(.post, "clock", #"{"offset":0}"#)
            let before = try await simulated.state()
            let found = try await Self.examine(simulated)
            let bad = found.lines.filter { $0.verdict != .ok }
            #expect(bad.isEmpty, "\(bad)")
            let checks = Set(found.lines.map(\.check))
            for check in DoctorCheck.allCases where check.rawValue.hasPrefix("salesforce-") {
                // Of another flow, of an older package, and of both neighbours.
                let others: [DoctorCheck] = [.salesforcePassword, .salesforceTopic, .salesforceAgents]
                #expect(checks.contains(check) != others.contains(check), "\(check)")
            }
            #expect(found.members["Support"]?.contains { $0.contains("agent") } == true)
            let after = try await simulated.state()
            #expect(before["rows"] == after["rows"] && before["cases"] == after["cases"])
            let sessions = after["sessions"]?.array ?? []
            #expect(sessions.isEmpty, "the subscription was left: \(sessions)")
        }
    }

    /// What hides things, which check says so, and a word of its sentence.
    @Test(arguments: [
        (#"{"hidden":["Routing_Request__c"]}"#, DoctorCheck.salesforceOutbox, "no object Routing_Request__c"),
        (#"{"hidden":["Routing_Request__c.Skills__c"]}"#, .salesforceOutboxFields, "lacks Skills__c"),
        (#"{"hidden":["Routing_Request__e"]}"#, .salesforceEvent, "no event Routing_Request__e"),
        (#"{"hidden":["Routing_Request__e"]}"#, .salesforceSubscription, "exist"),
        (#"{"hidden":["Routing_Request__e.Row_Id__c"]}"#, .salesforceEvent, "lacks Row_Id__c"),
        (#"{"hidden":["Case"]}"#, .salesforceCase, "may not see cases"),
        (#"{"hidden":["Case.Priority"]}"#, .salesforceCase, "lacks Priority"),
        (#"{"hidden":["Case.ObjectRouting_Skills__c"]}"#, .salesforceSkillsField, "lacks ObjectRouting_Skills__c"),
        (#"{"hidden":["CaseComment"]}"#, .salesforceComments, "CaseComment is not there"),
        (#"{"hidden":["EmailMessage"]}"#, .salesforceEmail, "answers by e-mail are not seen"),
        (#"{"readOnly":["Routing_Request__c"]}"#, .salesforceWriteBack, "may not change Status__c"),
        (#"{"readOnly":["Routing_Request__c.Status__c"]}"#, .salesforceWriteBack, "may not change Status__c"),
        (#"{"allRights":true}"#, .salesforceRights, "only triggers do"),
        (#"{"dailyLimit":true}"#, .salesforceSubscription, "limit"),
        (#"{"instanceURL":"https://acme.my.salesforce.com"}"#, .salesforceDomain, "https://acme.my.salesforce.com"),
    ])
    func `what is hidden, withheld or too much is found`(
        _ fault: String, _ check: DoctorCheck, _ word: String
    ) async throws {
        try await SimulatedOrg.run { simulated in
            try await simulated.faults(fault)
            let line = try Self.problem(check, try await Self.examine(simulated))
            #expect(line.sentence.contains(word), "\(line)")
            #expect(line.remedy?.isEmpty == false)
        }
    }

    @Test func `a wrong secret, org id, version and field name are told apart`() async throws {
        try await SimulatedOrg.run { simulated in
            let wrong = #"{"client_id":"case-router","client_secret":"wrong"}"#
            var line = try Self.problem(
                .salesforceLogin, try await Self.examine(simulated, simulated.settings(credentials: wrong)))
            #expect(line.sentence.contains("the client_secret is wrong") && !line.sentence.contains("wrong\""))

            line = try Self.problem(
                .salesforceVersion, try await Self.examine(simulated, simulated.settings(apiVersion: "99.0")))
            #expect(line.sentence.contains("31.0 to 66.0") && line.remedy?.contains("api_version=66.0") == true)

            // The seed's help page has one underscore too many.
            let legacy = [
                "object": "Routing_Request__c", "channel": "/event/Routing_Request__e", "case": "Case_Id__c",
                "status": "Status__c", "case-skills": "ObjectRouting__Skills__c",
            ]
            line = try Self.problem(
                .salesforceSkillsField, try await Self.examine(simulated, simulated.settings(source: legacy)))
            #expect(line.sentence.contains("did you mean ObjectRouting_Skills__c?"), "\(line)")
        }
    }

    @Test func `a sandbox refresh is found by its new org id`() async throws {
        try await SimulatedOrg.run { simulated in
            try await simulated.control(.post, "refresh", #"{"organizationID":"00D000000000009EAA"}"#)
            let line = try Self.problem(.salesforceOrg, try await Self.examine(simulated))
            #expect(line.verdict == .failure)
            #expect(line.remedy?.contains("organization_id=00D000000000009") == true, "\(line)")
        }
    }

    @Test func `an older package's topic that a refresh left behind is missed`() async throws {
        let source = [
            "object": "ININ_Routing__c", "channel": "/topic/CaseRouting", "case": "Case__c", "status": "Status__c",
            "owner": "Owner_Id__c", "skills": "Skills__c",
        ]
        try await SimulatedOrg.run { configuration in
            configuration.orgs[0].legacy = SalesforceSimulatorConfiguration.LegacyPackage()
        } _: { simulated in
            let settings = try simulated.settings(source: source)
            let good = try await Self.examine(simulated, settings)
            #expect(Self.lines(.salesforceTopic, good).map(\.verdict) == [.ok], "\(good.lines)")
            try await simulated.control(.post, "refresh")
            let found = try await Self.examine(simulated, settings)
            #expect(try Self.problem(.salesforceTopic, found).sentence.contains("no PushTopic CaseRouting"))
            #expect(try Self.problem(.salesforceSubscription, found).verdict == .failure)
        }
    }

    @Test func `an expired password is found, where there is one`() async throws {
        try await SimulatedOrg.run { simulated in
            let secret =
                #"{"client_id":"case-router","client_secret":"secret","username":"integration@example.com","#
                + #""password":"password","security_token":"TOKEN"}"#
            let settings = try simulated.settings(flow: .password, credentials: secret)
            #expect(
                Self.lines(.salesforcePassword, try await Self.examine(simulated, settings)).map(\.verdict) == [.ok])
            try await simulated.faults(#"{"passwordExpired":true}"#)
            let line = try Self.problem(.salesforcePassword, try await Self.examine(simulated, settings))
            #expect(line.verdict == .failure && line.sentence.contains("has expired"))
        }
    }

    @Test func `calls that run out are a warning, and a failure when none is left`() async throws {
        try await SimulatedOrg.run { simulated in
            try await simulated.control(.post, "limits", #"{"used":900,"maximum":1000}"#)
            #expect(try Self.problem(.salesforceCalls, try await Self.examine(simulated)).verdict == .warning)
            try await simulated.control(.post, "limits", #"{"used":1000,"maximum":1000}"#)
            #expect(try Self.problem(.salesforceCalls, try await Self.examine(simulated)).verdict == .failure)
        }
    }

    @Test func `a queue that is missing, misspelt or renamed is named`() async throws {
        try await SimulatedOrg.run { simulated in
            let id = try await simulated.queue("Billing")
            let found = try await Self.examine(
                simulated, queues: ["support", "Invoices", "\(id)"], ids: [nil, id, nil])
            let lines = Self.lines(.salesforceQueue, found)
            #expect(lines.map(\.verdict) == [.failure, .warning, .ok], "\(lines)")
            #expect(lines[0].sentence.contains("did you mean Support?"))
            #expect(lines[1].sentence.contains("is called Billing now"))
        }
    }

    @Test func `e-mail cases that go to a queue nobody monitors are noticed, and a missing rule`() async throws {
        try await SimulatedOrg.run { simulated in
            let queue = try await simulated.queue("Unmonitored")
            for _ in 0..<3 { _ = try await simulated.newCase(in: queue, ["Origin": "Email"]) }
            var line = try Self.problem(.salesforceAssignment, try await Self.examine(simulated))
            #expect(line.sentence.contains("newest 3") && line.sentence.contains("Unmonitored"))
            #expect(line.remedy?.contains("mappings add acme Unmonitored") == true)

            let rules = try await simulated.outbox().texts("SELECT Id FROM AssignmentRule", ["Id"], "rules")
            let rule = try RecordID(try #require(rules.first?["Id"]))
            try await simulated.update("AssignmentRule", rule, ["Active": false])
            line = try Self.problem(.salesforceAssignment, try await Self.examine(simulated))
            #expect(line.sentence.contains("no assignment rule"))
        }
    }

    @Test func `triggers that are off, and events that never come, are noticed`() async throws {
        try await SimulatedOrg.run { simulated in
            try await simulated.faults(#"{"triggersOff":true}"#)
            try await simulated.control(.post, "clock", #"{"offset":-600}"#)
            _ = try await simulated.newCase(in: try await simulated.queue("Support"))
            try await simulated.control(.post, "clock", #"{"offset":0}"#)
            var found = try await Self.examine(simulated, arrivals: EventArrivals(isHeld: true, byEvent: 0, bySweep: 7))
            #expect(try Self.problem(.salesforceTriggers, found).sentence.contains("has no row"))
            #expect(
                try Self.problem(.salesforceDelivered, found).sentence.contains("newest 7 rows all came by a sweep"))
            found = try await Self.examine(simulated, arrivals: EventArrivals(isHeld: false, byEvent: 0, bySweep: 0))
            #expect(try Self.problem(.salesforceDelivered, found).sentence.contains("no worker holds the org"))
        }
    }

    @Test func `a clock that differs from Salesforce's, and deliveries that run out, are told`() async throws {
        try await SimulatedOrg.run { simulated in
            #expect(Self.lines(.salesforceClock, try await Self.examine(simulated)).map(\.verdict) == [.ok])
            let proxy = try CuttingProxy(to: simulated.port)
            defer { proxy.close() }
            let settings = try simulated.settings(port: proxy.port)
            // The same answers, of a year later.
            let year = Calendar(identifier: .gregorian).component(.year, from: Date())
            proxy.set(.replaceInAnswers(Array(" \(year) ".utf8), with: Array(" \(year + 1) ".utf8)))
            let line = try Self.problem(.salesforceClock, try await Self.examine(simulated, settings))
            #expect(line.verdict == .warning && line.sentence.contains(" s behind Salesforce's"), "\(line)")
            #expect(line.remedy == "let this machine follow a time server")

            let left = #""DailyDeliveredPlatformEvents":{"Max":50000,"Remaining":50000}"#
            for (number, verdict) in [("   50", DoctorLine.Verdict.warning), ("    0", .failure)] {
                let fewer = left.replacing("g\":50000", with: "g\":\(number)")
                proxy.set(.replaceInAnswers(Array(left.utf8), with: Array(fewer.utf8)))
                let line = try Self.problem(.salesforceDeliveries, try await Self.examine(simulated, settings))
                #expect(line.verdict == verdict && line.sentence.contains("of 50000 event deliveries"), "\(line)")
            }
        }
    }

    @Test func `an org that is not there is one failure, not many`() async throws {
        try await withTransport { transport in
            let settings = try SalesforceSettings(
                org: "acme", organizationID: RecordID(SimulatedOrg.organizationID), loginURL: "http://127.0.0.1:1",
                flow: .clientCredentials,
                credentials: Array(#"{"client_id":"x","client_secret":"secret"}"#.utf8))
            let org = OutboxOrg(settings: settings, transport: transport, logger: .init(label: "test"))
            let found = await org.examine([], nil)
            #expect(found.lines.map(\.check) == [.salesforceReachable])
            #expect(found.lines.first?.verdict == .failure)
        }
    }
}
