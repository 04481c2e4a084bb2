import Polling

/// One value that one caller waits for, for a limited time. Lives on one loop, and is made before what brings the value is
/// asked for, so that no answer is too early.
final class Awaited<Value: Sendable> {
    private var value: Value?
    private var continuation: CheckedContinuation<Value?, Never>?
    private var timer: PollTimer?

    /// The value; nil when `duration` has passed without one. The wait is short, and what is in hand is finished at
    /// shutdown, so it does not end early by cancellation.
    func wait(
        _ duration: Duration, on loop: PollExecutor, isolation: isolated (any Actor)? = #isolation
    ) async -> Value? {
        if let value { return value }
        guard duration > .zero else { return nil }
        return await withCheckedContinuation { continuation in
            // Getting here may have taken a turn of the loop.
            if let value { return continuation.resume(returning: value) }
            self.continuation = continuation
            timer = loop.schedule(after: duration) { [weak self] in self?.resume(nil) }
        }
    }

    /// The first value counts.
    func fulfil(_ value: Value) {
        guard self.value == nil else { return }
        self.value = value
        resume(value)
    }

    private func resume(_ value: Value?) {
        timer?.cancel()
        timer = nil
        continuation?.resume(returning: value)
        continuation = nil
    }
}
