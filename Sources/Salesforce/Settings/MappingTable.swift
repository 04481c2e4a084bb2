import CaseRouting

/// What the table is called in which an older connector keeps which queue goes where, and its fields.
///
/// It is read for `mappings import` only: nothing is routed by it.
struct MappingTable: Equatable, Sendable {
    let object: String
    /// Holds the name or the id of a queue.
    let queue: String
    let workgroup: String
    /// Nil: the table has none.
    let skills: String?

    static let keys = ["mapping-object", "mapping-queue", "mapping-workgroup", "mapping-skills"]

    /// Takes its settings out of those of an org; nil when there are none.
    ///
    /// - Throws: a `configuration` failure for a name that is missing or malformed.
    init?(taking rest: inout [String: String], org: String) throws(RoutingFailure) {
        var names: [String: String] = [:]
        for key in Self.keys {
            guard let name = rest.removeValue(forKey: key) else { continue }
            guard SourceNames.isName(name) else {
                throw SourceNames.refuse(key, org, "may hold letters, digits and _ only")
            }
            names[key] = name
        }
        guard !names.isEmpty else { return nil }
        func demand(_ key: String) throws(RoutingFailure) -> String {
            guard let name = names[key] else { throw SourceNames.refuse(key, org, "is missing") }
            return name
        }
        object = try demand("mapping-object")
        queue = try demand("mapping-queue")
        workgroup = try demand("mapping-workgroup")
        skills = names["mapping-skills"]
    }
}
