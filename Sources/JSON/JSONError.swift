/// Why a document was refused, and at which byte.
///
/// It never carries the document's content: what is read here may hold customers' data or a secret, and errors
/// end up in logs. Names appear only when the program itself gave them, as literals.
public struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Problem: Sendable {
        /// More bytes than `JSONLimits.maximumBytes`.
        case tooManyBytes
        /// Nested deeper than `JSONLimits.maximumDepth`.
        case tooDeep
        /// A string or name longer than `JSONLimits.maximumStringBytes`.
        case stringTooLong
        /// The document ends inside a value, or is empty.
        case endedEarly
        /// Something follows the document's one value.
        case trailingBytes
        /// A byte that cannot stand here.
        case unexpectedByte
        /// `+1`, `01`, `1.`, `.5`, `1e` and the like.
        case malformedNumber
        /// A whole number beyond 64 bits, or a number beyond what a double can hold.
        case numberOutOfRange
        /// A fraction or an exponent where a whole number is needed.
        case notWhole
        /// A backslash followed by nothing that RFC 8259 knows.
        case malformedEscape
        /// Half of a surrogate pair: no Unicode text can hold it.
        case loneSurrogate
        /// A control character that stands in a string as itself.
        case controlCharacter
        /// Bytes that are not UTF-8.
        case malformedUTF8
        /// A name was read twice in one object; which one counts is anybody's guess.
        case repeatedName
        /// A value of another kind than the program asked for.
        case mismatch(expected: JSONKind, found: JSONKind)
        /// A member without which the program cannot go on; its name.
        case missing(StaticString)
        /// Well-formed, but not what the program needs; what that would be ("a date", "an 18-character id").
        case invalid(StaticString)
        /// What a closure of the program threw that is no `JSONError`.
        case rejected(any Error)
    }

    public let problem: Problem
    /// Where in the document, in bytes from its beginning: the offending byte, or the value it belongs to.
    public let offset: Int

    public init(_ problem: Problem, offset: Int) {
        self.problem = problem
        self.offset = offset
    }

    /// One sentence for a person.
    public var description: String {
        "\(problem.sentence) (byte \(offset))."
    }

    public static func == (left: JSONError, right: JSONError) -> Bool {
        left.offset == right.offset && left.problem.sentence == right.problem.sentence
    }
}

extension JSONError.Problem {
    var sentence: String {
        switch self {
        case .tooManyBytes: "The JSON document is longer than allowed"
        case .tooDeep: "The JSON document is nested deeper than allowed"
        case .stringTooLong: "The JSON document holds a string longer than allowed"
        case .endedEarly: "The JSON document ends too early"
        case .trailingBytes: "Something follows the end of the JSON document"
        case .unexpectedByte: "The JSON document holds a character that cannot stand in its place"
        case .malformedNumber: "The JSON document holds a malformed number"
        case .numberOutOfRange: "The JSON document holds a number that is too large"
        case .notWhole: "The JSON document holds a fraction or an exponent where a whole number is needed"
        case .malformedEscape: "The JSON document holds a string with a malformed escape"
        case .loneSurrogate: "The JSON document holds a string with half of a surrogate pair"
        case .controlCharacter: "The JSON document holds a string with a bare control character"
        case .malformedUTF8: "The JSON document is not valid UTF-8"
        case .repeatedName: "The JSON document names the same member of an object twice"
        case .mismatch(let expected, let found): "The JSON document holds \(found) where \(expected) is needed"
        case .missing(let name): "The JSON document lacks \"\(name)\""
        case .invalid(let needed): "The JSON document holds a value that is not \(needed)"
        case .rejected: "The JSON document holds what the program does not accept"
        }
    }
}
