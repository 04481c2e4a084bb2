/// The objects of an org: the standard ones that case routing touches, the outbox, and an older package's table.
struct SObjectCatalogue: Sendable {
    static let outbox = "Routing_Request__c"
    static let outboxEvent = "Routing_Request__e"
    static let outboxChannel = "/event/Routing_Request__e"

    let types: [SObjectType]
    private let byName: [String: SObjectType]
    /// Objects, and `Object.Field`, that nobody may see, in lower case.
    var hidden: Set<String> = []

    init(
        legacy: SalesforceSimulatorConfiguration.LegacyPackage?,
        mappings: SalesforceSimulatorConfiguration.MappingTable?
    ) {
        var types = Self.standard
        if let mappings {
            types.append(
                SObjectType(
                    mappings.object, keyPrefix: "a0Q",
                    [.text("Name", 80).readOnly]
                        + [mappings.queue, mappings.workgroup, mappings.skills].map { .text($0, 255) }))
        }
        if let legacy {
            types.append(Self.table(of: legacy))
        } else {
            types += [
                SObjectType(
                    Self.outbox, keyPrefix: "a0R",
                    [.text("Name", 80).readOnly, .text("Sequence__c", 30).readOnly] + Self.routingFields + [
                        .text("Status__c", 20)
                    ]),
                SObjectType(
                    Self.outboxEvent, keyPrefix: "e00", isEvent: true,
                    [.number("Sequence__c"), .text("Row_Id__c", 18), .time("Row_Created__c")] + Self.routingFields),
            ]
        }
        self.types = types
        var byName: [String: SObjectType] = [:]
        for type in types {
            byName[type.name] = type
            byName[type.name.lowercased()] = type
        }
        self.byName = byName
    }

    /// As a client names it.
    subscript(name: String) -> SObjectType? {
        guard hidden.isEmpty || !hidden.contains(name.lowercased()) else { return nil }
        return known(name)
    }

    /// Hidden or not: what the org itself works with.
    func known(_ name: String) -> SObjectType? { byName[name] ?? byName[name.lowercased()] }

    func hides(_ field: String, of type: SObjectType) -> Bool {
        !hidden.isEmpty && hidden.contains("\(type.name).\(field)".lowercased())
    }

    private static let routingFields: [SObjectField] = [
        .text("Case_Id__c", 18), .text("Case_Number__c", 30), .text("Change__c", 30), .text("Record_Id__c", 18),
        .text("Owner_Id__c", 18), .text("Previous_Owner_Id__c", 18), .bool("Closed__c"), .text("Skills__c", 255),
        .text("Priority__c", 40), .text("Actor_Id__c", 18),
    ]

    private static func table(of legacy: SalesforceSimulatorConfiguration.LegacyPackage) -> SObjectType {
        let texts = [
            legacy.caseID, legacy.caseNumber, legacy.change, legacy.recordID, legacy.owner, legacy.previousOwner,
            legacy.skills, legacy.priority, legacy.actor, legacy.status,
        ]
        let flags = legacy.closed.map { [SObjectField.bool($0)] } ?? []
        return SObjectType(
            legacy.object, keyPrefix: "a0L",
            [.text("Name", 80).readOnly] + texts.compactMap { $0 }.map { .text($0, 255) } + flags)
    }

