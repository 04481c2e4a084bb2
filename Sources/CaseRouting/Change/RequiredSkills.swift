/// The skills an agent must have before CIC may offer them the case.
///
/// Salesforce carries them in one text field, separated by semicolons. CIC matches a skill by its exact name, so names
/// keep their case and only the blanks around them are dropped. An empty field means that no skill is required.
public struct RequiredSkills: Equatable, Sendable {
    /// Longest field that the case object can hold, separators included.
    public static let maximumLength = 255

    public let names: [String]

    public static let none = RequiredSkills(names: [])

    private init(names: [String]) { self.names = names }

    /// Reads a field, dropping repeated names.
    ///
    /// - Throws: a `permanent` failure at stage `resolve` when the field is too long, or uses `|` or a control character,
    ///   which the handler in CIC cannot take: no retry can repair the case itself.
    public init(field: String) throws(RoutingFailure) {
        guard field.utf8.count <= Self.maximumLength else {
            throw RoutingFailure(
                .permanent, at: .resolve, cause: .skillsTooLong,
                "The skills field of the case is longer than \(Self.maximumLength) characters. Shorten it in Salesforce."
            )
        }
        guard !field.utf8.contains(where: { $0 == UInt8(ascii: "|") || $0 < 0x20 || $0 == 0x7F }) else {
            throw RoutingFailure(
                .permanent, at: .resolve, cause: .skillsMalformed,
                "The skills field of the case holds '|' or a control character. Separate skills by ';' in Salesforce.")
        }
        names = Self.split(field)
    }

    /// One text for a wish: the names of both fields in their order, without repetition. It is stored as it is and
    /// checked only when the case is acted on, so that a field that cannot be used fails there, visibly.
    public static func wish(mapping: String, case field: String) -> String {
        split(mapping + ";" + field).joined(separator: ";")
    }

    private static func split(_ field: String) -> [String] {
        var seen: Set<String> = []
        return field.split(separator: ";").map { $0.trimmingBlanks() }.filter {
            !$0.isEmpty && seen.insert($0).inserted
        }
    }
}

extension Substring {
    fileprivate func trimmingBlanks() -> String {
        var rest = self
        while let first = rest.first, first == " " || first == "\t" { rest.removeFirst() }
        while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
        return String(rest)
    }
}
