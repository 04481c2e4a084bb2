import CaseRouting
import Synchronization

/// A clock that moves only when the simulation moves it. Sleepers and scheduled actions come in order of time; those of one
/// moment in the order in which they were asked for.
public final class VirtualClock: RoutingClock {
    private enum Wake {
        // Unsafe, because most of a history is sleeping; each leaves the table once, and is resumed then.
        case sleeper(UnsafeContinuation<Bool, Never>)
        case action(@Sendable () -> Void)
    }

    private struct State {
        var now: Duration = .zero
        var times = TimeHeap()
        var wakes: [Int: Wake] = [:]
        var cancelled: Set<Int> = []
        var count = 0

        mutating func number() -> Int {
            count += 1
            return count
        }
    }

    private let state = Mutex(State())

    public init() {}

    public var monotonic: Duration { state.withLock { $0.now } }
    public var wall: Timestamp { Sample.start + monotonic }

    var nextDeadline: Duration? {
        state.withLock { state in
            while let first = state.times.first {
                if state.wakes[first.number] != nil { return first.time }
                state.times.removeFirst()
            }
            return nil
        }
    }

    func advance(to time: Duration) {
        let due = state.withLock { state in
            state.now = max(state.now, time)
            var due: [Wake] = []
            while let first = state.times.first, first.time <= state.now {
                state.times.removeFirst()
                if let wake = state.wakes.removeValue(forKey: first.number) { due.append(wake) }
            }
            return due
        }
        for wake in due {
            switch wake {
            case .sleeper(let sleeper): sleeper.resume(returning: true)
            case .action(let action): action()
            }
        }
    }

    /// Does something at that time, whoever has died meanwhile.
    public func schedule(after delay: Duration, _ action: @escaping @Sendable () -> Void) {
        state.withLock { state in
            let number = state.number()
            state.times.insert(state.now + max(.zero, delay), number)
            state.wakes[number] = .action(action)
        }
    }

    public func sleep(for duration: Duration) async throws(CancellationError) {
        try await wait(for: duration, bell: nil)
    }

    /// Sleeps until the bell rings, at most that long.
    func wait(on bell: Bell, atMost duration: Duration) async throws(CancellationError) {
        try await wait(for: duration, bell: bell)
    }

    private func wait(for duration: Duration, bell: Bell?) async throws(CancellationError) {
        let number = state.withLock { $0.number() }
        bell?.sleepers.append(number)
        let isOver = await withTaskCancellationHandler {
            await withUnsafeContinuation { (wake: UnsafeContinuation<Bool, Never>) in
                let isCancelled = state.withLock { state in
                    guard state.cancelled.remove(number) == nil else { return true }
                    state.times.insert(state.now + max(.zero, duration), number)
                    state.wakes[number] = .sleeper(wake)
                    return false
                }
                if isCancelled { wake.resume(returning: false) }
            }
        } onCancel: {
            wake(number, false)
        }
        if !isOver { throw CancellationError() }
    }

    func ring(_ bell: Bell) {
        let sleepers = bell.sleepers
        bell.sleepers = []
        for number in sleepers { wake(number, true) }
    }

    private func wake(_ number: Int, _ isOver: Bool) {
        let wake = state.withLock { state in
            let wake = state.wakes.removeValue(forKey: number)
            if wake == nil && !isOver { state.cancelled.insert(number) }
            return wake
        }
        if case .sleeper(let sleeper)? = wake { sleeper.resume(returning: isOver) }
    }
}

/// What wakes whoever waits for news. Touched on the simulation's thread only.
final class Bell: @unchecked Sendable {
    var sleepers: [Int] = []
}

/// Times and numbers, earliest first: a binary heap.
private struct TimeHeap {
    typealias Entry = (time: Duration, number: Int)
    private var heap: [Entry] = []

    var first: Entry? { heap.first }

    private static func isBefore(_ left: Entry, _ right: Entry) -> Bool {
        left.time == right.time ? left.number < right.number : left.time < right.time
    }

    mutating func insert(_ time: Duration, _ number: Int) {
        heap.append((time, number))
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard Self.isBefore(heap[child], heap[parent]) else { break }
            heap.swapAt(parent, child)
            child = parent
        }
    }

    mutating func removeFirst() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && Self.isBefore(heap[child], heap[least]) { least = child }
            if least == parent { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
