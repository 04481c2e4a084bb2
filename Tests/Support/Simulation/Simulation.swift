import CaseRouting
import Synchronization

/// Runs tasks on the thread of the test, in virtual time: whenever nothing can go on, the clock goes on to the next
/// sleeper. Jobs that are ready at the same time run in an order that the seed decides, so that one seed is one
/// interleaving and can be repeated.
public final class Simulation: Sendable {
    public let executor: SimulationExecutor
    public let clock: VirtualClock

    public init(seed: UInt64) {
        executor = SimulationExecutor(seed: seed)
        clock = VirtualClock()
    }

    /// Lets this much virtual time pass.
    public func run(for duration: Duration) {
        let end = clock.monotonic + duration
        executor.runAll()
        while let next = clock.nextDeadline, next <= end {
            clock.advance(to: next)
            executor.runAll()
        }
        clock.advance(to: end)
        executor.runAll()
    }

    /// Lets time pass until something is so; false: it was not so within the limit.
    public func run(until condition: () -> Bool, limit: Duration = .seconds(600)) -> Bool {
        let end = clock.monotonic + limit
        executor.runAll()
        while !condition() {
            guard let next = clock.nextDeadline, next <= end else { return false }
            clock.advance(to: next)
            executor.runAll()
        }
        return true
    }
}

/// Keeps jobs until the test's thread runs them.
public final class SimulationExecutor: SerialExecutor, TaskExecutor, Sendable {
    private struct State {
        var jobs: [UnownedJob] = []
        var random: SplitMix
    }

    private let state: Mutex<State>

    init(seed: UInt64) { state = Mutex(State(random: SplitMix(seed: seed))) }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        state.withLock { $0.jobs.append(job) }
    }

    func runAll() {
        while let job = next() {
            job.runSynchronously(
                isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
        }
    }

    private func next() -> UnownedJob? {
        state.withLock { state in
            guard !state.jobs.isEmpty else { return nil }
            return state.jobs.remove(at: Int.random(in: 0..<state.jobs.count, using: &state.random))
        }
    }

    public func isSameExclusiveExecutionContext(other: SimulationExecutor) -> Bool { self === other }
}

/// A clock that moves only when the simulation moves it.
public final class VirtualClock: RoutingClock {
    private struct State {
        var now: Duration = .zero
        var sleepers: [Int: (deadline: Duration, wake: CheckedContinuation<Bool, Never>)] = [:]
        var cancelled: Set<Int> = []
        var count = 0
    }

    private let state = Mutex(State())

    public var monotonic: Duration { state.withLock { $0.now } }
    public var wall: Timestamp { Sample.start + monotonic }

    var nextDeadline: Duration? { state.withLock { $0.sleepers.values.map(\.deadline).min() } }

    func advance(to time: Duration) {
        let due = state.withLock { state in
            state.now = max(state.now, time)
            let due = state.sleepers.filter { $0.value.deadline <= state.now }
            for number in due.keys { state.sleepers[number] = nil }
            return due.sorted { ($0.value.deadline, $0.key) < ($1.value.deadline, $1.key) }
        }
        for (_, sleeper) in due { sleeper.wake.resume(returning: true) }
    }

    public func sleep(for duration: Duration) async throws(CancellationError) {
        let number = state.withLock { state in
            state.count += 1
            return state.count
        }
        let isOver = await withTaskCancellationHandler {
            await withCheckedContinuation { (wake: CheckedContinuation<Bool, Never>) in
                let isCancelled = state.withLock { state in
                    guard state.cancelled.remove(number) == nil else { return true }
                    state.sleepers[number] = (state.now + max(.zero, duration), wake)
                    return false
                }
                if isCancelled { wake.resume(returning: false) }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                let sleeper = state.sleepers.removeValue(forKey: number)
                if sleeper == nil { state.cancelled.insert(number) }
                return sleeper
            }
            sleeper?.wake.resume(returning: false)
        }
        if !isOver { throw CancellationError() }
    }
}
