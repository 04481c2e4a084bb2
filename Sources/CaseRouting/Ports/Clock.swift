/// The time of this process, for waiting and for names; never for what is stored about a case.
public protocol RoutingClock: Sendable {
    /// Time that never runs backwards; only differences mean something.
    var monotonic: Duration { get }
    /// This machine's idea of the time, which may be a day off.
    var wall: Timestamp { get }
    /// Suspends. Ends early, by throwing `CancellationError`, only when the task is cancelled.
    func sleep(for duration: Duration) async throws(CancellationError)
}

/// Randomness, injected so that a simulation can be repeated.
public protocol RandomSource: Sendable {
    func next() -> UInt64
}

extension RoutingClock {
    /// Sleeps, with up to an eighth more so that processes do not march in step. Ends early when the task is cancelled:
    /// callers look at `Task.isCancelled`.
    func pause(_ duration: Duration, _ random: any RandomSource, atMostLonger share: Double = 1 / 8) async {
        let jitter = duration * (Double(random.next() >> 11) / Double(1 << 53) * share)
        do throws(CancellationError) {
            try await sleep(for: duration + jitter)
        } catch {
            return
        }
    }
}
