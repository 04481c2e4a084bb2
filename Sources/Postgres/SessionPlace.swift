import Polling

/// One of a database's sessions: what is there now, or the pause before the next try. On the loop only.
final class SessionPlace {
    /// Whose session it is; nil for one of single statements and transactions.
    let batcher: Batcher?
    var connection: PostgresConnection?

    private let executor: PollExecutor
    private var timer: PollTimer?
    private var sleeper: CheckedContinuation<Void, Never>?

    init(batcher: Batcher?, executor: PollExecutor) {
        self.batcher = batcher
        self.executor = executor
    }

    /// Waits until `endPause`, at most for so long; not at all when it `isOver` where the wait begins.
    func pause(
        _ duration: Duration, isolation: isolated (any Actor) = #isolation, unless isOver: () -> Bool
    ) async {
        await withCheckedContinuation { continuation in
            if isOver() { return continuation.resume() }
            sleeper = continuation
            timer = executor.schedule(after: duration) { [weak self] in self?.endPause() }
        }
    }

    func endPause() {
        timer?.cancel()
        timer = nil
        sleeper?.resume()
        sleeper = nil
    }
}

/// Pauses between tries to open a session: a random part (full jitter, so that a fleet does not come at once) of a
/// bound that doubles from 100 ms to 5 s.
struct ReconnectPauses {
    private static let first = Duration.milliseconds(100)
    private static let longest = Duration.seconds(5)
    /// A session that lived longer was a good one; after a shorter one the bound goes on growing.
    private static let goodLife = Duration.seconds(10)

    private var bound = Self.first

    /// The pause after a session, or a try, that lasted so long.
    mutating func next(after life: Duration) -> Duration {
        if life > Self.goodLife { bound = Self.first }
        let pause = bound * Double.random(in: 0.1...1)
        bound = min(bound * 2, Self.longest)
        return pause
    }
}
