/// Rows of a query that have not been fetched yet.
struct SalesforceCursor {
    let query: SOQLQuery
    let records: [SObjectRecord]
    let batchSize: Int
    let includesDeleted: Bool
}

/// `/query` and `/queryAll`.
extension SalesforceOrgCore {
    static let largestBatch = 2_000
    static let longestQuery = 100_000

    /// Cursors kept at a time; Salesforce closes a user's oldest beyond ten.
    private static let keptCursors = 50

    func query(
        _ path: [String], _ call: SalesforceCall, _ caller: SalesforceCaller
    ) throws(SalesforceRESTError) -> SalesforceReply {
        guard call.method == "GET" else { throw .badMethod(call.method) }
        if path.count > 1 { return try more(path[1], resource: path[0], caller) }
        guard let text = call.parameter("q") else {
            throw .bad("MALFORMED_QUERY", "A query string has to be specified")
        }
        guard text.count <= Self.longestQuery else { throw .bad("QUERY_TOO_COMPLICATED", "Query too long") }
        let query: SOQLQuery
        do throws(SOQLError) {
            query = try SOQLParser.parse(text, catalogue)
        } catch {
            throw .bad(error.code, error.message)
        }
        let includesDeleted = path[0] == "queryAll"
        let records = evaluator(includesDeleted: includesDeleted).records(query)
        switch query.output {
        case .count:
            return .json { bytes in
                bytes.raw("{\"totalSize\":")
                bytes.integer(records.count)
                bytes.raw(",\"done\":true,\"records\":[]}")
            }
        case .aggregates(let items): return aggregates(items, records)
        case .columns:
            let cursor = SalesforceCursor(
                query: query, records: records, batchSize: batchSize(call), includesDeleted: includesDeleted)
            return page(cursor, from: 0, locator: nil, resource: path[0], caller)
        }
    }

    private func batchSize(_ call: SalesforceCall) -> Int {
        let option = call.headers["sforce-query-options"] ?? ""
        guard let range = option.range(of: "batchSize="),
            let size = Int(option[range.upperBound...].prefix { $0.isNumber })
        else { return Self.largestBatch }
        return min(max(size, 200), Self.largestBatch)
    }

    private func more(
        _ name: String, resource: String, _ caller: SalesforceCaller
    ) throws(SalesforceRESTError) -> SalesforceReply {
        let parts = name.split(separator: "-").map(String.init)
        guard parts.count == 2, let start = Int(parts[1]), let cursor = cursors[parts[0]] else {
            throw .bad("INVALID_QUERY_LOCATOR", "invalid query locator")
        }
        return page(cursor, from: start, locator: parts[0], resource: resource, caller)
    }

    private func page(
        _ cursor: SalesforceCursor, from start: Int, locator: String?, resource: String, _ caller: SalesforceCaller
    ) -> SalesforceReply {
        let end = min(cursor.records.count, start + cursor.batchSize)
        let done = end == cursor.records.count
        var locator = locator
        if !done, locator == nil {
            let name = "01g" + instance + paddedNumber(nextCursor, 10)
            nextCursor += 1
            cursors[name] = cursor
            if nextCursor > Self.keptCursors {
                cursors["01g" + instance + paddedNumber(nextCursor - Self.keptCursors, 10)] = nil
            }
            locator = name
        }
        let evaluator = evaluator(includesDeleted: cursor.includesDeleted)
        var bytes = SalesforceBytes(reserving: 256 + (end - min(start, end)) * 400)
        bytes.raw("{\"totalSize\":")
        bytes.integer(cursor.records.count)
        bytes.raw(",\"done\":")
        bytes.bool(done)
        if !done, let locator {
            bytes.raw(",\"nextRecordsUrl\":")
            bytes.string("\(caller.base)/\(resource)/\(locator)-\(end)")
        }
        bytes.raw(",\"records\":[")
        if start < end, case .columns(let columns) = cursor.query.output {
            let groups = SalesforceColumnGroup.groups(columns)
            for index in start..<end {
                if index > start { bytes.raw(",") }
                write(cursor.records[index], groups, evaluator, caller, &bytes)
            }
        }
        bytes.raw("]}")
        return SalesforceReply(status: 200, body: bytes.bytes)
    }

    private func aggregates(
        _ items: [(name: String, path: SOQLQuery.Path)], _ records: [SObjectRecord]
    ) -> SalesforceReply {
        let evaluator = evaluator(includesDeleted: true)
        return .json { bytes in
            bytes.raw("{\"totalSize\":1,\"done\":true,\"records\":[{\"attributes\":{\"type\":\"AggregateResult\"}")
            for item in items {
                bytes.name(item.name)
                bytes.integer(records.count { evaluator.value(item.path, $0) != .null })
            }
            bytes.raw("}]}")
        }
    }

    // MARK: Rows

    func attributes(_ type: String, _ id: String, _ caller: SalesforceCaller, _ bytes: inout SalesforceBytes) {
        bytes.raw("{\"attributes\":{\"type\":\"")
        bytes.plain(type)
        bytes.raw("\",\"url\":\"")
        bytes.plain(caller.base)
        bytes.raw("/sobjects/")
        bytes.plain(type)
        bytes.raw("/")
        bytes.plain(id)
        bytes.raw("\"}")
    }

    func write(
        _ record: SObjectRecord, _ groups: [SalesforceColumnGroup], _ evaluator: SOQLEvaluator,
        _ caller: SalesforceCaller, _ bytes: inout SalesforceBytes
    ) {
        attributes(record.type.name, record.id, caller, &bytes)
        for group in groups {
            bytes.name(group.name)
            switch group.kind {
            case .own(let slot): write(record[slot], &bytes)
            case .related(let through, let fields):
                // A polymorphic owner is a Name to SOQL, whatever it is.
                guard let target = evaluator.target(of: record, through: through) else {
                    bytes.raw("null")
                    continue
                }
                let isPolymorphic =
                    if case .reference(let targets, _) = record.type.fields[through].kind { targets.count > 1 } else {
                        false
                    }
                attributes(isPolymorphic ? "Name" : target.type.name, target.id, caller, &bytes)
                for field in fields {
                    bytes.name(field)
                    write(
                        evaluator.value(.related(through: through, relationship: "", field: field), record), &bytes)
                }
                bytes.raw("}")
            }
        }
        bytes.raw("}")
    }

    func write(_ value: SObjectValue, _ bytes: inout SalesforceBytes) {
        switch value {
        case .null: bytes.raw("null")
        case .bool(let value): bytes.bool(value)
        case .number(let value): bytes.plain(String(value))
        case .text(let value): bytes.string(value)
        case .time(let value): bytes.string(SalesforceTime.rest(value))
        }
    }
}

/// Columns as they stand in a row: related fields of one record are one object.
struct SalesforceColumnGroup {
    enum Kind {
        case own(Int)
        case related(through: Int, fields: [String])
    }

    let name: String
    var kind: Kind

    static func groups(_ columns: [SOQLQuery.Column]) -> [SalesforceColumnGroup] {
        var groups: [SalesforceColumnGroup] = []
        for column in columns {
            switch column.path {
            case .own(let slot): groups.append(.init(name: column.name, kind: .own(slot)))
            case .related(let through, let relationship, let field):
                if let index = groups.firstIndex(where: { $0.name == relationship }),
                    case .related(_, let fields) = groups[index].kind
                {
                    groups[index].kind = .related(through: through, fields: fields + [field])
                } else {
                    groups.append(.init(name: relationship, kind: .related(through: through, fields: [field])))
                }
            }
        }
        return groups
    }
}
