/// One value of a field table: arguments of queues and consumers.
public enum AMQPField: Equatable, Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral
{
    /// Longest name in a table, in bytes.
    public static let maximumNameLength = 128

    case string(String)
    /// Encoded with 64 bits, signed.
    case integer(Int64)
    case boolean(Bool)
    case table([String: AMQPField])

    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(booleanLiteral value: Bool) { self = .boolean(value) }

    /// Bytes that the value needs in `Scratch`, at most.
    var size: Int {
        switch self {
        case .string(let text): text.utf8.count
        case .integer, .boolean: 0
        case .table(let fields): Self.size(fields)
        }
    }

    /// Bytes that a table needs in `Scratch`, at most: 64 for an entry with its alignment.
    static func size(_ fields: [String: AMQPField]) -> Int {
        fields.reduce(64) { $0 + 64 + $1.key.utf8.count + $1.value.size }
    }
}
