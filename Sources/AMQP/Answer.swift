/// What one caller waits for: resolved once, before or after the caller suspends. Not Sendable: lives on the loop.
///
/// Between registering and suspending a caller may leave its turn: a task that prefers an executor is enqueued again at
/// each call, even within an actor on that executor. The broker's answer can come first, so it is kept.
final class Answer<Value: Sendable> {
    private var value: Value?
    private var continuation: CheckedContinuation<Value, Never>?

    /// Nobody will learn of a second value.
    var isResolved: Bool { value != nil }

    func resolve(_ value: Value) {
        if isResolved { return }
        self.value = value
        continuation?.resume(returning: value)
        continuation = nil
    }

    /// The caller suspends.
    func wait(_ continuation: CheckedContinuation<Value, Never>) {
        if let value { return continuation.resume(returning: value) }
        self.continuation = continuation
    }
}

extension AMQPConnection {
    /// Suspends the caller until the answer comes; a cancelled caller calls `cancel` on the loop.
    ///
    /// The closures name the actor on purpose: one that does not would leave the loop and come back.
    func wait<Value: Sendable>(
        for answer: Answer<Value>, onCancel cancel: @escaping @Sendable (isolated AMQPConnection) -> Void
    ) async -> Value {
        await withTaskCancellationHandler {
            await withCheckedContinuation { suspend($0, for: answer) }
        } onCancel: {
            // The handler runs on any thread; only a task gets from there to the loop.
            Task { await cancel(self) }
        }
    }

    private func suspend<Value: Sendable>(_ continuation: CheckedContinuation<Value, Never>, for answer: Answer<Value>)
    {
        answer.wait(continuation)
    }
}
