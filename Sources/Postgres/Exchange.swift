/// Statements that are sent together, end with one Sync and are one transaction; or a script.
final class Exchange {
    /// What became of it.
    enum Outcome {
        /// Committed: the rows of each statement, in order.
        case done([PostgresRows])
        /// Rolled back, or unknown when the error says so. The statement that failed, if one did.
        case failed(PostgresError, statement: Int?)
    }

    /// One answer that the server owes.
    enum Step {
        case prepare(PreparedStatement)
        case prepareUnnamed
        case execute(PreparedStatement)
    }

    let operation: String
    private let finish: (Outcome) -> Void
    /// Whether the Sync has left this process, as far as libpq tells.
    var hasLeft = false
    var steps: [Step] = []
    var answered = 0
    var results: [PostgresRows] = []
    private(set) var failure: (error: PostgresError, statement: Int?)?

    init(_ operation: String, finish: @escaping (Outcome) -> Void) {
        self.operation = operation
        self.finish = finish
    }

    /// What the next answer is about; nil: the Sync, that is the commit.
    var nextStep: Step? { answered < steps.count ? steps[answered] : nil }

    /// The statement, counted from 0, that a step belongs to.
    func statement(at step: Int) -> Int? {
        guard step < steps.count else { return nil }
        return steps[..<step].count { if case .execute = $0 { true } else { false } }
    }

    /// A name for messages about a step.
    func operation(at step: Int) -> String {
        guard
            let index = steps[min(step, steps.count)...].first(where: { if case .execute = $0 { true } else { false } }
            ),
            case .execute(let statement) = index
        else { return operation }
        return statement.name
    }

    /// The first error is the one that counts; what follows was only skipped.
    func fail(_ error: PostgresError, statement: Int?) {
        if failure == nil { failure = (error, statement) }
    }

    /// The Sync was answered.
    func end() {
        if let failure {
            finish(.failed(failure.error, statement: failure.statement))
        } else {
            finish(.done(results))
        }
    }

    /// The connection broke before the Sync was answered.
    func lose(_ text: String, mayHaveArrived: Bool) {
        if let failure {
            // The server had refused it already, so it was rolled back.
            finish(.failed(failure.error, statement: failure.statement))
        } else {
            finish(.failed(PostgresError(mayHaveArrived ? .unknown : .connectionLost, operation, text), statement: nil))
        }
    }
}
