import CaseRouting
import JSON

extension OutboxOrg {
    /// Comments and e-mails, read from their own objects, so that one whose row was never written is found.
    ///
    /// Where there is a row its change is returned as `newRows` does it. Where there is none, the change has the
    /// record's own time and the version that the case had then, see `rows(of:)`. Should a row turn up later after all,
    /// the key is the same, and the day too unless midnight fell between record and row; then the fact is requested
    /// twice, never lost.
    public func occurrences(of owners: [RecordID], since: Timestamp) async throws(RoutingFailure) -> [CaseChange] {
        var found: [Occurrence] = []
        for start in stride(from: 0, to: owners.count, by: SOQL.idsPerQuery) {
            let chunk = owners[start..<min(start + SOQL.idsPerQuery, owners.count)]
            let condition = "CreatedDate >= \(SOQL.time(since)) AND Parent.OwnerId IN \(SOQL.list(chunk))"
            found += try await occurrences(in: "CaseComment", ", IsPublished", condition)
            do throws(RoutingFailure) {
                found += try await occurrences(
                    in: "EmailMessage", ", Incoming, Status", "\(condition) AND (Incoming = true OR Status = '3')")
            } catch {
                // The object does not exist in an org without Email-to-Case and Enhanced Email.
                guard error.response.map({ RESTError(Array($0.body.utf8)).code }) == "INVALID_TYPE" else { throw error }
                sayEmailsAreMissing(error)
            }
        }
        guard !found.isEmpty else { return [] }
        let rows = settings.names.hasSequence ? try await rows(of: found) : [:]
        let floor = try await orgVersion(of: found.filter { rows[$0.caseID] == nil })
        return found.map { $0.change(settings, rows[$0.caseID] ?? [], orgVersion: floor) }
            .sorted { ($0.occurredAt, $0.version) < ($1.occurredAt, $1.version) }
    }

    private func occurrences(
        in object: String, _ columns: String, _ condition: String
    ) async throws(RoutingFailure) -> [Occurrence] {
        let caseSkills = settings.names.caseSkills
        let parent = ["OwnerId", "CaseNumber", "IsClosed", "Priority"] + [caseSkills].compactMap { $0 }
        let select =
            "SELECT Id, ParentId, CreatedById, CreatedDate\(columns), "
            + parent.map { "Parent.\($0)" }.joined(separator: ", ") + " FROM \(object) WHERE \(condition)"
        var all: [Occurrence] = []
        var after: RecordID?
        while true {
            let behind = after.map { " AND Id > '\($0)'" } ?? ""
            let page = try await session.records(
                "\(select)\(behind) ORDER BY Id LIMIT \(Self.page)", "reading \(object)"
            ) { reader in
                let start = reader.offset
                let record = try OccurrenceRecord(caseSkills: caseSkills, &reader)
                guard let id = RoutingRow.id(record.id) else { throw reader.invalid("a record with an id", at: start) }
                return (id: id, occurrence: record.occurrence(id))
            }
            all += page.records.compactMap(\.occurrence)
            guard let last = page.records.last?.id, !page.isWhole || page.records.count == Self.page else { return all }
            after = last
        }
    }

    // MARK: Versions

    /// The rows of these cases up to the newest of these occurrences. Cases without any are not in the result.
    ///
    /// A comment or e-mail has no sequence. It gets the version of the newest row of its case that was committed before
    /// it, in whole seconds: what came before does not supersede it, because equal versions supersede nothing, and an
    /// agent's reply or a new arrival after it does.
    private func rows(of found: [Occurrence]) async throws(RoutingFailure) -> [RecordID: [RoutingRow]] {
        let names = settings.names
        let table = names.rowTable
        let column = names.fields[.caseID, default: ""]
        let newest = found.map(\.createdAt).max() ?? Timestamp(microseconds: 0)
        let ids = Set(found.map(\.caseID)).sorted()
        var rows: [RecordID: [RoutingRow]] = [:]
        for start in stride(from: 0, to: ids.count, by: SOQL.idsPerQuery) {
            let chunk = ids[start..<min(start + SOQL.idsPerQuery, ids.count)]
            var after: RecordID?
            repeat {
                let behind = after.map { " AND Id > '\($0)'" } ?? ""
                let page = try await session.records(
                    "SELECT \(names.rowColumns) FROM \(names.object) WHERE \(column) IN \(SOQL.list(chunk)) AND "
                        + "CreatedDate <= \(SOQL.time(newest))\(behind) ORDER BY Id LIMIT \(Self.page)",
                    "reading rows of cases"
                ) { reader in try RoutingRow(table, &reader) }
                for row in page.records {
                    if let caseID = RoutingRow.id(row.caseID) { rows[caseID, default: []].append(row) }
                }
                after = page.isWhole && page.records.count < Self.page ? nil : RoutingRow.id(page.records.last?.rowID)
            } while after != nil
        }
        return rows
    }

    /// For cases whose rows were purged: the newest sequence of the whole org before the oldest of these occurrences.
    /// It is not older than those rows, and not newer than a row that follows.
    private func orgVersion(of found: [Occurrence]) async throws(RoutingFailure) -> Int64 {
        guard settings.names.hasSequence, let oldest = found.map(\.createdAt).min() else { return 0 }
        let names = settings.names
        let table = names.rowTable
        let rows = try await session.records(
            "SELECT \(names.rowColumns) FROM \(names.object) WHERE CreatedDate <= \(SOQL.time(oldest)) "
                + "ORDER BY CreatedDate DESC LIMIT 200", "reading the newest rows"
        ) { reader in try RoutingRow(table, &reader) }
        return rows.records.compactMap(\.sequence).max() ?? 0
    }
}
