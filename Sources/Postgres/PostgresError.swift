import CPostgres

/// Why a statement, a flush or a connection failed.
///
/// It never carries a parameter's value: the server's DETAIL, which repeats the row, is left out, and so is what
/// a message about bad data quotes.
public struct PostgresError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Kind: Equatable, Sendable {
        /// There is no connection, or it broke before the statement could take effect: nothing happened.
        case connectionLost
        /// The connection broke, or gave no answer in time, after the statement had left: it may have taken effect.
        case unknown
        /// A constraint refused the row. The constraint's name; for NOT NULL the column's.
        case constraint(String)
        /// A value does not fit (SQLSTATE classes 21, 22 and 54, and errors raised by our own functions).
        case data
        /// The role may not do this, or could not log in.
        case permission
        /// A deadlock or a serialization failure: the same work may succeed when repeated.
        case deadlock
        /// The server gave up: statement or lock time-out. Or the wait for a connection took too long.
        case timeout
        /// Too much is waiting here, or the server has no room left.
        case overloaded
        /// A result is not of the type the caller asked for. The statement itself took effect.
        case decoding
        /// The caller was cancelled. Work that had not left was dropped; work that had left may take effect.
        case cancelled
        case other
    }

    /// The SQLSTATE of a server that has no session left.
    static let outOfSessions = "53300"

    public let kind: Kind
    /// The statement's or operation's name, or the beginning of its text.
    public let operation: String
    /// Five characters, when the server said something.
    public let sqlState: String?
    /// A sentence without values.
    public let text: String

    public init(_ kind: Kind, _ operation: String, sqlState: String? = nil, _ text: String) {
        self.kind = kind
        self.operation = operation
        self.sqlState = sqlState
        self.text = text
    }

    public var description: String {
        let state = sqlState.map { " [\($0)]" } ?? ""
        return "\(operation): \(text)\(state)"
    }

    /// Whether the server is there and has no session left: no other one has to be found, but room be made.
    public var isOutOfSessions: Bool { sqlState == Self.outOfSessions }

    /// The same failure, said of another operation or of another kind.
    func with(kind: Kind? = nil, operation: String? = nil) -> PostgresError {
        PostgresError(kind ?? self.kind, operation ?? self.operation, sqlState: sqlState, text)
    }
}

extension PostgresError {
    /// Reads a failed result.
    init(_ operation: String, result: OpaquePointer) {
        func field(_ code: Character) -> String? {
            PQresultErrorField(result, Int32(code.asciiValue!)).map { String(cString: $0) }
        }
        let state = field("C")
        let name = field("n") ?? field("c") ?? ""
        let kind = Kind(sqlState: state ?? "", name: name)
        self.init(kind, operation, sqlState: state, Self.withoutValues(field("M") ?? "no message", kind))
    }

    /// `invalid input syntax for type uuid: "…"` quotes the value.
    private static func withoutValues(_ message: String, _ kind: Kind) -> String {
        guard kind == .data, let quote = message.firstRange(of: ": \"") else { return message }
        return String(message[..<quote.lowerBound])
    }
}

extension PostgresError.Kind {
    init(sqlState: String, name: String) {
        switch sqlState {
        case "42501": self = .permission
        case "40P01", "40001": self = .deadlock
        case "57014", "55P03": self = .timeout
        // A server that became read-only was demoted: another one has to be found.
        case "25006", "25P03", "57P01", "57P02", "57P03", "57P05", "53300": self = .connectionLost
        case "P0001": self = .data
        default:
            switch sqlState.prefix(2) {
            case "08": self = .connectionLost
            case "21", "22", "54": self = .data
            case "23": self = .constraint(name)
            case "28": self = .permission
            case "53": self = .overloaded
            default: self = .other
            }
        }
    }
}
