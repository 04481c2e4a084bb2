import CaseRouting
import JSON

extension OutboxOrg {
    public func openCases(
        of owners: [RecordID], changedSince: Timestamp?, after: RecordID?, limit: Int
    ) async throws(RoutingFailure) -> [SweptCase] {
        var found: [SweptCase] = []
        /// Behind this id a chunk of owners has more than it told.
        var end: RecordID?
        for start in stride(from: 0, to: owners.count, by: SOQL.idsPerQuery) {
            let chunk = owners[start..<min(start + SOQL.idsPerQuery, owners.count)]
            let since = changedSince.map { " AND SystemModstamp >= \(SOQL.time($0))" } ?? ""
            let behind = after.map { " AND Id > '\($0)'" } ?? ""
            let page = try await sweptCases(
                "SELECT \(caseColumns) FROM Case WHERE IsClosed = false AND OwnerId IN \(SOQL.list(chunk))"
                    + "\(since)\(behind) ORDER BY Id LIMIT \(limit)", includingDeleted: false)
            found += page.records
            if !page.isWhole, let last = page.records.last?.caseID { end = min(end ?? last, last) }
        }
        if let end { found.removeAll { $0.caseID > end } }
        if owners.count > SOQL.idsPerQuery { found.sort { $0.caseID < $1.caseID } }
        return Array(found.prefix(limit))
    }

    /// Of a case that has left the recycle bin, or that the integration user may not see, Salesforce says nothing; it
    /// is left out.
    public func cases(_ ids: [RecordID]) async throws(RoutingFailure) -> [SweptCase] {
        var cases: [SweptCase] = []
        for start in stride(from: 0, to: ids.count, by: SOQL.idsPerQuery) {
            let chunk = ids[start..<min(start + SOQL.idsPerQuery, ids.count)]
            let page = try await sweptCases(
                "SELECT \(caseColumns) FROM Case WHERE Id IN \(SOQL.list(chunk)) ORDER BY Id", includingDeleted: true)
            guard page.isWhole else {
                throw failures.failure(.transient, .salesforceError, "reading cases: the answer broke off.")
            }
            cases += page.records
        }
        return cases
    }

    private var caseColumns: String {
        "Id, CaseNumber, OwnerId, IsClosed, Priority, IsDeleted, SystemModstamp"
            + (settings.names.caseSkills.map { ", \($0)" } ?? "")
    }

    private func sweptCases(
        _ soql: String, includingDeleted: Bool
    ) async throws(RoutingFailure) -> QueryRecords<SweptCase> {
        let skills = settings.names.caseSkills
        return try await session.records(soql, includingDeleted: includingDeleted, "reading cases") { reader in
            let start = reader.offset
            let record = try CaseRecord(skills: skills, &reader)
            guard let swept = record.sweptCase(RoutingRow.id(record.id)) else {
                throw reader.invalid("a case with id, owner and time", at: start)
            }
            return swept
        }
    }
}

/// Fields of a case, from a query of cases or of what belongs to one.
struct CaseRecord {
    var id: String?
    var number = ""
    var owner: String?
    var isClosed = false
    var isDeleted = false
    var skills = ""
    var priority = ""
    var modified: String?

    init(skills skillsField: String?, _ reader: inout JSONReader) throws {
        var record = CaseRecord()
        try reader.object { key, reader in
            switch key {
            case "Id": record.id = try reader.optionalString()
            case "CaseNumber": record.number = try reader.optionalString() ?? ""
            case "OwnerId": record.owner = try reader.optionalString()
            case "IsClosed": record.isClosed = try reader.optionalBool() ?? false
            case "IsDeleted": record.isDeleted = try reader.optionalBool() ?? false
            case "Priority": record.priority = try reader.optionalString() ?? ""
            case "SystemModstamp": record.modified = try reader.optionalString()
            default:
                if let skillsField, String(key) == skillsField { record.skills = try reader.optionalString() ?? "" }
            }
        }
        self = record
    }

    private init() {}

    /// - Parameter id: of the case. Nil is returned without it, an owner and a time.
    func sweptCase(_ id: RecordID?) -> SweptCase? {
        guard let id, let facts, let modified = modified.flatMap({ Timestamp($0) }) else { return nil }
        return SweptCase(caseID: id, facts: facts, isDeleted: isDeleted, modifiedAt: modified)
    }

    /// A deleted case counts as closed, whatever its status was. Skills that are cut are too long all the same, and fail
    /// the case where people see it.
    var facts: CaseFacts? {
        RoutingRow.id(owner).map {
            CaseFacts(
                caseNumber: RoutingRow.short(number, CaseChange.maximumNumberLength), owner: $0,
                isClosed: isClosed || isDeleted, skills: RoutingRow.short(skills, CaseChange.maximumSkillsLength),
                priority: RoutingRow.short(priority, CaseChange.maximumPriorityLength))
        }
    }
}
