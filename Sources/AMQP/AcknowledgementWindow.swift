/// Which deliveries of one channel are not settled yet, and which acknowledgements to send. Pure: no socket, no clock.
///
/// Tags count from 1. Finished deliveries are acknowledged with one frame up to the finished prefix (`multiple`). One
/// that is stuck holds the prefix; those finished behind it are acknowledged one by one when the caller says so. When
/// the window is full, what is stuck at its start moves to `held`, and until it is finished all acknowledgements are
/// single, because `multiple` would cover it.
struct AcknowledgementWindow {
    struct Acknowledgement: Equatable {
        let tag: UInt64
        let multiple: Bool
    }

    private enum State: UInt8 { case open, finished, settled }

    private var states: [State]
    private let mask: UInt64
    /// All tags below are settled or `held`.
    private var first: UInt64 = 1
    private var next: UInt64 = 1
    private var held: Set<UInt64> = []
    private var heldFinished: [UInt64] = []
    /// Finished but not yet acknowledged.
    private(set) var finishedCount = 0
    private let patience: Int

    /// `limit`: how many deliveries are unsettled at most (the prefetch).
    init(limit: Int) {
        precondition(limit > 0)
        var capacity = 64
        while capacity < 4 * limit { capacity *= 2 }
        states = .init(repeating: .open, count: capacity)
        mask = UInt64(capacity - 1)
        patience = max(1, limit / 2)
    }

    /// Whether so many finished ones wait behind a stuck one that the broker soon stops delivering.
    var isStuck: Bool { finishedCount >= patience }

    /// Notes a delivery. `flush` gets the acknowledgements that have to be sent to make room for it.
    ///
    /// - Returns: false when the tag is not the one that must follow: the broker errs.
    mutating func delivered(_ tag: UInt64, flush: (Acknowledgement) -> Void) -> Bool {
        guard tag == next else { return false }
        if next - first == UInt64(states.count) {
            takePrefix(flush)
            takeSingly(flush)
            while next - first > UInt64(states.count / 2) {
                if states[Int(first & mask)] == .open { held.insert(first) }
                first += 1
            }
        }
        states[Int(next & mask)] = .open
        next += 1
        return true
    }

    /// The delivery is done and may be acknowledged. Returns false when it is not open: never delivered, or settled.
    mutating func finish(_ tag: UInt64) -> Bool {
        if tag >= first && tag < next {
            guard states[Int(tag & mask)] == .open else { return false }
            states[Int(tag & mask)] = .finished
        } else {
            guard held.remove(tag) != nil else { return false }
            heldFinished.append(tag)
        }
        finishedCount += 1
        return true
    }

    /// The delivery is settled by other means (rejected). Returns false when it is not open.
    mutating func settle(_ tag: UInt64) -> Bool {
        if tag >= first && tag < next {
            guard states[Int(tag & mask)] == .open else { return false }
            states[Int(tag & mask)] = .settled
            return true
        }
        return held.remove(tag) != nil
    }

    /// Acknowledges the finished prefix: once per turn.
    mutating func takePrefix(_ send: (Acknowledgement) -> Void) {
        for tag in heldFinished { send(Acknowledgement(tag: tag, multiple: false)) }
        finishedCount -= heldFinished.count
        heldFinished.removeAll(keepingCapacity: true)

        var last: UInt64 = 0
        var count = 0
        while first < next {
            let state = states[Int(first & mask)]
            if state == .open { break }
            if state == .finished {
                // The tag of a `multiple` must itself be unsettled, or the broker closes the channel.
                last = first
                count += 1
                if !held.isEmpty { send(Acknowledgement(tag: first, multiple: false)) }
            }
            first += 1
        }
        finishedCount -= count
        if count > 0 && held.isEmpty { send(Acknowledgement(tag: last, multiple: count > 1)) }
    }

    /// Acknowledges what is finished behind a stuck delivery, one by one.
    mutating func takeSingly(_ send: (Acknowledgement) -> Void) {
        var tag = first
        while finishedCount > 0 && tag < next {
            if states[Int(tag & mask)] == .finished {
                states[Int(tag & mask)] = .settled
                finishedCount -= 1
                send(Acknowledgement(tag: tag, multiple: false))
            }
            tag += 1
        }
    }
}
