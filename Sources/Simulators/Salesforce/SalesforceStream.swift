/// The events of one channel, kept for replay.
///
/// Subscribers are positions in this log, so an event is stored once however many sessions will get it, and a session
/// that does not ask costs nothing.
final class SalesforceStream {
    struct Event {
        let replayID: Int
        /// Milliseconds since 1970 at which it was stored, and from which it may be delivered.
        let storedAt: Int64
        var visibleAt: Int64
        /// `"data":{…}}`: the message without what differs between sessions.
        let body: [UInt8]
        /// A topic's selected fields, for subscriptions with a filter.
        let fields: [String: String]
    }

    let channel: String
    private let retention: Int64
    private var events: [Event] = []
    /// Position of `events[0]`; positions never change.
    private var base = 0
    private var nextReplayID: Int
    private var random: SystemRandomNumberGenerator
    /// Held back until its successor is there.
    private var overtaken: Event?

    init(channel: String, retention: Int64, firstReplayID: Int) {
        self.channel = channel
        self.retention = retention
        nextReplayID = firstReplayID
        random = SystemRandomNumberGenerator()
    }

    /// Position after the newest event.
    var end: Int { base + events.count }
    var lastReplayID: Int? { events.last?.replayID }
    var retained: Int { events.count }

    /// The id the next event gets: rising, with gaps.
    func takeReplayID(largestGap: Int) -> Int {
        let id = nextReplayID
        // Most ids follow one another; one in ten leaves a gap, as ids of other tenants and shards do.
        let gap = largestGap > 1 && Int.random(in: 0..<10, using: &random) == 0
        nextReplayID += gap ? Int.random(in: 1...largestGap, using: &random) : 1
        return id
    }

    func append(_ event: Event, copies: Int, overtakenByNext: Bool) {
        if overtakenByNext, overtaken == nil {
            overtaken = event
            return
        }
        for _ in 0..<copies { store(event) }
        releaseOvertaken()
    }

    /// Events behind one that is held up are held up as well: positions are an order.
    private func store(_ event: Event) {
        var event = event
        if let last = events.last, last.visibleAt > last.storedAt {
            event.visibleAt = max(event.visibleAt, last.visibleAt)
        }
        events.append(event)
    }

    /// An event that waits for a successor which never comes is delivered after all.
    func releaseOvertaken() {
        if let late = overtaken {
            overtaken = nil
            store(late)
        }
    }

    var hasOvertaken: Bool { overtaken != nil }

    /// When the event that is held back was stored.
    var overtakenSince: Int64? { overtaken?.storedAt }

    func purge(now: Int64) {
        guard let first = events.first, now - retention > first.storedAt else { return }
        let kept = events.firstIndex { now - retention <= $0.storedAt } ?? events.count
        events.removeFirst(kept)
        base += kept
    }

    /// Where a subscription that names this replay id begins; nil if the id is not in the window.
    func position(after replayID: Int, now: Int64) -> Int? {
        purge(now: now)
        switch replayID {
        case -1: return end
        case -2: return base
        default:
            guard let index = events.lastIndex(where: { $0.replayID == replayID }) else { return nil }
            return base + index + 1
        }
    }

    /// Events from a position on, as many as are wanted and may be seen.
    func events(from position: Int, limit: Int, now: Int64) -> ArraySlice<Event> {
        let start = max(0, position - base)
        guard start < events.count else { return [] }
        var stop = min(events.count, start + limit)
        // Delays are rare: only then is it worth looking at every event.
        if events[stop - 1].visibleAt > now {
            stop = events[start..<stop].firstIndex { $0.visibleAt > now } ?? stop
        }
        return events[start..<stop]
    }

    /// The first position that still exists at or after this one.
    func clamped(_ position: Int) -> Int { max(position, base) }

    /// What a move of the org to another instance does: ids stored by anybody mean nothing any more.
    ///
    /// - Parameter next: the next id; without one, an id far beyond all that were given out.
    func reset(next: Int?) {
        base += events.count
        events.removeAll()
        overtaken = nil
        nextReplayID = next ?? nextReplayID + 1_000_000
    }
}
