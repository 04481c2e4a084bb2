/// What the queues of one CIC server show, in the memory of its watch: PostgreSQL gets only what changes an episode.
///
/// Pure: messages go in, and what has to be looked at comes out as sets of interactions. An interaction that no queue
/// shows is *out of sight*; that proves nothing by itself, because an agent may have it on a queue of his own.
struct InteractionMirror {
    /// An interaction that carries our attributes, or that an open episode names.
    struct Entry {
        let episode: EpisodeKey
        let attempt: AttemptID
        /// `CR_Assign` when it was seen last; nil when nobody saw it.
        var assignNumber: Int64?
        /// An agent has taken it. Where it only rings, nobody has: should it be lost, it has reached nobody.
        var isWithAgent: Bool
        /// What the episode's row says.
        var isNotedWithAgent: Bool
        /// An open episode is known to hold this interaction and attempt.
        var isBound: Bool
        /// A person was told of it.
        var isReported = false
        /// The sets of the mirror that it is in.
        fileprivate var membership: Membership = []
        /// Queues that show it.
        var queues = ShowingQueues()
        /// When this watch saw it first, or when it was placed before that. Set to the begin of the session when it is only
        /// known that it came after the last news of the one before.
        fileprivate(set) var since: Duration
        /// When it is looked at next, out of sight or not understood, and how long after that.
        var nextLook: Duration
        var pause: Duration = Self.shortestPause

        static let shortestPause: Duration = .seconds(2)
        static let longestPause: Duration = .seconds(30)

        /// Puts the next look off, each time for longer.
        mutating func putOff(at now: Duration) {
            nextLook = now + pause
            pause = min(pause * 2, Self.longestPause)
        }
    }

    let holding: String
    private(set) var followed: Set<String>
    private(set) var entries = MirrorEntries()
    /// Entries that no queue shows.
    private(set) var outOfSight: Set<InteractionID> = []
    /// Entries on the holding workgroup.
    private(set) var inHolding: Set<InteractionID> = []
    /// Entries elsewhere that no open episode is known to hold.
    private(set) var unbound: Set<InteractionID> = []
    /// Entries whose agent has changed since their episode's row was written.
    private(set) var changed: Set<InteractionID> = []
    /// Ends that were seen and not yet written.
    var ends: [EpisodeEnd] = []
    /// Set while the server may have been restarted since an earlier session.
    var doubt: RestartDoubt?
    private var listed: Set<String> = []
    private(set) var unreadable: Set<String> = []

    init(holding: String, workgroups: Set<String>) {
        self.holding = holding
        followed = workgroups.union([holding])
    }

    /// Whether every followed queue has told its full content in this session, but for those that cannot be read.
    var isComplete: Bool { followed.isSubset(of: listed.union(unreadable)) }

    // MARK: What comes in

    /// What the database holds open: what the watch begins with.
    mutating func begin(with episodes: [WatchedEpisode], at now: Duration) {
        for episode in episodes {
            guard episode.isOpen, let interaction = episode.interaction else { continue }
            if let entry = entries[interaction], entry.attempt == episode.attempt {
                entries[interaction]?.isBound = true
                entries[interaction]?.isNotedWithAgent = episode.isWithAgent
                if entry.queues.isEmpty {
                    entries[interaction]?.isWithAgent = episode.isWithAgent
                } else if let placedFor = episode.placedFor {
                    stands(since: now - placedFor)
                }
            } else if entries[interaction] == nil {
                entries[interaction] = Self.entry(episode, at: now)
            }
            sort(interaction)
        }
    }

    private static func entry(_ episode: WatchedEpisode, at now: Duration) -> Entry {
        Entry(
            episode: episode.key, attempt: episode.attempt, isWithAgent: episode.isWithAgent,
            isNotedWithAgent: episode.isWithAgent, isBound: true, since: now - (episode.placedFor ?? .zero),
            nextLook: now)
    }

