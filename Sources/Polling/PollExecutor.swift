import CEpoll
import Glibc
import Synchronization

/// One thread that waits on file descriptors, timers and jobs, and runs all of them.
///
/// Every driver of a process is an actor whose executor this is, and so is the routing code: calls between actors
/// with the same executor cost no switch, a C handle is only ever touched by one thread, and what the work of one
/// turn wants to send is flushed together. More cores are more processes.
///
/// A turn: jobs enqueued from anywhere, the before-wait hooks (flush batches, acknowledge), jobs again, `epoll_wait`,
/// file descriptors, timers. Handlers and hooks run on this thread outside any task; an actor enters its isolation in
/// them with `assumeIsolated`.
///
/// The thread lives until `stop()`; an executor that is never stopped lives as long as its process.
// Sendable is unchecked because the fields below `thread` are touched by the loop's thread only, which
// `preconditionOnLoop` enforces at every entry; what other threads touch is in `remote`.
public final class PollExecutor: SerialExecutor, TaskExecutor, @unchecked Sendable {
    /// Names the thread, in `top -H` and in failures.
    public let name: String

    private struct Remote {
        var jobs: [UnownedJob] = []
        /// Whether the eventfd was written since the loop last emptied `jobs`.
        var woken = false
        var stopping = false
    }

    /// Rounds of jobs in one turn before file descriptors get their turn again, so that tasks that keep each other
    /// busy cannot starve heartbeats. A case needs about ten jobs, one after the other.
    private static let jobRoundsPerTurn = 64
    private static let eventsPerWait = 256

    private let epollDescriptor: Int32
    private let wakeDescriptor: Int32
    private let remote = Mutex(Remote())
    private var thread = pthread_t()
    private let started = Mutex(false)

    private var local: [UnownedJob] = []
    private var running: [UnownedJob] = []
    private var watches: [Watch?] = []
    private var nextGeneration: UInt32 = 1
    private var hooks: [(id: UInt64, run: () -> Void)] = []
    private var nextHook: UInt64 = 1
    private var timers = TimerHeap()

    private struct Watch {
        let generation: UInt32
        var interest: PollEvents
        let handle: (PollEvents) -> Void
    }

    /// Starts the thread.
    public init(name: String) {
        self.name = name
        epollDescriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        wakeDescriptor = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
        precondition(epollDescriptor >= 0 && wakeDescriptor >= 0, "no file descriptor left for an event loop")
        var event = epoll_event()
        event.events = EPOLLIN.rawValue
        event.data.u64 = UInt64(UInt32(bitPattern: wakeDescriptor))
        epoll_ctl(epollDescriptor, EPOLL_CTL_ADD, wakeDescriptor, &event)

        // The thread holds the executor until it has stopped.
        let box = Unmanaged.passRetained(self)
        started.withLock { started in
            let result = pthread_create(
                &thread, nil,
                { argument in
                    let executor = Unmanaged<PollExecutor>.fromOpaque(argument!).takeRetainedValue()
                    executor.started.withLock { _ in }  // `thread` is written now.
                    case_router_name_thread(executor.name)
                    executor.run()
                    return nil
                }, box.toOpaque())
            precondition(result == 0, "no thread for event loop \(name): error \(result)")
            started = true
        }
    }

    deinit {
        close(epollDescriptor)
        close(wakeDescriptor)
    }

    /// Ends the thread after the turn under way and waits for it. Jobs that arrive later never run, so everything
    /// that lives on the executor has to be closed before. Not to be called on the executor itself.
    public func stop() {
        precondition(!isCurrent, "an event loop cannot wait for its own end")
        remote.withLock { $0.stopping = true }
        wake()
        pthread_join(thread, nil)
    }

    /// Whether the caller runs on this executor's thread.
    public var isCurrent: Bool { pthread_equal(pthread_self(), thread) != 0 }

