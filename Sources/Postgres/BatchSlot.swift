/// One operation's statement in a Batcher: its buffers and who is in the flush under way.
final class BatchSlot {
    let operation: BatchOperationCore
    private(set) var members: [BatchCaller] = []
    private var row: BatchRow

    init(_ operation: BatchOperationCore) {
        self.operation = operation
        row = BatchRow(operation.columns)
    }

    /// Whose work is in it.
    var callers: Set<ObjectIdentifier> { Set(members.map { ObjectIdentifier($0) }) }

    func add(_ caller: BatchCaller) {
        members.append(caller)
        caller.encode(into: &row)
        row.endRow(operation)
    }

    /// For the lock statement, whose elements are not the caller's.
    func add(_ caller: BatchCaller, _ encode: (inout BatchRow) -> Void) {
        members.append(caller)
        encode(&row)
        row.endRow(operation)
    }

    func send(through pipeline: Pipeline, _ parameters: ParameterList) {
        parameters.removeAll()
        row.finish(into: parameters)
        parameters.append(operation.shared)
        pipeline.add(operation.statement, parameters)
    }

    /// Gives each row to the caller whose ordinal it carries.
    func distribute(_ rows: PostgresRows) {
        for row in rows {
            do throws(PostgresError) {
                let ordinal = Int(try row.int32(0))
                guard ordinal >= 1, ordinal <= members.count else {
                    throw row.failure(0, "is \(ordinal), no ordinal of \(members.count) inputs")
                }
                members[ordinal - 1].take(row)
            } catch {
                // Nobody can be told apart any more; it is the statement that is wrong.
                for caller in members { caller.finish(error) }
                return
            }
        }
    }

    func removeAll() {
        members.removeAll(keepingCapacity: true)
        row.removeAll()
    }
}
