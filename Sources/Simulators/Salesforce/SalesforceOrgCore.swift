import Foundation

/// Everything one org holds. It lives inside `SalesforceOrg`'s lock and is never seen outside it.
final class SalesforceOrgCore {
    let settings: SalesforceSimulatorConfiguration
    let org: SalesforceSimulatorConfiguration.Org
    /// Another one after a refresh.
    var organizationID: String
    var catalogue: SObjectCatalogue
    let caseSlots: CaseSlots
    let ledger: Ledger?
    /// Two characters in every id, which tell orgs apart.
    let instance: String

    var tables: [String: SObjectTable] = [:]
    var integrationUserID = ""
    var nextCaseNumber = 1_000
    var nextSequence = 1
    var rowNames = 1
    /// Comments and e-mails that went to the bin with their case, and come back with it.
    var binned: [String: [SObjectRecord]] = [:]
    /// The row of each case, where an older package updates rows in place.
    var legacyRows: [String: String] = [:]
    var pushTopics: [String: [SalesforcePushTopic]] = [:]

    var streams: [String: SalesforceStream] = [:]
    var sessions: [String: CometDSession] = [:]
    /// Sessions by the channel they subscribe to.
    var subscribers: [String: Set<String>] = [:]
    /// Held connects to let go as soon as the lock is free.
    var released: [CheckedContinuation<Void, Never>] = []
    /// Let go, but not answered yet.
    var releasedHolds: [Int: CometDHold] = [:]
    var nextHold = 1
    /// No connect is held any more.
    var isClosing = false

    var tokens: [String: SalesforceAccessToken] = [:]
    var refreshTokens: [String: String] = [:]
    var cursors: [String: SalesforceCursor] = [:]
    var nextCursor = 1

    var faults = SalesforceFaults()
    var clockOffset = 0.0
    var requestsUsed = 0
    var requestLimit: Int
    var lines = LedgerBatch()

    init(
        settings: SalesforceSimulatorConfiguration, org: SalesforceSimulatorConfiguration.Org, index: Int,
        ledger: Ledger?
    ) throws {
        guard let id = SalesforceID.normalized(org.organizationID), id.hasPrefix("00D") else {
            throw SalesforceConfigurationError(
                description: "org \(org.name): \(org.organizationID) is not an organisation id (00D…)")
        }
        self.settings = settings
        self.org = org
        self.ledger = ledger
        organizationID = id
        catalogue = SObjectCatalogue(legacy: org.legacy, mappings: org.mappingTable)
        caseSlots = CaseSlots(catalogue["Case"])
        instance = "W" + String(UnicodeScalar(UInt8(ascii: "a") + UInt8(index % 26)))
        requestLimit = settings.dailyRequestLimit
        setUp()
    }

    /// Milliseconds since 1970 by the org's clock.
    var now: Int64 { Int64((Date().timeIntervalSince1970 + clockOffset) * 1000) }

    /// Takes the org back to its first second; cases, rows, streams, sessions, tokens and faults are gone.
    func reset() {
        for session in sessions.values { release(session) }
        sessions.removeAll()
        subscribers.removeAll()
        streams.removeAll()
        tokens.removeAll()
        refreshTokens.removeAll()
        cursors.removeAll()
        pushTopics.removeAll()
        legacyRows.removeAll()
        binned.removeAll()
        faults = SalesforceFaults()
        catalogue.hidden = []
        clockOffset = 0
        requestsUsed = 0
        requestLimit = settings.dailyRequestLimit
        nextCaseNumber = 1_000
        nextSequence = 1
        rowNames = 1
        setUp()
    }

    /// Users, queues and the topic that exist from the start.
    private func setUp() {
        tables.removeAll()
        for type in catalogue.types where !type.isEvent {
            tables[type.name] = SObjectTable(type, next: org.firstRecord)
        }
        integrationUserID = newID("User")
        seed("User", id: integrationUserID, user(org.username))
        for name in org.users { seed("User", id: newID("User"), user(name)) }
        for name in org.queues { addQueue(name) }
        seed(
            "AssignmentRule", id: newID("AssignmentRule"),
            ["Name": .text("Standard"), "SobjectType": .text("Case"), "Active": .bool(true)])
        seed(
            "Organization", id: organizationID,
            [
                "Name": .text(org.name), "InstanceName": .text("SIM1"), "OrganizationType": .text("Enterprise Edition"),
                "TimeZoneSidKey": .text("UTC"), "LanguageLocaleKey": .text("en_US"),
            ])
        if let legacy = org.legacy {
            let fields = [
                legacy.caseID, legacy.owner, legacy.skills, legacy.change, legacy.previousOwner, legacy.status,
            ]
            seed(
                "PushTopic", id: newID("PushTopic"),
                [
                    "Name": .text(legacy.topic), "ApiVersion": .number(62),
                    "Query": .text(
                        "SELECT Id, \(fields.compactMap { $0 }.joined(separator: ", ")) FROM \(legacy.object) "
                            + "WHERE \(legacy.status) = '\(legacy.statusNew)'"),
                    "NotifyForFields": .text("All"), "IsActive": .bool(true),
                    "NotifyForOperationDelete": .bool(false),
                ])
            refreshPushTopics()
        }
    }