    // MARK: Executor

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isCurrent {
            local.append(job)
            return
        }
        let mustWake = remote.withLock { remote in
            remote.jobs.append(job)
            let mustWake = !remote.woken
            remote.woken = true
            return mustWake
        }
        if mustWake { wake() }
    }

    public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    public func checkIsolated() { preconditionOnLoop() }

    public func isIsolatingCurrentContext() -> Bool? { isCurrent }

    // MARK: File descriptors

    /// Calls `handle` on the loop whenever the descriptor is ready for one of `interest`, and on error or hang-up,
    /// until `unwatch`. A descriptor has one watch. It must be unwatched before it is closed.
    public func watch(_ descriptor: Int32, for interest: PollEvents, handle: @escaping (PollEvents) -> Void) {
        preconditionOnLoop()
        let index = Int(descriptor)
        while watches.count <= index { watches.append(nil) }
        precondition(watches[index] == nil, "descriptor \(descriptor) is watched already")
        watches[index] = Watch(generation: nextGeneration, interest: interest, handle: handle)
        control(EPOLL_CTL_ADD, descriptor, interest, nextGeneration)
        nextGeneration &+= 1
    }

    /// Changes what a watched descriptor waits for.
    public func rewatch(_ descriptor: Int32, for interest: PollEvents) {
        preconditionOnLoop()
        guard Int(descriptor) < watches.count, let watch = watches[Int(descriptor)] else {
            preconditionFailure("descriptor \(descriptor) is not watched")
        }
        if watch.interest == interest { return }
        watches[Int(descriptor)]!.interest = interest
        control(EPOLL_CTL_MOD, descriptor, interest, watch.generation)
    }

    /// Ends a watch; without one this does nothing. No handler runs for it afterwards.
    public func unwatch(_ descriptor: Int32) {
        preconditionOnLoop()
        guard Int(descriptor) < watches.count, watches[Int(descriptor)] != nil else { return }
        watches[Int(descriptor)] = nil
        // A descriptor that its library closed already has left epoll by itself.
        epoll_ctl(epollDescriptor, EPOLL_CTL_DEL, descriptor, nil)
    }

    private func control(_ operation: Int32, _ descriptor: Int32, _ interest: PollEvents, _ generation: UInt32) {
        var event = epoll_event()
        event.events = interest.mask
        // The generation keeps an event of an earlier owner of this number from reaching its successor.
        event.data.u64 = UInt64(UInt32(bitPattern: descriptor)) | UInt64(generation) << 32
        let result = epoll_ctl(epollDescriptor, operation, descriptor, &event)
        precondition(result == 0, "epoll_ctl(\(operation)) on descriptor \(descriptor): error \(errno)")
    }

    // MARK: Hooks and timers

    /// Runs `hook` in every turn after the jobs, before the loop waits. Returns what `removeHook` takes.
    public func addBeforeWait(_ hook: @escaping () -> Void) -> UInt64 {
        preconditionOnLoop()
        let id = nextHook
        nextHook += 1
        hooks.append((id, hook))
        return id
    }

    /// Removes a before-wait hook.
    public func removeHook(_ id: UInt64) {
        preconditionOnLoop()
        hooks.removeAll { $0.id == id }
    }

    /// Runs `action` once on the loop, not before `delay` has passed; early by at most 1 ms never, late by the turn
    /// under way. Cancel with the timer returned.
    @discardableResult
    public func schedule(after delay: Duration, _ action: @escaping () -> Void) -> PollTimer {
        preconditionOnLoop()
        return timers.add(at: MonotonicTime.now + delay, action)
    }

    // MARK: The loop

    private func preconditionOnLoop() {
        precondition(isCurrent, "only to be called on event loop \(name)")
    }

    private func wake() {
        var one: UInt64 = 1
        // The only failure is a counter that is full, which wakes the loop as well.
        _ = write(wakeDescriptor, &one, 8)
    }

    /// Moves what other threads enqueued into `local`. Returns whether the loop shall end.
    private func takeRemote(_ incoming: inout [UnownedJob]) -> Bool {
        let stopping = remote.withLock { remote in
            swap(&remote.jobs, &incoming)
            remote.woken = false
            return remote.stopping
        }
        local.append(contentsOf: incoming)
        incoming.removeAll(keepingCapacity: true)
        return stopping
    }

    private func runJobs() {
        // Told both, because a task that prefers this executor is otherwise enqueued anew at every call of an actor.
        let (serial, task) = (asUnownedSerialExecutor(), asUnownedTaskExecutor())
        var rounds = 0
        while !local.isEmpty && rounds < Self.jobRoundsPerTurn {
            swap(&local, &running)
            for job in running { job.runSynchronously(isolatedTo: serial, taskExecutor: task) }
            running.removeAll(keepingCapacity: true)
            rounds += 1
        }
    }

    private func runHooks() {
        // By index, because a hook may add or remove hooks.
        var index = 0
        while index < hooks.count {
            hooks[index].run()
            index += 1
        }
    }

    private func run() {
        var events = [epoll_event](repeating: epoll_event(), count: Self.eventsPerWait)
        var incoming: [UnownedJob] = []
        while true {
            if takeRemote(&incoming) { return }
            runJobs()
            runHooks()
            if !local.isEmpty {
                runJobs()
                runHooks()
            }
            let timeout = local.isEmpty ? timers.millisecondsToFirst() : 0
            let count = epoll_wait(epollDescriptor, &events, Int32(Self.eventsPerWait), timeout)
            if count > 0 { dispatch(events[0..<Int(count)]) }
            fireTimers()
        }
    }

    private func fireTimers() {
        if timers.isEmpty { return }
        let now = MonotonicTime.now
        while let timer = timers.popDue(now) { timer.fire() }
    }

    private func dispatch(_ events: ArraySlice<epoll_event>) {
        for event in events {
            let descriptor = Int32(bitPattern: UInt32(truncatingIfNeeded: event.data.u64))
            if descriptor == wakeDescriptor {
                var value: UInt64 = 0
                _ = read(wakeDescriptor, &value, 8)
                continue
            }
            let generation = UInt32(truncatingIfNeeded: event.data.u64 >> 32)
            guard Int(descriptor) < watches.count, let watch = watches[Int(descriptor)],
                watch.generation == generation
            else { continue }
            watch.handle(PollEvents(mask: event.events))
        }
    }
}
