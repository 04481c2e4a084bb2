import Testing

@testable import Simulators

@Suite struct SalesforceLegacyTests {
    private static func legacy(inPlace: Bool) -> (inout SalesforceSimulatorConfiguration) -> Void {
        { configuration in
            var package = SalesforceSimulatorConfiguration.LegacyPackage()
            package.object = "ININ_Queue__c"
            package.topic = "Routing"
            package.updatesInPlace = inPlace
            configuration.orgs[0].legacy = package
        }
    }

    @Test func `an older package's rows are announced by its PushTopic`() async throws {
        try await SalesforceTestOrg.run(Self.legacy(inPlace: false)) { org in
            let subscriber = try await SalesforceTestSubscriber(org)
            try await subscriber.connect()
            let answer = try await subscriber.subscribe("/topic/Routing", replay: -2)
            #expect(answer.first?["successful"] == .bool(true))
            let id = try await org.createCase(skills: "English")
            let event = try #require(try await subscriber.events(1).first)
            #expect(event["data"]?["event"]?["type"] == .string("created"))
            #expect(event["data"]?["sobject"]?["Case__c"] == .string(id))
            #expect(event["data"]?["sobject"]?["Skills__c"] == .string("English"))
            let row = try #require(event["data"]?["sobject"]?["Id"]?.string)
            #expect(row.hasPrefix("a0L"))
            // A row that is no longer new does not match the topic's query.
            let marked = try await org.rest("PATCH", "/sobjects/ININ_Queue__c/\(row)", #"{"Status__c":"Processed"}"#)
            #expect(marked.status == 204)
            #expect(try await subscriber.connect(timeout: 0).count == 1)
            #expect(try await subscriber.subscribe(SalesforceTestOrg.channel)[0]["successful"] == .bool(false))
        }
    }

    @Test func `a package that updates rows in place keeps one row per case`() async throws {
        try await SalesforceTestOrg.run(Self.legacy(inPlace: true)) { org in
            let subscriber = try await SalesforceTestSubscriber(org)
            try await subscriber.connect()
            try await subscriber.subscribe("/topic/Routing")
            let id = try await org.createCase()
            try await org.update(id, #"{"ObjectRouting_Skills__c":"German"}"#)
            let events = try await subscriber.events(2)
            #expect(events.map { $0["data"]?["event"]?["type"]?.string } == ["created", "updated"])
            #expect(events[0]["data"]?["sobject"]?["Id"] == events[1]["data"]?["sobject"]?["Id"])
            #expect(try await org.column("SELECT Id FROM ININ_Queue__c", "Id").count == 1)
        }
    }

    @Test func `a filtered subscription gets only events with the value asked for`() async throws {
        try await SalesforceTestOrg.run { org in
            _ = try await org.create(
                "PushTopic",
                #"{"Name":"Cases","Query":"SELECT Id, Subject FROM Case","ApiVersion":62.0,"NotifyForFields":"All"}"#)
            let subscriber = try await SalesforceTestSubscriber(org)
            try await subscriber.connect()
            try await subscriber.subscribe("/topic/Cases?Subject=wanted")
            _ = try await org.create("Case", #"{"Subject":"other"}"#)
            let id = try await org.create("Case", #"{"Subject":"wanted"}"#)
            let events = try await subscriber.events(1)
            #expect(events.map { $0["data"]?["sobject"]?["Id"] } == [.string(id)])
        }
    }
}
