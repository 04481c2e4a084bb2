import Synchronization

extension PollExecutor {
    /// Suspends for this long on a timer of the loop, so that nothing of another thread is woken: `Task.sleep` ends on the
    /// pool, which wakes the loop, and a thousand tasks that look for something each second are then most of what an idle
    /// process does. To be called from a task that prefers this executor.
    ///
    /// - Parameter duration: at least this long, by at most 1 ms and the turn under way longer.
    /// - Throws: `CancellationError` when the task is cancelled, at once.
    public func sleep(for duration: Duration) async throws(CancellationError) {
        let sleeper = Sleeper()
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                sleeper.begin(continuation, timer: schedule(after: duration) { sleeper.wake() })
            }
        } onCancel: {
            sleeper.wake()
            if isCurrent { sleeper.cancelTimer() }
        }
        if Task.isCancelled { throw CancellationError() }
    }
}

/// One who sleeps, woken by the timer or by the cancellation, whichever comes first, from whatever thread.
// Sendable is unchecked because of `timer`, which is touched on the loop only.
private final class Sleeper: @unchecked Sendable {
    private enum State {
        case awake
        case asleep(UnsafeContinuation<Void, Never>)
        case woken
    }

    private let state = Mutex(State.awake)
    private var timer: PollTimer?

    func begin(_ continuation: UnsafeContinuation<Void, Never>, timer: PollTimer) {
        self.timer = timer
        let isWoken = state.withLock { state in
            if case .woken = state { return true }
            state = .asleep(continuation)
            return false
        }
        guard isWoken else { return }
        timer.cancel()
        continuation.resume()
    }

    func wake() {
        let continuation: UnsafeContinuation<Void, Never>? = state.withLock { state in
            defer { state = .woken }
            if case .asleep(let continuation) = state { return continuation }
            return nil
        }
        continuation?.resume()
    }

    func cancelTimer() { timer?.cancel() }
}
