/// What a piece of batched work is about, a case for instance: it happens once per flush, in the order of submission.
public struct BatchKey: Hashable, Comparable, Sendable {
    /// What keys are unique in: an org.
    public let scope: String
    public let name: String

    public init(_ scope: String, _ name: String) {
        self.scope = scope
        self.name = name
    }

    public static func < (left: BatchKey, right: BatchKey) -> Bool {
        left.scope == right.scope ? left.name < right.name : left.scope < right.scope
    }
}

/// One statement whose parameters are arrays, with an element from each caller: `unnest($1, $2) WITH ORDINALITY`.
///
/// Made once and used for every call. The result's first column is the ordinal (int4, from 1) of the input that a row
/// answers; what follows is the operation's own. An input may have no row, and not more than one.
public final class BatchOperation<Input: Sendable, Output: Sendable>: Sendable {
    let core: BatchOperationCore
    let encode: @Sendable (Input, inout BatchRow) -> Void
    let decode: @Sendable (PostgresRow) throws(PostgresError) -> Output

    /// - Parameters:
    ///   - name: for messages.
    ///   - order: the place of this statement within a flush, least first: reads before writes.
    ///   - writes: whether it changes rows or locks them. Of the operations that do, a flush has each key once.
    ///   - columns: element types of `$1` to `$n`.
    ///   - shared: parameters `$n+1` and on, equal for all callers.
    ///   - encode: appends one element for each column, in order.
    ///   - decode: reads one row; its own columns begin at 1.
    public init(
        name: String, order: Int, writes: Bool, columns: [PostgresType], shared: [PostgresValue] = [], sql: String,
        encode: @escaping @Sendable (Input, inout BatchRow) -> Void,
        decode: @escaping @Sendable (PostgresRow) throws(PostgresError) -> Output
    ) {
        core = BatchOperationCore(
            name: name, order: order, writes: writes, columns: columns, shared: shared, sql: sql)
        self.encode = encode
        self.decode = decode
    }
}

/// A statement that takes the keys of a flush as arrays and locks their rows in that order (`FOR UPDATE` over
/// `unnest($1, …) WITH ORDINALITY … ORDER BY ordinality`), so that two processes never wait for each other in a circle.
public struct BatchLock: Sendable {
    let core: BatchOperationCore
    let encode: @Sendable (BatchKey, inout BatchRow) -> Void

    /// - Parameter encode: appends one element for each column; the keys come sorted.
    public init(
        columns: [PostgresType], sql: String, encode: @escaping @Sendable (BatchKey, inout BatchRow) -> Void
    ) {
        core = BatchOperationCore(name: "lock", order: .min, writes: true, columns: columns, shared: [], sql: sql)
        self.encode = encode
    }
}

/// The part of an operation that does not depend on its types.
final class BatchOperationCore: Sendable {
    let name: String
    let order: Int
    let writes: Bool
    let columns: [PostgresType]
    let shared: [PostgresValue]
    let statement: PreparedStatement

    init(name: String, order: Int, writes: Bool, columns: [PostgresType], shared: [PostgresValue], sql: String) {
        precondition(!columns.isEmpty, "\(name) has no array parameter, so its callers cannot be told apart")
        self.name = name
        self.order = order
        self.writes = writes
        self.columns = columns
        self.shared = shared
        statement = PreparedStatement(
            name: name, sql: sql, types: columns.map(\.arrayOID) + shared.map(\.oid))
    }
}
