/// One action at one time on a `PollExecutor`. To be used on the executor only.
public final class PollTimer {
    let at: MonotonicTime
    private var action: (() -> Void)?
    private let dead: DeadTimers

    fileprivate init(at: MonotonicTime, dead: DeadTimers, action: @escaping () -> Void) {
        self.at = at
        self.dead = dead
        self.action = action
    }

    /// The action will not run; what it captured is released. After it ran this does nothing.
    public func cancel() {
        if action == nil { return }
        action = nil
        dead.count += 1
    }

    /// Whether the action is still to come.
    public var isPending: Bool { action != nil }

    func fire() {
        let action = action
        self.action = nil
        action?()
    }
}

/// How many timers of a heap were cancelled and are still in it.
private final class DeadTimers {
    var count = 0
}

/// Timers by time, earliest first: a binary heap.
///
/// Nearly all are limits of waits that end long before, so cancelled ones leave it together when they are more than the
/// others: at a thousand cases a second those of ten seconds would be twenty thousand.
struct TimerHeap {
    private var heap: [PollTimer] = []
    private let dead = DeadTimers()
    /// Fewer are not worth a look at all.
    private static let fewDead = 64

    var count: Int { heap.count }

    mutating func add(at: MonotonicTime, _ action: @escaping () -> Void) -> PollTimer {
        if dead.count > Self.fewDead && dead.count > heap.count / 2 {
            heap.removeAll { !$0.isPending }
            // In order is a heap too.
            heap.sort { $0.at < $1.at }
            dead.count = 0
        }
        let timer = PollTimer(at: at, dead: dead, action: action)
        insert(timer)
        return timer
    }

    private mutating func insert(_ timer: PollTimer) {
        heap.append(timer)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            if heap[parent].at <= heap[child].at { break }
            heap.swapAt(parent, child)
            child = parent
        }
    }

    /// For `epoll_wait`: -1 without a timer, else milliseconds rounded up, so that a timer is never early.
    mutating func millisecondsToFirst() -> Int32 {
        while let first = heap.first, !first.isPending {
            removeFirst()
            dead.count -= 1
        }
        guard let first = heap.first else { return -1 }
        let left = first.at.nanoseconds - MonotonicTime.now.nanoseconds
        if left <= 0 { return 0 }
        return Int32(clamping: (left + 999_999) / 1_000_000)
    }

    /// Takes out the first timer if its time has come. It is fired by the caller, because its action may schedule
    /// another one.
    mutating func popDue(_ now: MonotonicTime) -> PollTimer? {
        guard let first = heap.first, first.at <= now else { return nil }
        removeFirst()
        if !first.isPending { dead.count -= 1 }
        return first
    }

    var isEmpty: Bool { heap.isEmpty }

    private mutating func removeFirst() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child].at < heap[least].at {
                least = child
            }
            if least == parent { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