    /// A new session: what the queues showed is void until they tell everything again.
    ///
    /// - Parameter silentSince: when the server told something last. After a while it may have forgotten everything.
    mutating func beginSession(at now: Duration, silentSince: Duration) {
        if now - silentSince >= RestartDoubt.shortestSilence {
            // It may have been restarted again before the first time was settled.
            doubt = RestartDoubt(
                since: now, silentSince: doubt?.silentSince ?? silentSince, missing: doubt?.missing ?? [])
        }
        listed = []
        unreadable = []
        for interaction in entries.keys {
            entries[interaction]?.queues = ShowingQueues()
            sort(interaction)
        }
    }

    mutating func follow(_ workgroups: Set<String>) {
        let wanted = workgroups.union([holding])
        let left = followed.subtracting(wanted)
        followed = wanted
        listed.formIntersection(wanted)
        unreadable.formIntersection(wanted)
        for interaction in entries.filter({ _, entry in left.contains { entry.queues.contains($0) } }).map(\.key) {
            for queue in left { entries[interaction]?.queues.remove(queue) }
            sort(interaction)
        }
    }

    /// Every queue was asked for its full content once more.
    mutating func expectListings() { listed = [] }

    mutating func cannotRead(_ queue: String) { unreadable.insert(queue) }

    mutating func apply(_ content: QueueContent, at now: Duration) {
        guard followed.contains(content.queue) else { return }
        for seen in content.present { show(seen, on: content.queue, at: now) }
        for interaction in content.removed { hide(interaction, from: content.queue, at: now) }
        guard content.isFull else { return }
        let present = Set(content.present.map(\.interaction))
        let hidden = entries.filter { $1.queues.contains(content.queue) && !present.contains($0) }.map(\.key)
        for interaction in hidden { hide(interaction, from: content.queue, at: now) }
        listed.insert(content.queue)
        unreadable.remove(content.queue)
    }

    private mutating func show(_ seen: SeenInteraction, on queue: String, at now: Duration) {
        if let known = entries[seen.interaction] {
            if known.attempt == seen.attempt {
                stands(seen.interaction)
            } else {
                // CIC gives an id again only after what had it has ended.
                end(seen.interaction, .ended)
            }
        }
        if seen.state == .ended {
            if entries[seen.interaction] != nil {
                entries[seen.interaction]?.assignNumber = seen.assignNumber
                end(seen.interaction, .ended)
            } else {
                ends.append(Self.end(seen))
            }
            return
        }
        let isWithAgent = seen.state == .withAgent
        var entry =
            entries[seen.interaction]
            ?? Entry(
                episode: seen.episode, attempt: seen.attempt, isWithAgent: isWithAgent, isNotedWithAgent: false,
                isBound: false, since: now, nextLook: now)
        entry.assignNumber = seen.assignNumber
        entry.isWithAgent = isWithAgent
        if entry.queues.isEmpty { entry.pause = Entry.shortestPause }
        entry.queues.insert(queue)
        entries[seen.interaction] = entry
        sort(seen.interaction)
    }

    private mutating func hide(_ interaction: InteractionID, from queue: String, at now: Duration) {
        guard entries[interaction]?.queues.remove(queue) == true else { return }
        if entries[interaction]?.queues.isEmpty == true {
            entries[interaction]?.nextLook = now
            entries[interaction]?.pause = Entry.shortestPause
        }
        sort(interaction)
    }

    // MARK: What was found out

    mutating func update(_ interaction: InteractionID, _ change: (inout Entry) -> Void) {
        guard var entry = entries[interaction] else { return }
        change(&entry)
        entries[interaction] = entry
        sort(interaction)
    }

    /// The end of an interaction was seen: what is to be written about it.
    mutating func end(_ interaction: InteractionID, _ reason: EpisodeEnd.Reason) {
        guard let entry = entries[interaction] else { return }
        end(interaction, entry, reason)
        forget(interaction)
    }

