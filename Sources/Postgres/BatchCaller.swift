/// Somebody's work in a Batcher, from submission to outcome.
// Sendable is unchecked because cancellation handlers carry it; only its Batcher's loop looks inside.
class BatchCaller: @unchecked Sendable {
    let key: BatchKey?
    /// The place of its operation in the Batcher's list.
    let slot: Int
    let writes: Bool
    /// Resumed already, by cancellation.
    private(set) var isOver = false
    /// What went wrong with its own row.
    fileprivate var failure: PostgresError?
    /// It carries the error only. The answer stays here, because generic values on their way through a continuation
    /// cost more than everything else that is done for a caller.
    var continuation: CheckedContinuation<PostgresError?, Never>?

    fileprivate init(key: BatchKey?, slot: Int, writes: Bool) {
        self.key = key
        self.slot = slot
        self.writes = writes
    }

    func encode(into row: inout BatchRow) { fatalError("abstract") }
    func take(_ row: PostgresRow) { fatalError("abstract") }
    /// Forgets what it took: the flush is repeated.
    func reset() { failure = nil }

    /// The first end counts: a cancelled caller is gone when the answer comes.
    final func finish(_ error: PostgresError?) {
        if isOver { return }
        isOver = true
        continuation?.resume(returning: error ?? failure)
        continuation = nil
    }
}

/// A caller with the types of its operation.
final class TypedBatchCaller<Input: Sendable, Output: Sendable>: BatchCaller, @unchecked Sendable {
    private let operation: BatchOperation<Input, Output>
    private let input: Input
    private(set) var answer: Output?

    init(_ operation: BatchOperation<Input, Output>, slot: Int, input: Input, key: BatchKey?) {
        self.operation = operation
        self.input = input
        super.init(key: key, slot: slot, writes: operation.core.writes)
    }

    override func encode(into row: inout BatchRow) { operation.encode(input, &row) }

    override func take(_ row: PostgresRow) {
        do throws(PostgresError) {
            guard answer == nil else { throw row.failure(0, "is that of a second row for one input") }
            answer = try operation.decode(row)
        } catch { failure = failure ?? error }
    }

    override func reset() {
        super.reset()
        answer = nil
    }
}
