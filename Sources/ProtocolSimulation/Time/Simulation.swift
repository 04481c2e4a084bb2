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

/// Runs what the simulation's tasks do on its thread, when it says so.
public final class SimulationExecutor: SerialExecutor, TaskExecutor, Sendable {
    private let jobs: SimulationJobs
    private let actors: ActorsExecutor

    init(seed: UInt64) {
        jobs = SimulationJobs(seed: seed)
        actors = ActorsExecutor(jobs: jobs)
    }

    public func enqueue(_ job: consuming ExecutorJob) { jobs.add(UnownedJob(job), isOfActor: false) }

    public func asUnownedSerialExecutor() -> UnownedSerialExecutor { actors.asUnownedSerialExecutor() }

    /// Whether the caller is where everything of the simulation has to happen: a job that escaped to another thread would
    /// make two runs of one seed differ.
    var isCurrent: Bool { jobs.isCurrent }

    func runAll() { jobs.runAll(asUnownedTaskExecutor(), actors: asUnownedSerialExecutor()) }
}

/// Where a task is queued when it enters an actor. Were it the same object, a task outside of actors would run as if it
/// were in one, and be queued again for each call and each return.
private final class ActorsExecutor: SerialExecutor, Sendable {
    private let jobs: SimulationJobs

    init(jobs: SimulationJobs) { self.jobs = jobs }

    func enqueue(_ job: consuming ExecutorJob) { jobs.add(UnownedJob(job), isOfActor: true) }
}

/// Keeps jobs until the simulation's thread runs them.
///
/// What is ready at the same time runs in an order that the seed decides. A task that only changes from one actor's code to
/// another's goes on at once, as if it had not been asked: how often it does that is the compiler's choice, and a seed is to
/// be one history in every build.
private final class SimulationJobs: Sendable {
    private struct Ready {
        let job: UnownedJob
        let isOfActor: Bool

        /// A task's job is the task, whatever part of it is run; nothing else tells one from another.
        var identity: UInt { unsafeBitCast(job, to: UInt.self) }
    }

    private struct State {
        var ready: [Ready] = []
        var random: SplitMix
        /// The job that is run.
        var running: UInt?
        /// The same job, to be run again at once.
        var next: Ready?
    }

    private let state: Mutex<State>
    /// Of the last run.
    private let thread = Mutex<pthread_t?>(nil)

    init(seed: UInt64) { state = Mutex(State(random: SplitMix(seed: seed))) }

    var isCurrent: Bool { thread.withLock { $0.map { pthread_equal($0, pthread_self()) != 0 } ?? false } }

    func add(_ job: UnownedJob, isOfActor: Bool) {
        let job = Ready(job: job, isOfActor: isOfActor)
        state.withLock { state in
            if state.running == job.identity { state.next = job } else { state.ready.append(job) }
        }
    }

    func runAll(_ executor: UnownedTaskExecutor, actors: UnownedSerialExecutor) {
        thread.withLock { $0 = pthread_self() }
        while let ready = next() {
            if ready.isOfActor {
                ready.job.runSynchronously(isolatedTo: actors, taskExecutor: executor)
            } else {
                ready.job.runSynchronously(on: executor)
            }
        }
    }

    private func next() -> Ready? {
        state.withLock { state in
            if let job = state.next.take() { return job }
            state.running = nil
            guard !state.ready.isEmpty else { return nil }
            let last = state.ready.count - 1
            if last > 0 { state.ready.swapAt(Int.random(in: 0...last, using: &state.random), last) }
            let job = state.ready.removeLast()
            state.running = job.identity
            return job
        }
    }
}