    private mutating func end(_ interaction: InteractionID, _ entry: Entry, _ reason: EpisodeEnd.Reason) {
        if reason == .ended, let since = doubt?.since, entry.since < since {
            doubt?.missing.append((interaction, entry))
        } else {
            ends.append(Self.end(interaction, entry, reason))
        }
    }

    static func end(
        _ interaction: InteractionID, _ entry: Entry, _ reason: EpisodeEnd.Reason
    ) -> EpisodeEnd {
        EpisodeEnd(
            episode: entry.episode, interaction: interaction, attempt: entry.attempt, reason: reason,
            assignNumber: entry.assignNumber)
    }

    /// The end of an interaction that no entry is about: its id is another's.
    mutating func isGone(_ episode: WatchedEpisode, at now: Duration) {
        guard let interaction = episode.interaction else { return }
        end(interaction, Self.entry(episode, at: now), .ended)
    }

    private static func end(_ seen: SeenInteraction) -> EpisodeEnd {
        EpisodeEnd(
            episode: seen.episode, interaction: seen.interaction, attempt: seen.attempt, reason: .ended,
            assignNumber: seen.assignNumber)
    }

    mutating func takeEnds() -> [EpisodeEnd] {
        defer { ends = [] }
        return ends
    }

    /// Ends that could not be written are kept.
    mutating func putBack(_ unwritten: [EpisodeEnd]) { ends = unwritten + ends }

    mutating func forget(_ interaction: InteractionID) {
        guard let entry = entries[interaction] else { return }
        move(interaction, from: entry.membership, to: [])
        entries[interaction] = nil
    }

    /// The sets that an entry may belong to.
    fileprivate struct Membership: OptionSet {
        let rawValue: UInt8
        static let outOfSight = Membership(rawValue: 1)
        static let inHolding = Membership(rawValue: 2)
        static let unbound = Membership(rawValue: 4)
        static let changed = Membership(rawValue: 8)
    }

    /// Puts the entry into the sets that it belongs to. Most news change none, and then no set is touched.
    private mutating func sort(_ interaction: InteractionID) {
        guard let entry = entries[interaction] else { return }
        let isSeen = !entry.queues.isEmpty
        let isHeld = entry.queues.contains(holding)
        var membership: Membership = []
        if !isSeen { membership.insert(.outOfSight) }
        if isHeld { membership.insert(.inHolding) }
        if !entry.isBound && isSeen && !isHeld { membership.insert(.unbound) }
        if entry.isWithAgent != entry.isNotedWithAgent { membership.insert(.changed) }
        guard membership != entry.membership else { return }
        move(interaction, from: entry.membership, to: membership)
        entries[interaction]?.membership = membership
    }

    private mutating func move(_ interaction: InteractionID, from old: Membership, to new: Membership) {
        let moved = old.symmetricDifference(new)
        if moved.contains(.outOfSight) { outOfSight.include(interaction, new.contains(.outOfSight)) }
        if moved.contains(.inHolding) { inHolding.include(interaction, new.contains(.inHolding)) }
        if moved.contains(.unbound) { unbound.include(interaction, new.contains(.unbound)) }
        if moved.contains(.changed) { changed.include(interaction, new.contains(.changed)) }
    }

    /// It is known to the server and came after the last news of the session before: that proves nothing about what had
    /// come earlier.
    mutating func isOfThisSession(_ interaction: InteractionID, since: Duration) {
        entries[interaction]?.since = since
    }

    // MARK: Figures

    var figures: QueueFigures {
        var figures = QueueFigures()
        for (interaction, entry) in entries {
            if inHolding.contains(interaction) {
                figures.inHolding += 1
            } else if entry.isWithAgent {
                figures.withAgents += 1
            } else if !entry.queues.isEmpty {
                figures.waiting += 1
            }
        }
        return figures
    }
}

extension Set {
    fileprivate mutating func include(_ member: Element, _ belongs: Bool) {
        if belongs { insert(member) } else { remove(member) }
    }
}
