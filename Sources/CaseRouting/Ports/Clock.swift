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
