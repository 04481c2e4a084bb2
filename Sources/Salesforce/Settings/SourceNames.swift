import CaseRouting

/// What the routing table of an org, its fields and its channel are called.
///
/// Our own package needs no settings. A legacy package is described by names (`docs/salesforce-package.md`): `object`,
/// `channel`, `case`, `status`, and, each only if the table has it, `case-number`, `change`, `record`, `owner`,
/// `previous-owner`, `closed`, `skills`, `priority`, `actor`, `sequence`; `new` and `processed` are values of the
/// status, `case-skills` is the skills field of Case, `event-row` and `event-row-created` are fields of a platform
/// event. `mapping-object`, `mapping-queue`, `mapping-workgroup` and `mapping-skills` name another table, which may be there
/// with either package, see `MappingTable`. Names reach queries as they are, so only letters, digits and `_` are taken.
public struct SourceNames: Equatable, Sendable {
    public let object: String
    /// `/event/NAME` or `/topic/NAME`.
    public let channel: String
    /// Our own package, whose rows say everything.
    let isPackage: Bool
    let fields: [RowField: String]
    let statusNew: String
    let statusProcessed: String
    /// The skills field of Case; nil where there is none.
    let caseSkills: String?
    let eventRow: String
    let eventRowCreated: String
    /// Where an older connector keeps which queue goes where; nil: nowhere.
    let mappingTable: MappingTable?

    /// - Throws: a `configuration` failure for a name that is unknown, missing or malformed.
    init(_ source: [String: String], org: String) throws(RoutingFailure) {
        var rest = source
        mappingTable = try MappingTable(taking: &rest, org: org)
        let isPackage = rest.isEmpty
        self.isPackage = isPackage
        func take(_ key: String, _ packaged: String?) throws(RoutingFailure) -> String? {
            guard let name = rest.removeValue(forKey: key) else { return isPackage ? packaged : nil }
            guard Self.isName(name) else { throw Self.refuse(key, org, "may hold letters, digits and _ only") }
            return name
        }
        func demand(_ key: String, _ packaged: String) throws(RoutingFailure) -> String {
            guard let name = try take(key, packaged) else { throw Self.refuse(key, org, "is missing") }
            return name
        }
        object = try demand("object", "Routing_Request__c")
        var fields: [RowField: String] = [:]
        fields[.caseID] = try demand("case", "Case_Id__c")
        fields[.status] = try demand("status", "Status__c")
        for (field, key, packaged) in Self.optionalFields { fields[field] = try take(key, packaged) }
        self.fields = fields
        caseSkills = try take("case-skills", "ObjectRouting_Skills__c")
        eventRow = try take("event-row", nil) ?? "Row_Id__c"
        eventRowCreated = try take("event-row-created", nil) ?? "Row_Created__c"
        statusNew = rest.removeValue(forKey: "new") ?? "New"
        statusProcessed = rest.removeValue(forKey: "processed") ?? "Processed"
        guard Self.isValue(statusNew), Self.isValue(statusProcessed), statusNew != statusProcessed else {
            throw Self.refuse("new, processed", org, "have to be two different texts of at most 255 characters")
        }
        guard let channel = rest.removeValue(forKey: "channel") ?? (isPackage ? "/event/Routing_Request__e" : nil)
        else {
            throw Self.refuse("channel", org, "is missing")
        }
        self.channel = channel
        let parts = channel.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].isEmpty, ["event", "topic"].contains(parts[1]), Self.isName(parts[2]) else {
            throw Self.refuse("channel", org, "has to look like /event/NAME or /topic/NAME")
        }
        guard rest.isEmpty else {
            throw .setting(
                "Org \(org): unknown source setting \(rest.keys.sorted().map(Self.shown).joined(separator: ", ")). Known: "
                    + ([
                        "object", "channel", "case", "status", "new", "processed", "case-skills", "event-row",
                        "event-row-created",
                    ] + Self.optionalFields.map(\.key) + MappingTable.keys).joined(separator: ", ") + ".")
        }
    }

    private static let optionalFields: [(field: RowField, key: String, packaged: String)] = [
        (.caseNumber, "case-number", "Case_Number__c"), (.change, "change", "Change__c"),
        (.recordID, "record", "Record_Id__c"), (.owner, "owner", "Owner_Id__c"),
        (.previousOwner, "previous-owner", "Previous_Owner_Id__c"), (.closed, "closed", "Closed__c"),
        (.skills, "skills", "Skills__c"), (.priority, "priority", "Priority__c"), (.actor, "actor", "Actor_Id__c"),
        (.sequence, "sequence", "Sequence__c"),
    ]

    var isTopic: Bool { channel.hasPrefix("/topic/") }
    /// Whether rows are ordered by a sequence. Without one they may be updated in place, and the modstamp orders them.
    var hasSequence: Bool { fields[.sequence] != nil }
    /// How long Salesforce keeps the channel's events: topics 24 h, platform events 72 h.
    var retention: Duration { .seconds(isTopic ? 24 * 3_600 : 72 * 3_600) }
    /// Whether a row says all that must be known of its case; what it does not say is read from the case.
    var rowsAreWhole: Bool {
        [RowField.owner, .closed, .skills, .caseNumber, .priority].allSatisfy { fields[$0] != nil }
    }

    static func isName(_ text: some StringProtocol) -> Bool {
        (1...80).contains(text.utf8.count) && text.utf8.first.map { ($0 | 0x20) >= UInt8(ascii: "a") } == true
            && text.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 0x20)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "_")
            }
    }

    private static func isValue(_ text: String) -> Bool {
        (1...255).contains(text.utf8.count) && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    }

    /// A setting's name as people may see it.
    private static func shown(_ name: String) -> String { "'\(name.prefix(40))'" }

    static func refuse(_ key: String, _ org: String, _ why: String) -> RoutingFailure {
        .setting("Org \(org): source setting \(key) \(why).")
    }
}