    private static let standard: [SObjectType] = [
        SObjectType(
            "Case", keyPrefix: "500",
            [
                .text("CaseNumber", 30).readOnly, .text("Subject", 255),
                SObjectField(name: "Description", kind: .longText(32_000)),
                .picklist("Status", ["New", "Working", "Escalated", "Closed"], initial: .text("New")),
                .picklist("Priority", ["High", "Medium", "Low"], initial: .text("Medium")),
                .picklist("Origin", ["Phone", "Email", "Web"]), .picklist("Type", ["Problem", "Question"]),
                .picklist("Reason", []), .bool("IsClosed").readOnly, .time("ClosedDate").readOnly,
                .bool("IsEscalated"), .reference("OwnerId", ["Group", "User"], "Owner"),
                .reference("ContactId", ["Contact"], "Contact"), .reference("AccountId", ["Account"], "Account"),
                .text("ContactEmail", 80).readOnly, .text("ContactPhone", 40).readOnly, .text("SuppliedName", 80),
                .text("SuppliedEmail", 80), .text("SuppliedPhone", 40), .text("SuppliedCompany", 80),
                .reference("ParentId", ["Case"], "Parent"), .reference("RecordTypeId", ["RecordType"]),
                .reference("MasterRecordId", ["Case"], "MasterRecord").readOnly,
                .text("ObjectRouting_Skills__c", 255),
            ]),
        SObjectType(
            "CaseComment", keyPrefix: "00a",
            [
                .reference("ParentId", ["Case"], "Parent").createOnly.mandatory,
                SObjectField(name: "CommentBody", kind: .longText(4_000)), .bool("IsPublished"),
            ]),
        SObjectType(
            "EmailMessage", keyPrefix: "02s",
            [
                .reference("ParentId", ["Case"], "Parent").createOnly, .reference("RelatedToId", ["Case", "Account"]),
                .bool("Incoming").createOnly, .text("FromAddress", 255), .text("FromName", 255),
                SObjectField(name: "ToAddress", kind: .longText(4_000)),
                SObjectField(name: "CcAddress", kind: .longText(4_000)), .text("Subject", 3_000),
                SObjectField(name: "TextBody", kind: .longText(131_072)),
                SObjectField(name: "HtmlBody", kind: .longText(131_072)),
                .picklist("Status", ["0", "1", "2", "3", "4", "5"], initial: .text("0")), .time("MessageDate"),
                .text("MessageIdentifier", 765), .text("ClientThreadIdentifier", 765),
                .bool("HasAttachment").readOnly, .reference("EmailRoutingAddressId", []),
            ]),
        SObjectType(
            "Group", keyPrefix: "00G",
            [
                .text("Name", 40), .text("DeveloperName", 80), .picklist("Type", ["Queue", "Regular"]),
                .text("Email", 80), .reference("QueueRoutingConfigId", []),
                .reference("RelatedId", ["User"], "Related"),
                .bool("DoesSendEmailToMembers"),
            ]),
        SObjectType(
            "QueueSobject", keyPrefix: "03g",
            [.reference("QueueId", ["Group"], "Queue").mandatory, .picklist("SobjectType", ["Case"])]),
        SObjectType(
            "GroupMember", keyPrefix: "011",
            [
                .reference("GroupId", ["Group"], "Group").mandatory,
                .reference("UserOrGroupId", ["User", "Group"]).mandatory,
            ]),
        SObjectType(
            "AssignmentRule", keyPrefix: "01Q",
            [.text("Name", 120), .picklist("SobjectType", ["Case", "Lead"]), .bool("Active")]),
        SObjectType(
            "User", keyPrefix: "005",
            [
                .text("Username", 80).mandatory, .text("Name", 121).readOnly, .text("FirstName", 40),
                .text("LastName", 80), .text("Email", 128), .text("Alias", 8), .bool("IsActive"),
                .picklist("UserType", ["Standard"], initial: .text("Standard")), .reference("ProfileId", []),
                .text("TimeZoneSidKey", 40), .text("FederationIdentifier", 512),
            ]),
        SObjectType(
            "Organization", keyPrefix: "00D",
            [
                .text("Name", 80), .text("InstanceName", 5).readOnly, .bool("IsSandbox").readOnly,
                .text("OrganizationType", 40).readOnly, .text("TimeZoneSidKey", 40), .text("LanguageLocaleKey", 40),
                .text("NamespacePrefix", 15).readOnly,
            ]),
        SObjectType(
            "PushTopic", keyPrefix: "0IF",
            [
                .text("Name", 25).mandatory, .text("Query", 1_300).mandatory, .number("ApiVersion"),
                SObjectField(name: "IsActive", kind: .boolean, initial: .bool(true)), .text("Description", 400),
                .picklist("NotifyForFields", ["All", "Referenced", "Select", "Where"], initial: .text("Referenced")),
                SObjectField(name: "NotifyForOperationCreate", kind: .boolean, initial: .bool(true)),
                SObjectField(name: "NotifyForOperationUpdate", kind: .boolean, initial: .bool(true)),
                SObjectField(name: "NotifyForOperationDelete", kind: .boolean, initial: .bool(true)),
                SObjectField(name: "NotifyForOperationUndelete", kind: .boolean, initial: .bool(true)),
            ]),
        SObjectType(
            "Contact", keyPrefix: "003",
            [
                .text("FirstName", 40), .text("LastName", 80).mandatory, .text("Name", 121).readOnly,
                .text("Email", 80), .text("Phone", 40), .text("MobilePhone", 40),
                .reference("AccountId", ["Account"], "Account"),
            ]),
        SObjectType("Account", keyPrefix: "001", [.text("Name", 255).mandatory, .text("Phone", 40)]),
    ]
}
