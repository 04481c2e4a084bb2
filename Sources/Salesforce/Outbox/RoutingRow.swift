import CaseRouting
import JSON

/// A row of the routing table or the event about it, as Salesforce wrote it: nothing is checked yet.
///
/// Reading is lenient about kinds, because one odd field must not make a whole answer unreadable: a value of an
/// unexpected kind counts as absent, and what then is missing is said by `change`.
struct RoutingRow {
    var rowID: String?
    var created: String?
    var modified: String?
    var caseID: String?
    var caseNumber: String?
    var change: String?
    var recordID: String?
    var owner: String?
    var previousOwner: String?
    var closed: Bool?
    var skills: String?
    var priority: String?
    var actor: String?
    var sequence: Int64?
    var status: String?

    /// Reads an object's members that the table names; the reader stands before the object.
    init(_ table: FieldTable, _ reader: inout JSONReader) throws {
        var row = RoutingRow()
        try reader.object { key, reader in
            guard let field = table[key] else { return }
            switch field {
            case .rowID: row.rowID = try Self.text(&reader)
            case .created: row.created = try Self.text(&reader)
            case .modified: row.modified = try Self.text(&reader)
            case .caseID: row.caseID = try Self.text(&reader)
            case .caseNumber: row.caseNumber = try Self.text(&reader)
            case .change: row.change = try Self.text(&reader)
            case .recordID: row.recordID = try Self.text(&reader)
            case .owner: row.owner = try Self.text(&reader)
            case .previousOwner: row.previousOwner = try Self.text(&reader)
            case .closed: row.closed = try Self.flag(&reader)
            case .skills: row.skills = try Self.text(&reader)
            case .priority: row.priority = try Self.text(&reader)
            case .actor: row.actor = try Self.text(&reader)
            case .sequence: row.sequence = try Self.whole(&reader)
            case .status: row.status = try Self.text(&reader)
            }
        }
        self = row
    }

    init() {}

    private static func text(_ reader: inout JSONReader) throws -> String? {
        if reader.kind == .string { return try reader.string() }
        try reader.skip()
        return nil
    }

    private static func flag(_ reader: inout JSONReader) throws -> Bool? {
        switch reader.kind {
        case .bool: return try reader.bool()
        case .string: return Bool(try reader.string())
        default:
            try reader.skip()
            return nil
        }
    }

    /// An auto-number is text, a number field of an event is `1042` or `1042.0`.
    private static func whole(_ reader: inout JSONReader) throws -> Int64? {
        switch reader.kind {
        case .string: return Int64(try reader.string())
        case .number: return Int64(exactly: try reader.double())
        default:
            try reader.skip()
            return nil
        }
    }
}
