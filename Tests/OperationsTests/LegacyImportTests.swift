import CaseRouting
import Testing

@testable import Operations

/// Mappings made of an older connector's table.
@Suite struct LegacyImportTests {
    private static func row(_ number: Int, _ queue: String, _ workgroup: String, _ skills: String = "") throws
        -> LegacyMapping
    {
        LegacyMapping(
            row: try RecordID("a0Q00000000000\(number)AAA"), queue: queue, workgroup: workgroup, skills: skills)
    }

    private static func stored(servers: [String] = ["main"], mappings: [StoredMapping] = []) throws
        -> StoredConfiguration
    {
        var org = OrgSetup(
            name: "acme", organizationID: try RecordID("00D000000000001EAA"), loginURL: "https://login.example")
        org.source = ["mapping-object": "Table__c", "mapping-queue": "Q__c", "mapping-workgroup": "W__c"]
        return StoredConfiguration(
            version: 1, installation: "i", orgs: [org],
            servers: servers.map { CICServerSetup(name: $0, hosts: ["cic:8019"], holding: "Holding") },
            mappings: mappings, aliases: [])
    }

    private static func make(
        _ rows: [LegacyMapping], cic: String? = nil, _ stored: StoredConfiguration
    ) throws -> LegacyImport {
        try LegacyImport(LegacyMappingMirror(rows: rows, age: .seconds(60)), org: "acme", cic: cic, stored: stored)
    }

    @Test func `rows become mappings, and what is half filled in is passed over by name`() throws {
        let rows = [
            try Self.row(1, " Support ", "Case Support", "German; Billing;"), try Self.row(2, "Sales", " "),
            try Self.row(3, "00G000000000001", "Sales"), try Self.row(4, "Support", "Case Support", "German;Billing"),
        ]
        let made = try Self.make(rows, try Self.stored())
        #expect(made.mappings.map(\.queue) == ["Support", try RecordID("00G000000000001").description])
        #expect(made.mappings.map(\.workgroup) == ["Case Support", "Sales"])
        #expect(made.mappings[0].skills == ["German", "Billing"])
        #expect(made.mappings[0].cic == "main")
        #expect(made.notes.contains { $0.contains("a0Q000000000002AAA") && $0.contains("no workgroup") })
    }

    @Test func `a queue that is mapped keeps what the table does not tell`() throws {
        var known = MappingSetup(org: "acme", queue: "Support", cic: "west", workgroup: "Old")
        known.onReply = .keep
        known.isEnabled = false
        let stored = try Self.stored(
            servers: ["main", "west"],
            mappings: [StoredMapping(id: 1, version: 3, queueID: nil, setup: known)])
        let made = try Self.make([try Self.row(1, "Support", "New")], cic: "main", stored)
        #expect(made.mappings.map(\.workgroup) == ["New"])
        #expect(made.mappings[0].onReply == .keep && !made.mappings[0].isEnabled && made.mappings[0].cic == "main")
    }

    @Test func `what is not known is asked for, and a queue that goes to two places is refused`() throws {
        let rows = [try Self.row(1, "Support", "A"), try Self.row(2, "Support", "B")]
        #expect(throws: SettingError.self) { try Self.make(rows, try Self.stored()) }
        #expect { try Self.make([], try Self.stored(servers: ["main", "west"])) } throws: {
            "\($0)".contains("--cic") && "\($0)".contains("main, west")
        }
        #expect { try Self.make([], cic: "mian", try Self.stored()) } throws: {
            "\($0)".contains("did you mean “main”?")
        }
        #expect {
            try LegacyImport(nil, org: "acme", cic: nil, stored: try Self.stored())
        } throws: { "\($0)".contains("nobody has read") }
        var silent = try Self.stored()
        silent.orgs[0].source = [:]
        #expect {
            try LegacyImport(nil, org: "acme", cic: nil, stored: silent)
        } throws: { "\($0)".contains("source.mapping-object") }
    }
}
