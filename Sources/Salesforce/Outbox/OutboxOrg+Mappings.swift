import CaseRouting
import JSON

extension OutboxOrg {
    /// The table is as large as a site has queues; a row that is half filled in is returned as it is.
    public func legacyMappings() async throws(RoutingFailure) -> [LegacyMapping] {
        guard let table = settings.names.mappingTable else { return [] }
        let fields = ["Id", table.queue, table.workgroup] + [table.skills].compactMap { $0 }
        let what = "reading the table of mappings \(table.object)"
        var rows: [LegacyMapping] = []
        while true {
            let behind = rows.last.map { " WHERE Id > '\($0.row)'" } ?? ""
            let found = try await session.records(
                "SELECT \(fields.joined(separator: ", ")) FROM \(table.object)\(behind) ORDER BY Id LIMIT \(Self.page)",
                what
            ) { reader in
                let start = reader.offset
                var values: [String: String] = [:]
                // Salesforce answers with the names as the org spells them, which need not be as they were asked for.
                try reader.object { key, reader in
                    let name = String(key).lowercased()
                    // Whatever else a record carries is no text.
                    if fields.contains(where: { $0.lowercased() == name }) {
                        values[name] = try reader.optionalString()
                    }
                }
                guard let id = RoutingRow.id(values["id"]) else {
                    throw reader.invalid("a record with an id", at: start)
                }
                return LegacyMapping(
                    row: id, queue: values[table.queue.lowercased()] ?? "",
                    workgroup: values[table.workgroup.lowercased()] ?? "",
                    skills: table.skills.flatMap { values[$0.lowercased()] } ?? "")
            }
            rows += found.records
            if found.isWhole && found.records.count < Self.page { return rows }
            guard !found.records.isEmpty else {
                throw failures.failure(.transient, .salesforceError, "\(what): an answer without records.")
            }
        }
    }
}
