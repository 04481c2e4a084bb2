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
    static func unknown(_ what: String, _ name: String, among known: some Collection<String>) -> Refusal {
        let sorted = known.sorted()
        var sentence = "there is no \(what) \(name.quoted)"
        if let similar = SimilarName.find(name, in: sorted) { sentence += "; did you mean \(similar.quoted)?" }
        if sorted.isEmpty { return Refusal(.usage, sentence + "; there are none") }
        let shown = sorted.prefix(20).joined(separator: ", ")
        return Refusal(
            .usage, sentence + "; there are: \(shown)\(sorted.count > 20 ? " and \(sorted.count - 20) more" : "")")
    }
}

extension String {
    var quoted: String { "“\(self)”" }
}
