/// Runs parsed queries over the tables of an org.
struct SOQLEvaluator {
    let table: (String) -> SObjectTable?
    /// Deleted records too (`queryAll`).
    let includesDeleted: Bool

    /// The records a query selects, in its order.
    func records(_ query: SOQLQuery) -> [SObjectRecord] {
        guard let table = table(query.type.name) else { return [] }
        let condition = query.condition.map(resolved)
        var found: [SObjectRecord] = []
        // Without an order, or in the order of ids, records come as they are stored: then the limit ends the search.
        let sorted = query.order.isEmpty || isByID(query.order)
        let wanted = sorted ? query.limit.map { $0 + query.offset } ?? .max : .max
        for record in candidates(table, condition) {
            if found.count >= wanted { break }
            if record.isDeleted, !includesDeleted { continue }
            if let condition, !holds(condition, record) { continue }
            found.append(record)
        }
        if !sorted { found.sort { isBefore($0, $1, query.order) } }
        if query.offset > 0 { found.removeFirst(min(query.offset, found.count)) }
        if let limit = query.limit, found.count > limit { found.removeLast(found.count - limit) }
        return found
    }

    /// The value a path leads to, and whether it is an id (ids differ by case, other text does not).
    func value(_ path: SOQLQuery.Path, _ record: SObjectRecord) -> SObjectValue {
        switch path {
        case .own(let slot): return record[slot]
        case .related(let through, _, let field):
            guard let target = target(of: record, through: through) else { return .null }
            if let slot = target.type.slot(field) { return target[slot] }
            if field.lowercased() == "type" { return .text(target.type.name) }
            return .null
        }
    }

    func target(of record: SObjectRecord, through slot: Int) -> SObjectRecord? {
        guard case .text(let id) = record[slot], case .reference(let types, _) = record.type.fields[slot].kind else {
            return nil
        }
        for type in types {
            if let target = table(type)?[id] { return target }
        }
        return nil
    }

    /// A value as a member of an IN list; ids keep their case.
    static func key(_ value: SObjectValue, isID: Bool) -> String {
        switch value {
        case .null: ""
        case .bool(let value): value ? "true" : "false"
        case .number(let value): String(value)
        case .text(let value): isID ? value : value.lowercased()
        case .time(let value): String(value)
        }
    }

    /// Whether a record is one the query would select.
    func matches(_ query: SOQLQuery, _ record: SObjectRecord) -> Bool {
        query.condition.map { holds(resolved($0), record) } ?? true
    }

    // MARK: Which records to look at

    /// Ids asked for are looked up, and a search that begins after an id begins there.
    private func candidates(_ table: SObjectTable, _ condition: SOQLQuery.Condition?) -> any Sequence<SObjectRecord> {
        var parts: [SOQLQuery.Condition] = []
        switch condition {
        case .all(let conditions)?: parts = conditions
        case let single?: parts = [single]
        case nil: return table.records
        }
        var start = 0
        for part in parts {
            switch part {
            case .compare(.own(SObjectType.Slot.id), .equal, .text(let id)):
                return table[id].map { [$0] } ?? []
            case .compare(.own(SObjectType.Slot.id), .greater, .text(let id)):
                start = max(start, table.firstIndex(after: id))
            case .isIn(.own(SObjectType.Slot.id), let ids, false) where ids.count * 8 < table.records.count:
                return lookUp(ids, in: table)
            default: break
            }
        }
        return start == 0 ? table.records : table.records[start...]
    }

    private func lookUp(_ ids: Set<String>, in table: SObjectTable) -> [SObjectRecord] {
        ids.compactMap { table[$0] }.sorted { SOQLCompare.bytes($0.id, $1.id) < 0 }
    }

    private func isByID(_ order: [SOQLQuery.Order]) -> Bool {
        if case .own(SObjectType.Slot.id)? = order.first?.path {
            order.count == 1 && !order[0].descending
        } else {
            false
        }
    }

    private func isBefore(_ left: SObjectRecord, _ right: SObjectRecord, _ order: [SOQLQuery.Order]) -> Bool {
        for item in order {
            let a = value(item.path, left)
            let b = value(item.path, right)
            if a == .null || b == .null {
                if a == b { continue }
                return (a == .null) != item.nullsLast
            }
            let difference = SOQLCompare.order(a, b, caseSensitive: isID(item.path, left.type)) ?? 0
            if difference != 0 { return item.descending ? difference > 0 : difference < 0 }
        }
        return SOQLCompare.bytes(left.id, right.id) < 0
    }

    private func isID(_ path: SOQLQuery.Path, _ type: SObjectType) -> Bool {
        if case .own(let slot) = path { type.fields[slot].isID } else { false }
    }

    // MARK: Conditions

    /// Sub-selects become lists once, not once per record.
    private func resolved(_ condition: SOQLQuery.Condition) -> SOQLQuery.Condition {
        switch condition {
        case .all(let parts): .all(parts.map(resolved))
        case .any(let parts): .any(parts.map(resolved))
        case .not(let part): .not(resolved(part))
        case .inQuery(let path, let query, let negated): .isIn(path, column(of: query), negated: negated)
        default: condition
        }
    }

    private func column(of query: SOQLQuery) -> Set<String> {
        guard case .columns(let columns) = query.output else { return [] }
        let isID = isID(columns[0].path, query.type)
        return Set(records(query).map { Self.key(value(columns[0].path, $0), isID: isID) }).subtracting([""])
    }

    private func holds(_ condition: SOQLQuery.Condition, _ record: SObjectRecord) -> Bool {
        switch condition {
        case .all(let parts): return parts.allSatisfy { holds($0, record) }
        case .any(let parts): return parts.contains { holds($0, record) }
        case .not(let part): return !holds(part, record)
        case .truth(let path): return value(path, record).bool
        case .isIn(let path, let keys, let negated):
            return keys.contains(Self.key(value(path, record), isID: isID(path, record.type))) != negated
        case .like(let path, let pattern):
            guard case .text(let text) = value(path, record) else { return false }
            return SOQLPattern.matches(text, pattern)
        case .compare(let path, let comparison, let literal):
            return compare(value(path, record), comparison, literal, caseSensitive: isID(path, record.type))
        case .inQuery: return false
        }
    }

    private func compare(
        _ value: SObjectValue, _ comparison: SOQLQuery.Comparison, _ literal: SObjectValue, caseSensitive: Bool
    ) -> Bool {
        switch comparison {
        case .equal: return equal(value, literal, caseSensitive: caseSensitive)
        case .notEqual: return !equal(value, literal, caseSensitive: caseSensitive)
        default: break
        }
        guard value != .null, literal != .null,
            let order = SOQLCompare.order(value, literal, caseSensitive: caseSensitive)
        else { return false }
        return switch comparison {
        case .less: order < 0
        case .lessOrEqual: order <= 0
        case .greater: order > 0
        default: order >= 0
        }
    }

    private func equal(_ value: SObjectValue, _ literal: SObjectValue, caseSensitive: Bool) -> Bool {
        if value == literal { return true }
        guard !caseSensitive, case .text(let a) = value, case .text(let b) = literal, a.utf8.count == b.utf8.count
        else { return false }
        return a.lowercased() == b.lowercased()
    }
}
