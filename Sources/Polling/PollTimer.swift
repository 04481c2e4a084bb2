/// One action at one time on a `PollExecutor`. To be used on the executor only.
public final class PollTimer {
    let at: MonotonicTime
    private var action: (() -> Void)?

    init(at: MonotonicTime, action: @escaping () -> Void) {
        self.at = at
        self.action = action
    }

    /// The action will not run; what it captured is released. After it ran this does nothing.
    public func cancel() { action = nil }

    /// Whether the action is still to come.
    public var isPending: Bool { action != nil }

    func fire() {
        let action = action
        self.action = nil
        action?()
    }
}

/// Timers by time, earliest first: a binary heap. Cancelled ones leave it when their time comes.
struct TimerHeap {
    private var heap: [PollTimer] = []

    mutating func insert(_ timer: PollTimer) {
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
        while let first = heap.first, !first.isPending { removeFirst() }
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
