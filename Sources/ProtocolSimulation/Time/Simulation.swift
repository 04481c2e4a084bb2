import Glibc
import Synchronization

/// Runs tasks on the caller's thread, in virtual time: whenever nothing can go on, the clock goes on to the next
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

/// Keeps jobs until the simulation's thread runs them.
///
/// What is ready at the same time runs in an order that the seed decides. A task that only changes from one actor's code to
/// another's goes on at once, as if it had not been asked: how often it does that is the compiler's choice, and a seed is to
/// be one history in every build.
public final class SimulationExecutor: SerialExecutor, TaskExecutor, Sendable {
    private struct State {
        var jobs: [UnownedJob] = []
        var random: SplitMix
        /// The job that is run.
        var running: UInt?
        /// The same job, to be run again at once.
        var next: UnownedJob?
    }

    private let state: Mutex<State>
    /// Of the last run.
    private let thread = Mutex<pthread_t?>(nil)

    init(seed: UInt64) { state = Mutex(State(random: SplitMix(seed: seed))) }

    /// A task's job is the task, whatever part of it is run; nothing else tells one from another.
    private static func identity(_ job: UnownedJob) -> UInt { unsafeBitCast(job, to: UInt.self) }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        state.withLock { state in
            if state.running == Self.identity(job) { state.next = job } else { state.jobs.append(job) }
        }
    }

    /// Whether the caller is where everything of the simulation has to happen: a job that escaped to another thread would
    /// make two runs of one seed differ.
    var isCurrent: Bool { thread.withLock { $0.map { pthread_equal($0, pthread_self()) != 0 } ?? false } }

    func runAll() {
        thread.withLock { $0 = pthread_self() }
        let (serial, task) = (asUnownedSerialExecutor(), asUnownedTaskExecutor())
        while let job = next() { job.runSynchronously(isolatedTo: serial, taskExecutor: task) }
    }

    private func next() -> UnownedJob? {
        state.withLock { state in
            if let job = state.next.take() { return job }
            state.running = nil
            guard !state.jobs.isEmpty else { return nil }
            let last = state.jobs.count - 1
            if last > 0 { state.jobs.swapAt(Int.random(in: 0...last, using: &state.random), last) }
            let job = state.jobs.removeLast()
            state.running = Self.identity(job)
            return job
        }
    }

    public func isSameExclusiveExecutionContext(other: SimulationExecutor) -> Bool { self === other }
}