    private func user(_ username: String) -> [String: SObjectValue] {
        let name = username.split(separator: "@").first.map(String.init) ?? username
        return [
            "Username": .text(username), "LastName": .text(name), "Name": .text(name), "Email": .text(username),
            "Alias": .text(String(name.prefix(8))), "IsActive": .bool(true), "TimeZoneSidKey": .text("UTC"),
        ]
    }

    /// A queue that may own cases; returns its id.
    @discardableResult
    func addQueue(_ name: String) -> String {
        let id = newID("Group")
        let developerName = String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
        seed(
            "Group", id: id,
            ["Name": .text(name), "DeveloperName": .text(developerName), "Type": .text("Queue")])
        seed("QueueSobject", id: newID("QueueSobject"), ["QueueId": .text(id), "SobjectType": .text("Case")])
        for user in table("User").records where user.id != integrationUserID {
            seed(
                "GroupMember", id: newID("GroupMember"), ["GroupId": .text(id), "UserOrGroupId": .text(user.id)])
        }
        return id
    }

    @discardableResult
    func addUser(_ username: String) -> String {
        let id = newID("User")
        seed("User", id: id, user(username))
        return id
    }

    private func seed(_ typeName: String, id: String, _ fields: [String: SObjectValue]) {
        let type = type(typeName)
        let record = SObjectRecord(type: type, id: id, values: blank(type, id: id, user: integrationUserID, now: now))
        for (name, value) in fields { record[type.fixedSlot(name)] = value }
        table(typeName).append(record)
    }

    func type(_ name: String) -> SObjectType {
        guard let type = catalogue.known(name) else { preconditionFailure("no object \(name)") }
        return type
    }

    func table(_ name: String) -> SObjectTable {
        guard let table = tables[name] else { preconditionFailure("no table \(name)") }
        return table
    }

    func newID(_ typeName: String) -> String {
        let table = table(typeName)
        defer { table.next += 1 }
        return SalesforceID.make(prefix: table.type.keyPrefix, instance: instance, number: table.next)
    }

    /// A record's values before anything was said about it. Stamps are whole seconds, as Salesforce's are.
    func blank(_ type: SObjectType, id: String, user: String, now: Int64) -> [SObjectValue] {
        var values = type.fields.map(\.initial)
        let second = SObjectValue.time(now / 1000 * 1000)
        values[SObjectType.Slot.id] = .text(id)
        values[SObjectType.Slot.createdDate] = second
        values[SObjectType.Slot.createdBy] = .text(user)
        values[SObjectType.Slot.lastModifiedDate] = second
        values[SObjectType.Slot.lastModifiedBy] = .text(user)
        values[SObjectType.Slot.systemModstamp] = second
        return values
    }

    func evaluator(includesDeleted: Bool) -> SOQLEvaluator {
        SOQLEvaluator(table: { [tables] in tables[$0] }, includesDeleted: includesDeleted)
    }
}

/// A configuration that cannot be run, in words for a person.
public struct SalesforceConfigurationError: Error, CustomStringConvertible {
    public let description: String
}

/// Where the fields of a case stand that the triggers look at.
struct CaseSlots {
    let number: Int
    let status: Int
    let isClosed: Int
    let closedDate: Int
    let owner: Int
    let priority: Int
    let skills: Int
    let master: Int

    init(_ type: SObjectType?) {
        guard let type else { preconditionFailure("every org has cases") }
        number = type.fixedSlot("CaseNumber")
        status = type.fixedSlot("Status")
        isClosed = type.fixedSlot("IsClosed")
        closedDate = type.fixedSlot("ClosedDate")
        owner = type.fixedSlot("OwnerId")
        priority = type.fixedSlot("Priority")
        skills = type.fixedSlot("ObjectRouting_Skills__c")
        master = type.fixedSlot("MasterRecordId")
    }
}
