import CaseRouting

/// What somebody asked for cannot be done: said in one sentence that names what would be right.
public struct Refusal: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Kind: Sendable {
        /// The words were wrong: exit 64.
        case usage
        /// The words were right, but it is not so: exit 1.
        case notDone
    }

    public let kind: Kind
    public let description: String

    public init(_ kind: Kind, _ sentence: String) {
        self.kind = kind
        description = sentence
    }
}

extension Refusal {
    /// A name that nobody has given to anything; says which there are, and which was probably meant.
    ///
    /// - Parameter known: in the order in which they are to be shown.
    public static func unknown(_ what: String, _ name: String, among known: some Collection<String>) -> Refusal {
        var sentence = "there is no \(what) \(String(name.prefix(80)).quoted)"
        guard !known.isEmpty else { return Refusal(.usage, sentence + "; there are none") }
        // Numbers that differ by a digit are no slips of each other.
        if !name.allSatisfy(\.isNumber), let similar = SimilarName.find(name, in: known) {
            sentence += "; did you mean \(similar.quoted)? There are: "
        } else {
            sentence += "; there are: "
        }
        sentence += known.prefix(mostShown).joined(separator: ", ")
        return Refusal(.usage, known.count > mostShown ? sentence + " and \(known.count - mostShown) more" : sentence)
    }

    private static let mostShown = 30
}

extension Timestamp {
    /// For sentences, where no heading names the zone: `2026-11-21 09:00:00 UTC`.
    public var inSentence: String { description.prefix(19).replacing("T", with: " ") + " UTC" }
}

extension String {
    var quoted: String { "“\(self)”" }
}
