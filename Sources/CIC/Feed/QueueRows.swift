import CaseRouting

/// What the messages of one queue have told about our interactions there: later messages tell only what changed.
///
/// A hundred thousand may be there, so one that has told everything is kept as the core knows it, sharing its texts.
struct QueueRows {
    private struct Whole {
        let episode: EpisodeKey
        let attempt: AttemptID
        var assign: Int64?
        var state: String?
        var hasUser: Bool?
        var userQueue: String?
    }

    /// Whose own queue it is; nil for a workgroup's.
    private let user: String?

    private var whole: [InteractionID: Whole] = [:]
    /// Those that cannot be understood yet, because they have not told all, or because of an org that is unknown.
    private var others: [InteractionID: QueueRow] = [:]

    /// The full content of a queue, and what is understood of it.
    init(_ rows: [QueueRow], of queue: ICWSQueue, orgs: [String: String], seen: inout [SeenInteraction]) {
        user = queue.type == .user ? queue.name : nil
        whole.reserveCapacity(rows.count)
        seen.reserveCapacity(rows.count)
        for row in rows { if let one = put(row, orgs: orgs) { seen.append(one) } }
    }

    func contains(_ interaction: InteractionID) -> Bool { whole[interaction] != nil || others[interaction] != nil }

    /// Puts a row in place of what was known.
    mutating func put(_ row: QueueRow, orgs: [String: String]) -> SeenInteraction? {
        guard let seen = row.seen(orgs: orgs, inOwnQueueOf: user) else {
            whole[row.interaction] = nil
            others[row.interaction] = row
            return nil
        }
        if !others.isEmpty { others[row.interaction] = nil }
        whole[row.interaction] = Whole(
            episode: seen.episode, attempt: seen.attempt, assign: row.assign, state: row.state, hasUser: row.hasUser,
            userQueue: row.userQueue)
        return seen
    }

    /// Adds what has changed about a row that is known.
    mutating func merge(_ later: QueueRow, orgs: [String: String]) -> SeenInteraction? {
        guard let known = whole[later.interaction] else {
            guard var row = others[later.interaction] else { return nil }
            row.merge(later)
            return put(row, orgs: orgs)
        }
        var row = QueueRow(interaction: later.interaction)
        row.isOurs = true
        row.org = orgs.first { $0.value == known.episode.caseKey.org }?.key
        row.caseID = known.episode.caseKey.caseID.description
        row.episode = known.episode.number
        row.attempt = known.attempt
        row.assign = known.assign
        row.state = known.state
        row.hasUser = known.hasUser
        row.userQueue = known.userQueue
        row.merge(later)
        return put(row, orgs: orgs)
    }

    /// Returns whether it was known.
    mutating func remove(_ interaction: InteractionID) -> Bool {
        whole.removeValue(forKey: interaction) != nil || others.removeValue(forKey: interaction) != nil
    }
}
