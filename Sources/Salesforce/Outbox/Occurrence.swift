import CaseRouting
import JSON

/// A comment or an e-mail that routing must know, with the facts of its case.
struct Occurrence: Sendable {
    let id: RecordID
    let kind: ChangeKind
    let caseID: RecordID
    let facts: CaseFacts
    let actor: RecordID?
    let createdAt: Timestamp

    /// - Parameters:
    ///   - rows: of the case, at any time.
    ///   - orgVersion: for a case without rows.
    func change(_ settings: SalesforceSettings, _ rows: [RoutingRow], orgVersion: Int64) -> CaseChange {
        for var row in rows where RoutingRow.id(row.recordID) == id {
            // Whether it is marked does not matter here.
            row.status = nil
            if case .change(let change) = row.reading(settings, facts: facts), change.kind.isOccurrence {
                return change
            }
        }
        let version = version(rows, orgVersion)
        return CaseChange(
            key: "n:\(id)", org: settings.org, caseID: caseID, kind: kind,
            version: settings.names.hasSequence ? version : createdAt.seconds, versionEpoch: settings.versionEpoch,
            occurredAt: createdAt, caseNumber: facts.caseNumber, owner: facts.owner, isClosed: facts.isClosed,
            skills: facts.skills, priority: facts.priority, actor: actor)
    }
}

extension Occurrence {
    /// The version of the newest row up to the occurrence, in whole seconds; where those are purged, one less than that
    /// of the oldest row after it.
    private func version(_ rows: [RoutingRow], _ orgVersion: Int64) -> Int64 {
        var before: Int64?
        var behind: Int64?
        for row in rows {
            guard let sequence = row.sequence, let created = row.created.flatMap({ Timestamp($0) }) else { continue }
            if created.seconds <= createdAt.seconds {
                before = max(before ?? sequence, sequence)
            } else {
                behind = min(behind ?? sequence, sequence)
            }
        }
        return before ?? behind.map { $0 - 1 } ?? orgVersion
    }
}

/// A CaseComment or EmailMessage as a query returned it.
struct OccurrenceRecord {
    var id: String?
    private var caseID: String?
    private var createdBy: String?
    private var created: String?
    private var isPublished = false
    /// Nil for a comment.
    private var isIncoming: Bool?
    private var status: String?
    private var parent: CaseRecord?

    init(caseSkills: String?, _ reader: inout JSONReader) throws {
        var record = OccurrenceRecord()
        try reader.object { key, reader in
            switch key {
            case "Id": record.id = try reader.optionalString()
            case "ParentId": record.caseID = try reader.optionalString()
            case "CreatedById": record.createdBy = try reader.optionalString()
            case "CreatedDate": record.created = try reader.optionalString()
            case "IsPublished": record.isPublished = try reader.optionalBool() ?? false
            case "Incoming": record.isIncoming = try reader.optionalBool()
            case "Status": record.status = try reader.optionalString()
            case "Parent": record.parent = try reader.optional { try CaseRecord(skills: caseSkills, &$0) }
            default: break
            }
        }
        self = record
    }

    private init() {}

    /// Nil for what is of no consequence: an internal comment of the owner, a draft, an e-mail that belongs to no case.
    func occurrence(_ id: RecordID) -> Occurrence? {
        guard let caseID = RoutingRow.id(caseID), let facts = parent?.facts,
            let createdAt = created.flatMap({ Timestamp($0) })
        else { return nil }
        let actor = RoutingRow.id(createdBy)
        let kind: ChangeKind
        switch isIncoming {
        case true?: kind = .emailReceived
        case false?:
            // 3 is Sent.
            guard status == "3" else { return nil }
            kind = .agentReplied
        case nil where actor == facts.owner:
            guard isPublished else { return nil }
            kind = .agentReplied
        case nil: kind = .comment
        }
        return Occurrence(
            id: id, kind: kind, caseID: caseID, facts: facts, actor: actor, createdAt: createdAt)
    }
}
