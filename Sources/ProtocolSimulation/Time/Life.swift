import CaseRouting

/// A simulated process: whether it lives, whether it stands still, and how far it still comes. After its end nothing that
/// it does has an effect; what it had sent before is on its way all the same.
///
/// Touched on the simulation's thread only.
public final class Life: @unchecked Sendable {
    public let name: String
    public var isOver = false
    var isStopping = false
    /// Until when it stands still, as after SIGSTOP.
    public var pausedUntil: Duration = .zero
    /// Steps that it takes until it dies, a step being every time that it gives up its thread to wait for somebody.
    public var stepsLeft: Int?
    /// Its short pauses last that many times as long: a slow process, or one that nobody is interested in. Those of seconds
    /// do so at most four times, and those between two renewals of a lease only as long as the lease can bear it.
    public var slowness = 1
    /// How wrong its wall clock is.
    public var skew: Duration = .zero
    /// What happens when it dies by itself.
    public var onDeath: (() -> Void)?

    public init(_ name: String = "process") { self.name = name }

    /// Whether there is anything to a step now.
    func isDisturbed(_ clock: VirtualClock) -> Bool { stepsLeft != nil || pausedUntil > clock.monotonic }

    func slowness(of pause: Duration) -> Int {
        if pause <= .milliseconds(1_200) { return slowness }
        if pause <= .seconds(6) { return min(slowness, 4) }
        return pause <= .seconds(12) && slowness >= ProtocolHistory.patientSlowness ? 2 : 1
    }

    /// Between any two things that the process does: here it may stand still, and here it dies.
    func step(_ clock: VirtualClock) async {
        if let left = stepsLeft {
            stepsLeft = left - 1
            if left <= 0 && !isOver {
                isOver = true
                onDeath?()
            }
        }
        while !isOver && pausedUntil > clock.monotonic {
            do throws(CancellationError) {
                try await clock.sleep(for: pausedUntil - clock.monotonic)
            } catch {
                // Killed while it stood still.
                return
            }
        }
    }
}

/// The clock as one process has it.
public struct ProcessClock: RoutingClock {
    let clock: VirtualClock
    let life: Life

    public init(_ clock: VirtualClock, _ life: Life) {
        self.clock = clock
        self.life = life
    }

    public var monotonic: Duration { clock.monotonic }
    public var wall: Timestamp { clock.wall + life.skew }

    public func sleep(for duration: Duration) async throws(CancellationError) {
        let slowness = life.slowness(of: duration)
        try await clock.sleep(for: slowness == 1 ? duration : duration * slowness)
        if life.isDisturbed(clock) { await life.step(clock) }
        // A killed process goes no further.
        if life.isOver { throw CancellationError() }
    }
}
