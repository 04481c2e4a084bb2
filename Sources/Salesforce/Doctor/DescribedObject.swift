import CaseRouting
import JSON

/// An object as Salesforce describes it to the integration user: only what that user may see, and what it may change.
struct DescribedObject: Sendable {
    var isCreateable = false
    var isUpdateable = false
    var isDeletable = false
    /// Whether each field may be changed, by name.
    var fields: [String: Bool] = [:]

    init(_ body: [UInt8]) throws(JSONError) {
        self = try JSONReader.decode(body, limits: JSONLimits(maximumBytes: SalesforceSession.maximumAnswer)) {
            reader in
            var object = DescribedObject()
            try reader.object { key, reader in
                switch key {
                case "createable": object.isCreateable = try reader.bool()
                case "updateable": object.isUpdateable = try reader.bool()
                case "deletable": object.isDeletable = try reader.bool()
                case "fields":
                    try reader.array { reader in
                        var name = ""
                        var isUpdateable = false
                        try reader.object { key, reader in
                            switch key {
                            case "name": name = try reader.string()
                            case "updateable": isUpdateable = try reader.bool()
                            default: break
                            }
                        }
                        object.fields[name] = isUpdateable
                    }
                default: break
                }
            }
            return object
        }
    }

    private init() {}

    /// Those of the names that are not there; Salesforce compares names without regard to case.
    func missing(_ names: [String]) -> [String] {
        let known = Set(fields.keys.map { $0.lowercased() })
        return names.filter { !known.contains($0.lowercased()) }
    }
}

extension OutboxOrg {
    /// - Returns: nil where the object does not exist, or the integration user may not see it.
    func describe(_ object: String) async throws(RoutingFailure) -> DescribedObject? {
        do throws(RoutingFailure) {
            let answer = try await session.call(
                .other, .get, "/services/data/v\(settings.apiVersion)/sobjects/\(object)/describe",
                "describing \(object)")
            do throws(JSONError) {
                return try DescribedObject(answer.body)
            } catch {
                throw failures.failure(error, reading: "describing \(object)")
            }
        } catch {
            guard error.response?.status == 404 else { throw error }
            return nil
        }
    }

    /// The texts of these columns of every record of a query; a related column is `Owner.Name`.
    func texts(_ soql: String, _ columns: [String], _ what: String) async throws(RoutingFailure) -> [[String: String]] {
        try await session.records(soql, what) { reader in
            var record: [String: String] = [:]
            try Self.read(&reader, "", columns, into: &record)
            return record
        }.records
    }

    private static func read(
        _ reader: inout JSONReader, _ prefix: String, _ columns: [String], into record: inout [String: String]
    ) throws {
        var found: [String: String] = [:]
        try reader.object { key, reader in
            let name = prefix + String(key)
            if columns.contains(name), reader.kind == .string {
                found[name] = try reader.string()
            } else if columns.contains(name), reader.kind == .bool {
                found[name] = try reader.bool() ? "true" : "false"
            } else if reader.kind == .object, prefix.isEmpty, columns.contains(where: { $0.hasPrefix(name + ".") }) {
                try read(&reader, name + ".", columns, into: &found)
            }
        }
        record.merge(found) { _, new in new }
    }
}
