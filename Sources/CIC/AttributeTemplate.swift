import CaseRouting

/// A text with places for a case's values: `{case.id}`, `{case.number}`, `{case.url}`, `{case.priority}`, `{org}`,
/// `{org.id}`, `{org.url}`, `{episode}`. No other text in braces may occur. There is no place for a customer's text.
public struct TextTemplate: Equatable, Sendable, CustomStringConvertible {
    enum Place: String, CaseIterable {
        case caseID = "case.id"
        case caseNumber = "case.number"
        case caseURL = "case.url"
        case casePriority = "case.priority"
        case org = "org"
        case orgID = "org.id"
        case orgURL = "org.url"
        case episode = "episode"
    }

    private enum Part: Equatable {
        case text(String)
        case place(Place)
    }

    public let description: String
    private let parts: [Part]

    /// `Case 00012345`.
    public static let caseNumber = TextTemplate(
        description: "Case {case.number}",
        parts: [
            .text("Case "), .place(.caseNumber),
        ])

    private init(description: String, parts: [Part]) {
        self.description = description
        self.parts = parts
    }

    /// - Throws: a `configuration` failure that names the place that does not exist.
    public init(_ text: String) throws(RoutingFailure) {
        var parts: [Part] = []
        var rest = text[...]
        while let open = rest.firstIndex(of: "{") {
            if open > rest.startIndex { parts.append(.text(String(rest[..<open]))) }
            guard let close = rest[open...].firstIndex(of: "}"),
                let place = Place(rawValue: String(rest[rest.index(after: open)..<close]))
            else {
                let known = Place.allCases.map { "{\($0.rawValue)}" }.joined(separator: ", ")
                throw RoutingFailure(
                    .configuration, at: .resolve, cause: .configuration,
                    "A template has something else in braces than \(known).")
            }
            parts.append(.place(place))
            rest = rest[rest.index(after: close)...]
        }
        if !rest.isEmpty { parts.append(.text(String(rest))) }
        self.init(description: text, parts: parts)
    }

    func text(_ value: (Place) -> String) -> String {
        var text = ""
        for part in parts {
            switch part {
            case .text(let literal): text += literal
            case .place(let place): text += value(place)
            }
        }
        return text
    }
}

/// An attribute that a site's agent client needs, and how its value is made.
public struct AttributeTemplate: Equatable, Sendable {
    /// The contract allows 64 strings a notification; the others are taken by it and by our own attributes.
    public static let maximumCount = 20

    public let name: String
    public let value: TextTemplate

    /// - Throws: a `configuration` failure for a name that is reserved or no name.
    public init(name: String, value: TextTemplate) throws(RoutingFailure) {
        let folded = name.lowercased()
        let isName = !name.isEmpty && name.utf8.count <= 128 && name.utf8.allSatisfy(Self.isNameByte)
        guard isName, !folded.hasPrefix("eic_"), !folded.hasPrefix("cr_") else {
            throw RoutingFailure(
                .configuration, at: .resolve, cause: .configuration,
                "“\(name)” cannot be an attribute of a template: letters, digits, '_', '-' and '.', and neither Eic_ nor "
                    + "CR_ in front.")
        }
        self.name = name
        self.value = value
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}

/// What may stand in a string for a handler: `docs/cic-handler.md`, section 1.
enum HandlerText {
    static let maximumBytes = 2_000
    static let maximumStrings = 64

    static func isSound(_ text: String) -> Bool {
        text.utf8.count <= maximumBytes && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "|") }
    }

    /// Blanks in place of what may not be sent, cut to what is allowed: for texts that people only look at.
    static func sound(_ text: String) -> String {
        if isSound(text) { return text }
        var result = ""
        var bytes = 0
        for scalar in text.unicodeScalars {
            let isBad = scalar.value < 0x20 || scalar.value == 0x7F || scalar == "|"
            bytes += isBad ? 1 : UTF8.width(scalar)
            if bytes > maximumBytes { break }
            result.unicodeScalars.append(isBad ? " " : scalar)
        }
        return result
    }
}
