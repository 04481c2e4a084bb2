import CaseRouting
import Synchronization

/// A clock that moves only when the simulation moves it. Sleepers and scheduled actions come in order of time; those of one
/// moment in the order in which they were asked for.
public final class VirtualClock: RoutingClock {
    private enum Wake {
        /// Whoever wants to sleep does not sleep yet.
        case awake
        /// Nor shall it.
        case cancelled
        // Unsafe, because most of a history is sleeping; each leaves the table once, and is resumed then.
        case sleeper(UnsafeContinuation<Bool, Never>)
        case action(@Sendable () -> Void)
    }

    private struct State {
        /// Nanoseconds.
        var now: Int64 = 0
        var times = TimeHeap()
        var places = Places()
    }

    /// Who sleeps, at places that are used again. A ticket names a place and who has it: the later ticket is greater.
    private struct Places {
        private var places: [(ticket: Int, wake: Wake)] = []
        private var free: [Int] = []
        private var count = 0
        private static let bits = 20

        mutating func take(_ wake: Wake) -> Int {
            count += 1
            guard let place = free.popLast() else {
                precondition(places.count < 1 << Self.bits)
                places.append((count << Self.bits | places.count, wake))
                return places[places.count - 1].ticket
            }
            places[place] = (count << Self.bits | place, wake)
            return places[place].ticket
        }

        private static func place(_ ticket: Int) -> Int { ticket & (1 << bits - 1) }

        /// Nil: whoever had it is gone.
        subscript(_ ticket: Int) -> Wake? {
            get {
                let place = places[Self.place(ticket)]
                return place.ticket == ticket ? place.wake : nil
            }
            set {
                guard let newValue else { return leave(ticket) }
                places[Self.place(ticket)].wake = newValue
            }
        }

        private mutating func leave(_ ticket: Int) {
            places[Self.place(ticket)] = (0, .awake)
            free.append(Self.place(ticket))
        }
    }

    private let state = Mutex(State())

    public init() {}

    public var monotonic: Duration { .nanoseconds(state.withLock { $0.now }) }
    public var wall: Timestamp { Sample.start + monotonic }

    var nextDeadline: Duration? {
        state.withLock { state in
            while let first = state.times.first {
                if state.places[first.ticket] != nil { return .nanoseconds(first.time) }
                state.times.removeFirst()
            }
            return nil
        }
    }

    func advance(to time: Duration) {
        state.withLock { $0.now = max($0.now, Self.nanoseconds(time)) }
        while let wake = nextDue() {
            switch wake {
            case .sleeper(let sleeper): sleeper.resume(returning: true)
            case .action(let action): action()
            case .awake, .cancelled: preconditionFailure("woken before it slept")
            }
        }
    }

    private func nextDue() -> Wake? {
        state.withLock { state in
            while let first = state.times.first, first.time <= state.now {
                state.times.removeFirst()
                guard let wake = state.places[first.ticket] else { continue }
                state.places[first.ticket] = nil
                return wake
            }
            return nil
        }
    }

    /// Rounded up: whoever sleeps until a time must not wake before it.
    private static func nanoseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        return seconds * 1_000_000_000 + (attoseconds + 999_999_999) / 1_000_000_000
    }

    /// Does something at that time, whoever has died meanwhile.
    public func schedule(after delay: Duration, _ action: @escaping @Sendable () -> Void) {
        state.withLock { state in
            let ticket = state.places.take(.action(action))
            state.times.insert(state.now + max(0, Self.nanoseconds(delay)), ticket)
        }
    }

    public func sleep(for duration: Duration) async throws(CancellationError) {
        try await wait(for: duration, bell: nil)
    }

    /// Sleeps until the bell rings, at most that long.
    func wait(on bell: Bell, atMost duration: Duration) async throws(CancellationError) {
        try await wait(for: duration, bell: bell)
    }

    /// Sleeps whatever happens to the sleeper: what is on its way does not come sooner because nobody waits for it any more.
    func pass(nanoseconds: Int64) async {
        _ = await withUnsafeContinuation { (sleeper: UnsafeContinuation<Bool, Never>) in
            state.withLock { state in
                let ticket = state.places.take(.sleeper(sleeper))
                state.times.insert(state.now + nanoseconds, ticket)
            }
        }
    }

    private func wait(for duration: Duration, bell: Bell?) async throws(CancellationError) {
        let ticket = state.withLock { $0.places.take(.awake) }
        bell?.sleepers.append(ticket)
        let isOver = await withTaskCancellationHandler {
            await withUnsafeContinuation { (sleeper: UnsafeContinuation<Bool, Never>) in
                let isCancelled = state.withLock { state in
                    if case .cancelled? = state.places[ticket] {
                        state.places[ticket] = nil
                        return true
                    }
                    state.times.insert(state.now + max(0, Self.nanoseconds(duration)), ticket)
                    state.places[ticket] = .sleeper(sleeper)
                    return false
                }
                if isCancelled { sleeper.resume(returning: false) }
            }
        } onCancel: {
            wake(ticket, false)
        }
        if !isOver { throw CancellationError() }
    }

    func ring(_ bell: Bell) {
        let sleepers = bell.sleepers
        bell.sleepers = []
        for ticket in sleepers { wake(ticket, true) }
    }

    private func wake(_ ticket: Int, _ isOver: Bool) {
        let sleeper: UnsafeContinuation<Bool, Never>? = state.withLock { state in
            switch state.places[ticket] {
            case .sleeper(let sleeper):
                state.places[ticket] = nil
                return sleeper
            case .awake where !isOver: state.places[ticket] = .cancelled
            default: break
            }
            return nil
        }
        sleeper?.resume(returning: isOver)
    }
}

/// What wakes whoever waits for news. Touched on the simulation's thread only.
final class Bell: @unchecked Sendable {
    var sleepers: [Int] = []
}

/// Times and tickets, earliest first: a binary heap.
private struct TimeHeap {
    typealias Entry = (time: Int64, ticket: Int)
    private var heap: [Entry] = []

    var first: Entry? { heap.first }

    private static func isBefore(_ left: Entry, _ right: Entry) -> Bool {
        left.time == right.time ? left.ticket < right.ticket : left.time < right.time
    }

    mutating func insert(_ time: Int64, _ ticket: Int) {
        heap.append((time, ticket))
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
            var child = 2 * parent + 1
            while child <= 2 * parent + 2 && child < heap.count {
                if Self.isBefore(heap[child], heap[least]) { least = child }
                child += 1
            }
            if least == parent { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
