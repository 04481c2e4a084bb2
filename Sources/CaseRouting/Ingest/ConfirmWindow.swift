import DequeModule

/// What was read from a stream and not yet recorded, in order.
///
/// The position that may be stored is the end of the *contiguous confirmed prefix*: not what was received, and not the
/// highest that was confirmed; both lose events when the process dies (model-checked).
struct ConfirmWindow {
    /// Most events of one org that are published and not recorded; then no further long poll is sent.
    static let limit = 500

    struct Entry {
        let replayID: Int64
        /// Nil for an event that nothing is published for.
        let request: RecordedRequest?
        var isConfirmed: Bool
    }

    private var entries: Deque<Entry> = []
    /// Number of the first entry.
    private var first = 0

    var isFull: Bool { entries.count >= Self.limit }
    var isEmpty: Bool { entries.isEmpty }

    /// Returns the number by which the entry is confirmed.
    mutating func append(replayID: Int64, request: RecordedRequest?) -> Int {
        entries.append(Entry(replayID: replayID, request: request, isConfirmed: request == nil))
        return first + entries.count - 1
    }

    mutating func confirm(_ number: Int) { entries[number - first].isConfirmed = true }

    var hasConfirmedPrefix: Bool { entries.first?.isConfirmed == true }

    /// The confirmed prefix; it stays until `remove`, so that a record that failed can be repeated.
    var confirmedPrefix: [Entry] { Array(entries.prefix(while: \.isConfirmed)) }

    mutating func remove(_ count: Int) {
        entries.removeFirst(count)
        first += count
    }
}
