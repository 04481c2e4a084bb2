import CaseRouting
import JSON

extension OutboxOrg {
    public func newRows(after: RecordID?, limit: Int) async throws(RoutingFailure) -> [CaseChange] {
        let names = settings.names
        let table = names.rowTable
        var after = after
        while true {
            let behind = after.map { " AND Id > '\($0)'" } ?? ""
            let found = try await session.records(
                "SELECT \(names.rowColumns) FROM \(names.object) WHERE \(names.statusColumn) = "
                    + "\(SOQL.text(names.statusNew))\(behind) ORDER BY Id LIMIT \(limit)",
                "reading new rows"
            ) { reader in try RoutingRow(table, &reader) }
            guard let last = found.records.last else { return [] }
            let changes = try await changes(found.records)
            if !changes.isEmpty { return changes }
            // Not one of these rows can be used. Their successors can be.
            guard let id = RoutingRow.id(last.rowID) else {
                throw failures.failure(.transient, .salesforceError, "reading new rows: records without an id.")
            }
            after = id
        }
    }

    /// What rows say; the ones that say nothing usable are logged and left out.
    func changes(_ rows: [RoutingRow]) async throws(RoutingFailure) -> [CaseChange] {
        let facts = try await missingFacts(of: rows)
        return rows.compactMap { row in
            switch row.reading(settings, facts: RoutingRow.id(row.caseID).flatMap { facts[$0] }) {
            case .change(let change): return change
            case .nothing: return nil
            case .malformed(let reason):
                logger.error(.eventMalformed, metadata: ["reason": "\(reason)", "found": "sweep"])
                return nil
            }
        }
    }

    /// A legacy table may tell less than a change needs: the rest is read from the cases.
    func missingFacts(of rows: [RoutingRow]) async throws(RoutingFailure) -> [RecordID: CaseFacts] {
        guard !settings.names.rowsAreWhole else { return [:] }
        let ids = Set(rows.compactMap { RoutingRow.id($0.caseID) }).sorted()
        var facts: [RecordID: CaseFacts] = [:]
        for start in stride(from: 0, to: ids.count, by: SOQL.idsPerQuery) {
            let chunk = Array(ids[start..<min(start + SOQL.idsPerQuery, ids.count)])
            for one in try await cases(chunk) { facts[one.caseID] = one.facts }
        }
        return facts
    }

    /// Rows by id, whatever their status.
    func rows(_ ids: [RecordID]) async throws(RoutingFailure) -> [RoutingRow] {
        let names = settings.names
        let table = names.rowTable
        var rows: [RoutingRow] = []
        for start in stride(from: 0, to: ids.count, by: SOQL.idsPerQuery) {
            let chunk = ids[start..<min(start + SOQL.idsPerQuery, ids.count)]
            rows += try await session.records(
                "SELECT \(names.rowColumns) FROM \(names.object) WHERE Id IN \(SOQL.list(chunk)) ORDER BY Id",
                "reading rows"
            ) { reader in try RoutingRow(table, &reader) }.records
        }
        return rows
    }
}

extension SourceNames {
    var statusColumn: String { fields[.status, default: "Status__c"] }

    var rowColumns: String {
        (["Id", "CreatedDate", "SystemModstamp"] + fields.values.sorted()).joined(separator: ", ")
    }
}
