import CaseRouting
import JSON
import Testing

@testable import Salesforce

@Suite struct DecodingTests {
    private let settings: SalesforceSettings

    init() throws {
        settings = try SalesforceSettings(
            org: "acme", organizationID: RecordID(SimulatedOrg.organizationID),
            loginURL: "https://acme.my.salesforce.com/",
            flow: .clientCredentials, credentials: Array(#"{"client_id":"a","client_secret":"b"}"#.utf8),
            versionEpoch: 3)
    }

    private static let whole: [(String, String)] = [
        ("Row_Id__c", #""a0R000000000001""#), ("Row_Created__c", #""2026-11-20T23:59:59.000+0000""#),
        ("Sequence__c", "1042"), ("Case_Id__c", #""500000000000001AAA""#), ("Case_Number__c", #""00001026""#),
        ("Change__c", #""queue-changed""#), ("Record_Id__c", "null"), ("Owner_Id__c", #""00G000000000001EAA""#),
        ("Previous_Owner_Id__c", #""00G000000000002""#), ("Closed__c", "false"), ("Skills__c", #""Dutch;Billing""#),
        ("Priority__c", #""High""#), ("Actor_Id__c", #""005000000000001""#),
    ]

    /// The event with some members changed; nil leaves one out.
    private func read(_ changes: [String: String?], id: String = "45") -> Announcement {
        let members = Self.whole.compactMap { name, value in
            (changes[name] ?? value).map { #""\#(name)":\#($0)"# }
        }
        let body =
            #"{"schema":"x","payload":{"CreatedDate":"2020-01-01T00:00:00Z",\#(members.joined(separator: ","))},"#
            + #""event":{"replayId":\#(id)}}"#
        return Announcement(.init(body: Array(body.utf8), data: 0..<body.utf8.count), settings.names.eventTable)
    }

    private func decoded(_ changes: [String: String?]) -> CaseChange? {
        if case .change(let change)? = read(changes).row?.reading(settings) { change } else { nil }
    }

    @Test func `an event is a change`() throws {
        let change = try #require(decoded([:]))
        #expect(
            change
                == CaseChange(
                    key: "o:a0R000000000001EAA", org: "acme", caseID: try RecordID("500000000000001AAA"),
                    kind: .queueChanged, version: 1_042, versionEpoch: 3,
                    occurredAt: try #require(Timestamp("2026-11-20T23:59:59Z")), caseNumber: "00001026",
                    owner: try RecordID("00G000000000001EAA"), previousOwner: try RecordID("00G000000000002EAA"),
                    skills: "Dutch;Billing", priority: "High", actor: try RecordID("005000000000001AAA"),
                    row: try RecordID("a0R000000000001EAA")))
    }

    @Test(arguments: [
        ("created", "null", "o:a0R000000000001EAA"), ("closed", #""00a000000000001""#, "o:a0R000000000001EAA"),
        ("comment", #""00a000000000001""#, "n:00a000000000001AAA"),
        ("email-received", #""02s000000000001""#, "n:02s000000000001AAA"),
        ("agent-replied", #""02s000000000001AAA""#, "n:02s000000000001AAA"),
        ("comment", "null", "o:a0R000000000001EAA"),
    ])
    func `the key is the record's, and the row's where there is none`(_ kind: String, _ record: String, _ key: String) {
        #expect(decoded(["Change__c": "\"\(kind)\"", "Record_Id__c": record])?.key == key)
    }

    @Test(arguments: [
        ("Sequence__c", "1042.0", true), ("Sequence__c", #""1042""#, true), ("Sequence__c", "null", false),
        ("Sequence__c", "1.5", false), ("Sequence__c", "1e400", false), ("Sequence__c", #""x""#, false),
        ("Row_Id__c", "null", false), ("Row_Id__c", "7", false), ("Row_Id__c", #""a0R000000000001AAA""#, false),
        ("Case_Id__c", "null", false), ("Case_Id__c", #""' OR Id != null""#, false), ("Owner_Id__c", "null", false),
        ("Owner_Id__c", #""001000000000001""#, false), ("Closed__c", "null", false), ("Closed__c", #""true""#, true),
        ("Change__c", #""observed""#, false), ("Change__c", #""Created""#, false), ("Change__c", "null", false),
        ("Row_Created__c", "null", false), ("Row_Created__c", #""yesterday""#, false), ("Skills__c", "null", true),
        ("Record_Id__c", #""???""#, false), ("Record_Id__c", #""""#, true), ("Previous_Owner_Id__c", #""""#, true),
        ("Case_Number__c", "null", true), ("Actor_Id__c", "null", true),
    ])
    func `a field decides whether an event can be used`(_ name: String, _ value: String, _ isUsable: Bool) {
        #expect((decoded([name: value]) != nil) == isUsable)
    }

    @Test func `a skills field longer than Salesforce can hold makes an event malformed`() {
        let text = String(repeating: "x", count: CaseChange.maximumSkillsLength + 1)
        #expect(decoded(["Skills__c": "\"\(text)\""]) == nil)
    }

    @Test(
        arguments: [
            ("45", 45), ("9007199254740993", 9_007_199_254_740_993), ("1.0", nil), (#""45""#, nil), ("null", nil),
        ] as [(String, Int64?)])
    func `a position is a whole number or none`(_ text: String, _ replayID: Int64?) {
        #expect(read([:], id: text).replayID == replayID)
    }

    @Test func `the position of an event that cannot be read still counts`() {
        let event = read(["Owner_Id__c": #"null,"Closed__c":true"#])
        #expect(event.row == nil)
        #expect(event.replayID == 45)
        #expect(event.problem != nil)
    }

    /// A long text area as skills field, and a priority in another alphabet.
    @Test func `a swept case with longer fields than a message takes is a message that can be read`() throws {
        let skills = String(repeating: "é", count: 70_000)
        let priority = "a" + String(repeating: "高", count: 250)
        let body = """
            {"Id":"500000000000001AAA","CaseNumber":"\(String(repeating: "1", count: 90))",
            "OwnerId":"00G000000000001EAA","Priority":"\(priority)","Skills__c":"\(skills)",
            "SystemModstamp":"2026-11-20T23:59:59.000+0000"}
            """
        let record = try JSONReader.decode(Array(body.utf8), limits: JSONLimits(maximumStringBytes: 1 << 20)) {
            try CaseRecord(skills: "Skills__c", &$0)
        }
        let swept = try #require(record.sweptCase(RoutingRow.id(record.id)))
        let facts = swept.facts
        let change = CaseChange(
            key: "s:1", org: "acme", caseID: swept.caseID, kind: .observed, version: 1, occurredAt: swept.modifiedAt,
            caseNumber: facts.caseNumber, owner: facts.owner, isClosed: facts.isClosed, skills: facts.skills,
            priority: facts.priority, comparedWith: 0)
        #expect(try RequestMessage(RequestMessage.encode(change)) == .change(change))
        // So it fails where people see it.
        #expect(throws: RoutingFailure.self) { _ = try RequiredSkills(field: facts.skills) }
    }

    @Test func `event and row have the same day`() throws {
        let change = try #require(decoded([:]))
        var row = try JSONReader.decode(
            Array(#"{"Id":"a0R000000000001","CreatedDate":"2026-11-20T23:59:59.000+0000"}"#.utf8)
        ) {
            try RoutingRow(settings.names.rowTable, &$0)
        }
        let event = try #require(read([:]).row)
        (row.caseID, row.owner, row.change) = (event.caseID, event.owner, event.change)
        (row.closed, row.sequence) = (event.closed, event.sequence)
        guard case .change(let read) = row.reading(settings) else {
            Issue.record("malformed")
            return
        }
        #expect(read.occurredAt.day == change.occurredAt.day)
        #expect(read.key == change.key)
    }

    @Test func `an event is decoded in a few microseconds`() throws {
        let data =
            #"{"schema":"x","payload":{"CreatedDate":"2020-01-01T00:00:00Z","CreatedById":"005000000000001AAA","#
            + Self.whole.map { #""\#($0)":\#($1)"# }.joined(separator: ",") + #"},"event":{"replayId":45}}"#
        let message = #"{"channel":"/event/Routing_Request__e","clientId":"c","data":\#(data)}"#
        let answer = Array(("[" + Array(repeating: message, count: 500).joined(separator: ",") + "]").utf8)
        let table = settings.names.eventTable
        var best = Duration.seconds(1)
        for _ in 0..<20 {
            let began = ContinuousClock.now
            var changes = 0
            for message in try BayeuxMessage.decode(answer) {
                guard let data = message.data else { continue }
                if case .change? = Announcement(.init(body: answer, data: data), table).row?.reading(settings) {
                    changes += 1
                }
            }
            best = min(best, ContinuousClock.now - began)
            #expect(changes == 500)
        }
        #expect(best / 500 < limit)
    }
}

/// What is measured is the release build; this machine may be busy, and a debug build is some fifty times slower.
#if DEBUG
    private let limit = Duration.milliseconds(2)
#else
    private let limit = Duration.microseconds(20)
#endif
