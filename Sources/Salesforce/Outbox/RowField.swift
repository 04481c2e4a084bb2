import JSON

/// What a row of the routing table, or the event about it, may say.
enum RowField: CaseIterable, Sendable {
    case rowID, created, modified
    case caseID, caseNumber, change, recordID, owner, previousOwner, closed, skills, priority, actor, sequence, status
}

/// The names of fields as bytes, so that finding one of them costs no allocation.
struct FieldTable: Sendable {
    private let entries: [(name: [UInt8], field: RowField)]

    init(_ names: [(String, RowField)]) { entries = names.map { (Array($0.0.utf8), $0.1) } }

    subscript(key: JSONKey) -> RowField? {
        for entry in entries where entry.name.count == key.count {
            if Self.equal(entry.name, key) { return entry.field }
        }
        return nil
    }

    private static func equal(_ name: [UInt8], _ key: JSONKey) -> Bool {
        for index in name.indices where name[index] != key[index] { return false }
        return true
    }
}

extension SourceNames {
    /// The columns of a row, by query.
    var rowTable: FieldTable {
        FieldTable(
            [("Id", .rowID), ("CreatedDate", .created), ("SystemModstamp", .modified)] + fields.map { ($1, $0) })
    }

    /// The members of an event. A topic's event holds columns of the row; a platform event has `CreatedDate` of its
    /// own, which says nothing about the row.
    var eventTable: FieldTable {
        isTopic
            ? rowTable
            : FieldTable(
                [(eventRow, .rowID), (eventRowCreated, .created)]
                    + fields.filter { $0.key != .status }.map { ($1, $0) })
    }
}
