import DequeModule
import Polling

/// Who may use a session now: any number of single statements, or one transaction or script alone. First come,
/// first served, so that a transaction is not starved by statements.
///
/// It lives on the loop of its connection.
actor SessionGate {
    /// How long a caller waits for its turn. A transaction's statements have the server's time-outs, so a longer wait
    /// means that the session is used for what it is not meant for.
    private static let patience = Duration.seconds(10)

    nonisolated let executor: PollExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let limit: Int
    private var shared = 0
    private var isExclusive = false
    private var waiters = Deque<Waiter>()

    // Sendable is unchecked because a cancellation handler carries it back to the loop and does nothing else.
    private final class Waiter: @unchecked Sendable {
        let exclusively: Bool
        let caller = Caller<Void>()
        var timer: PollTimer?
        init(exclusively: Bool) { self.exclusively = exclusively }
    }

    init(executor: PollExecutor, limit: Int) {
        self.executor = executor
        self.limit = limit
    }

    /// Statements that wait or are under way; a transaction outweighs them.
    var load: Int { shared + waiters.count + (isExclusive ? limit : 0) }

    func enter(exclusively: Bool, operation: String) async throws(PostgresError) {
        if Task.isCancelled { throw PostgresError(.cancelled, operation, "the caller was cancelled") }
        guard shared + waiters.count < limit else {
            throw PostgresError(.overloaded, operation, "\(limit) statements are waiting on one connection")
        }
        if waiters.isEmpty, admit(exclusively) { return }
        let waiter = Waiter(exclusively: exclusively)
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                waiter.caller.continuation = continuation
                // On the way here a turn of the loop may have passed, in which the caller was cancelled or the last
                // turn ended: nobody would come to let this one in.
                if Task.isCancelled {
                    return waiter.caller.resume(
                        .failure(PostgresError(.cancelled, operation, "the caller was cancelled")))
                }
                if waiters.isEmpty, admit(exclusively) { return waiter.caller.resume(.success(())) }
                waiters.append(waiter)
                waiter.timer = executor.schedule(after: Self.patience) { [weak self] in
                    self?.assumeIsolated {
                        $0.giveUp(waiter, PostgresError(.timeout, operation, "the connection was busy for too long"))
                    }
                }
            }
        } onCancel: {
            // A handler cannot wait for the loop, where the queue may be touched.
            Task { await giveUp(waiter, PostgresError(.cancelled, operation, "the caller was cancelled")) }
        }
        try result.get()
    }

    private func admit(_ exclusively: Bool) -> Bool {
        if isExclusive { return false }
        if exclusively {
            if shared > 0 { return false }
            isExclusive = true
        } else {
            shared += 1
        }
        return true
    }

    /// Ends one turn and lets in who may enter now.
    func leave() {
        if isExclusive { isExclusive = false } else { shared -= 1 }
        admitWaiters()
    }

    private func giveUp(_ waiter: Waiter, _ error: PostgresError) {
        // Let in meanwhile: then its turn ends with its statement.
        guard let index = waiters.firstIndex(where: { $0 === waiter }) else { return }
        waiters.remove(at: index)
        waiter.timer?.cancel()
        waiter.caller.resume(.failure(error))
        admitWaiters()
    }

    private func admitWaiters() {
        while let first = waiters.first, admit(first.exclusively) {
            waiters.removeFirst()
            first.timer?.cancel()
            first.caller.resume(.success(()))
        }
    }
}
