/// An interaction of ours that a queue shows, as it claims an episode of its case.
struct Claimant: Equatable, Sendable {
    let interaction: InteractionID
    let episode: Int32
    let attempt: AttemptID
    /// `CR_Assign`; 0 for none.
    let assignNumber: Int64
    /// Where it waits or was taken from; nil in holding.
    let workgroup: String?
    let isWithAgent: Bool

    var isRoutable: Bool { workgroup != nil }

    /// What wins: a routable one, because another would be the second; the newer episode, because the next is opened only
    /// when the end of the one before was seen; one that an agent has.
    fileprivate func yields(to other: Claimant) -> Bool {
        if isRoutable != other.isRoutable { return other.isRoutable }
        if episode != other.episode { return episode < other.episode }
        if isWithAgent != other.isWithAgent { return other.isWithAgent }
        if assignNumber != other.assignNumber { return assignNumber < other.assignNumber }
        return interaction.description > other.interaction.description
    }
}

/// An episode as it is to be written from what CIC shows.
public struct RebuiltEpisode: Equatable, Sendable {
    public let key: EpisodeKey
    /// What the database held when this was decided: what the write is guarded by. Nil: the case was unknown.
    public let before: CaseState?
    /// With the interaction that was found. Its skills are not known, so that they are assigned anew.
    public let episode: Episode
    /// What the case is wanted to be from now on.
    public let wanted: Wanted?
    public let wantedAssign: Int64
    public let sparesAgent: Bool
    /// Beyond every number that CIC has carried out.
    public let revision: Int64

    public init(
        key: EpisodeKey, before: CaseState?, episode: Episode, wanted: Wanted?, wantedAssign: Int64, sparesAgent: Bool,
        revision: Int64
    ) {
        self.key = key
        self.before = before
        self.episode = episode
        self.wanted = wanted
        self.wantedAssign = wantedAssign
        self.sparesAgent = sparesAgent
        self.revision = revision
    }
}

/// What is to be done about the interactions of one case after rows may have been lost.
///
/// The database is as it was some time ago, and CIC is ahead of it: there may be an interaction of an episode that the
/// database knows without one, of a later attempt or a later episode than it knows, or of a case it has never heard of.
/// Pure. It never gives a case a second routable interaction, and never lets one in holding win over a routable one.
struct CaseRebuild: Equatable, Sendable {
    /// The interaction that is the case's from now on, if any shown one is.
    private(set) var bound: InteractionID?
    /// Nil: the database has it right.
    private(set) var write: RebuiltEpisode?
    /// Waiting on a workgroup beside the case's own interaction: to be disconnected.
    private(set) var surplus: [InteractionID] = []
    /// Nobody's, and not to be touched: a person has to know.
    private(set) var strange: [InteractionID] = []

    /// - Parameters:
    ///   - state: the case as the database has it; nil for one that it has never heard of.
    ///   - claimants: everything that the server's queues show of the case.
    ///   - cic: the server that shows it.
    init(_ key: CaseKey, _ state: CaseState?, claimants: [Claimant], on cic: String, now: Timestamp) {
        let open = state?.episode
        // An episode that has ended in the database has ended: what is left of it is no claim.
        let eligible = claimants.filter { $0.episode > (state?.lastEpisode ?? 0) || $0.episode == open?.number }
        let best = eligible.max { $0.yields(to: $1) }
        let chosen =
            best.flatMap { Self.is($0, open, on: cic) || Self.replaces($0, open) ? $0 : nil }
            ?? claimants.first { Self.is($0, open, on: cic) }
        if let chosen {
            bound = chosen.interaction
            write = Self.write(key, state, chosen, on: cic, now: now)
        }
        // Beside one that is shown to be routable every other one is too many. One with the same attempt is none of ours:
        // somebody has copied it.
        for other in claimants where other.isRoutable && other.interaction != bound {
            let isSecond = chosen.map { $0.isRoutable && $0.attempt != other.attempt } ?? false
            if (isSecond || Self.isPlacedElsewhere(open, cic, since: other)) && !other.isWithAgent {
                surplus.append(other.interaction)
            } else {
                strange.append(other.interaction)
            }
        }
    }

    /// The open episode holds this very interaction.
    private static func `is`(_ claimant: Claimant, _ open: Episode?, on cic: String) -> Bool {
        open?.number == claimant.episode && open?.cic == cic && open?.interaction == claimant.interaction
            && open?.attempt == claimant.attempt
    }

    /// The same episode was placed on another server. A placed one is never begun again, so that was after this one's rows
    /// were lost.
    private static func isPlacedElsewhere(_ open: Episode?, _ cic: String, since other: Claimant) -> Bool {
        open?.number == other.episode && open?.state == .placed && open?.cic != cic && open?.attempt != other.attempt
    }

    /// A later episode proves that the open one has ended. Of the same episode one without an interaction, or with one
    /// that nobody was ever offered, gives way.
    private static func replaces(_ claimant: Claimant, _ open: Episode?) -> Bool {
        guard let open, open.number == claimant.episode else { return true }
        switch open.state {
        case .creating: return true
        case .held: return claimant.isRoutable
        case .placed, .ending: return false
        }
    }

    private static func write(
        _ key: CaseKey, _ state: CaseState?, _ best: Claimant, on cic: String, now: Timestamp
    ) -> RebuiltEpisode? {
        let known = state ?? CaseState()
        let isKnown = Self.is(best, known.episode, on: cic)
        // A number that the row has never given out: what the row says of workgroup and skills is no longer so.
        let isUnknown = best.assignNumber > (known.episode?.assignNumber ?? 0)
        // The revision may have only just reached it: it was another wish's, and CIC would take the next assign for done.
        let isAhead = best.assignNumber > known.revision || (isUnknown && best.assignNumber == known.revision)
        if isKnown && !isAhead && !isUnknown { return nil }
        var episode =
            (isKnown ? known.episode : nil)
            ?? Episode(
                number: best.episode, cic: cic, state: .held, interaction: best.interaction, attempt: best.attempt,
                attemptDeadline: now)
        // *Ending* is final.
        if episode.state != .ending { episode.state = best.isRoutable ? .placed : .held }
        episode.workgroup = best.workgroup
        episode.skills = nil
        episode.assignNumber = best.assignNumber
        episode.isWithAgent = best.isWithAgent
        // An assign that the database has never heard of carried out a later wish than the one it knows; and what is
        // out there although nothing is wanted was wanted later. What has changed since, the sweep tells.
        let place = best.workgroup.map { Wanted(cic: cic, workgroup: $0, skills: "", mapping: 0) }
        let isLater = place != nil && (isAhead || known.wanted == nil && !isKnown)
        var wanted = isLater ? place : known.wanted
        if isLater, let old = known.wanted ?? known.lastWanted, let now = wanted, old.isSamePlace(as: now) {
            wanted = old
        }
        return RebuiltEpisode(
            key: EpisodeKey(key, best.episode), before: state, episode: episode, wanted: wanted,
            wantedAssign: isLater ? best.assignNumber : known.wantedAssign,
            sparesAgent: isLater ? false : known.sparesAgent, revision: max(known.revision, best.assignNumber) + 1)
    }
}
