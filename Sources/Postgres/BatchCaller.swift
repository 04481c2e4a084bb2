/// Somebody's work in a Batcher, one operation or two, from submission to outcome.
// Sendable is unchecked because cancellation handlers carry it; only its Batcher's loop looks inside.
class BatchCaller: @unchecked Sendable {
    let key: BatchKey?
    /// The places of its operations in the Batcher's list, the second only for a pair.
    let slots: (Int, Int?)
    let writes: Bool
    /// Resumed already, by cancellation.
    fileprivate(set) var isOver = false

    fileprivate init(key: BatchKey?, slots: (Int, Int?), writes: Bool) {
        self.key = key
        self.slots = slots
        self.writes = writes
    }

    var rows: Int { slots.1 == nil ? 1 : 2 }

    func encode(part: Int, into row: inout BatchRow) { fatalError("abstract") }
    func take(part: Int, _ row: PostgresRow) { fatalError("abstract") }
    /// Forgets what it took: the flush is repeated.
    func reset() { fatalError("abstract") }
    func finish(_ error: PostgresError?) { fatalError("abstract") }
}

/// What one operation has returned for one caller.
struct BatchAnswer<Output: Sendable>: Sendable {
    /// The usual answer is one row, which needs no array.
    var first: Output?
    var others: [Output] = []

    mutating func append(_ output: Output) {
        if first == nil { first = output } else { others.append(output) }
    }

    var all: [Output] { first.map { [$0] + others } ?? [] }
}

/// A caller with one operation.
final class SingleBatchCaller<Input: Sendable, Output: Sendable>: BatchCaller, @unchecked Sendable {
    private let operation: BatchOperation<Input, Output>
    private let input: Input
    private var answer = BatchAnswer<Output>()
    private var failure: PostgresError?
    let caller = Caller<BatchAnswer<Output>>()

    init(_ operation: BatchOperation<Input, Output>, slot: Int, input: Input, key: BatchKey?) {
        self.operation = operation
        self.input = input
        super.init(key: key, slots: (slot, nil), writes: operation.core.writes)
    }

    override func encode(part: Int, into row: inout BatchRow) { operation.encode(input, &row) }

    override func take(part: Int, _ row: PostgresRow) {
        do throws(PostgresError) { answer.append(try operation.decode(row)) } catch { failure = failure ?? error }
    }

    override func reset() {
        answer = BatchAnswer()
        failure = nil
    }

    override func finish(_ error: PostgresError?) {
        isOver = true
        if let error = error ?? failure { caller.resume(.failure(error)) } else { caller.resume(.success(answer)) }
    }
}

/// A caller with two operations in one transaction.
final class PairBatchCaller<Input1: Sendable, Output1: Sendable, Input2: Sendable, Output2: Sendable>: BatchCaller,
    @unchecked Sendable
{
    private let first: BatchOperation<Input1, Output1>
    private let second: BatchOperation<Input2, Output2>
    private let inputs: (Input1, Input2)
    private var answers = (BatchAnswer<Output1>(), BatchAnswer<Output2>())
    private var failure: PostgresError?
    let caller = Caller<(BatchAnswer<Output1>, BatchAnswer<Output2>)>()

    init(
        _ first: BatchOperation<Input1, Output1>, _ input1: Input1, _ second: BatchOperation<Input2, Output2>,
        _ input2: Input2, slots: (Int, Int), key: BatchKey?
    ) {
        self.first = first
        self.second = second
        inputs = (input1, input2)
        super.init(key: key, slots: (slots.0, slots.1), writes: first.core.writes || second.core.writes)
    }

    override func encode(part: Int, into row: inout BatchRow) {
        if part == 0 { first.encode(inputs.0, &row) } else { second.encode(inputs.1, &row) }
    }

    override func take(part: Int, _ row: PostgresRow) {
        do throws(PostgresError) {
            if part == 0 { answers.0.append(try first.decode(row)) } else { answers.1.append(try second.decode(row)) }
        } catch { failure = failure ?? error }
    }

    override func reset() {
        answers = (BatchAnswer(), BatchAnswer())
        failure = nil
    }

    override func finish(_ error: PostgresError?) {
        isOver = true
        if let error = error ?? failure { caller.resume(.failure(error)) } else { caller.resume(.success(answers)) }
    }
}
