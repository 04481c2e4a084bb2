import CaseRouting

/// The interactions of a CIC server under the handler contract, in memory: numbers in force, agents, ends.
public struct HandlerModel: Sendable {
    public enum Place: Equatable, Sendable { case holding, waiting, withAgent }

    public struct Live: Sendable {
        public let episode: EpisodeKey
        public let attempt: AttemptID
        public var place = Place.holding
        /// Where it waits or was taken from; nil in holding.
        public var workgroup: String?
        public var skills = ""
        public var assignNumber: Int64 = 0
        /// It waits, and rings at an agent meanwhile.
        public var isAlerting = false
        /// An agent has taken it at least once.
        public fileprivate(set) var wasTaken = false

        var isInOwnQueue: Bool { workgroup.flatMap { UserQueue(place: $0) } != nil }

        public init(episode: EpisodeKey, attempt: AttemptID) {
            self.episode = episode
            self.attempt = attempt
        }
    }

    public var interactions: [InteractionID: Live] = [:]
    /// Where the next id continues; CIC uses ids again.
    public var created = 0
    /// Whether an id is given again as soon as what had it has ended.
    public var reusesIDs = false

    public init() {}

    public mutating func create(_ episode: EpisodeKey, _ attempt: AttemptID) -> InteractionID {
        created += 1
        if reusesIDs {
            created = 1
            while interactions[InteractionID("\(3_000_000 + created)")] != nil { created += 1 }
        }
        let interaction = InteractionID("\(3_000_000 + created)")
        interactions[interaction] = Live(episode: episode, attempt: attempt)
        return interaction
    }

    public mutating func assign(
        _ interaction: InteractionID, _ attempt: AttemptID, number: Int64, workgroup: String, skills: String,
        takesBack: Bool
    ) -> AssignAnswer {
        guard var live = interactions[interaction], live.attempt == attempt else { return .gone }
        guard number > live.assignNumber else { return .stale(inForce: live.assignNumber) }
        live.assignNumber = number
        live.skills = skills
        // Without taking back, one that waits there, or that an agent took from there, stays.
        let stays = !takesBack && live.workgroup == workgroup && live.place != .holding
        if !stays {
            live.place = .waiting
            live.isAlerting = false
            live.workgroup = workgroup
        }
        interactions[interaction] = live
        return .assigned
    }

    public mutating func disconnect(_ interaction: InteractionID, _ attempt: AttemptID) {
        if interactions[interaction]?.attempt == attempt { interactions[interaction] = nil }
    }

    public mutating func pickUp(_ interaction: InteractionID) { interactions[interaction]?.isPickedUp() }

    public mutating func giveBack(_ interaction: InteractionID) { interactions[interaction]?.place = .waiting }

    public mutating func ring(_ interaction: InteractionID, _ rings: Bool) {
        if interactions[interaction]?.place == .waiting { interactions[interaction]?.isAlerting = rings }
    }

    public func read(_ interaction: InteractionID, _ attempt: AttemptID) -> InteractionReading {
        guard let live = interactions[interaction], live.attempt == attempt else { return .gone }
        return .alive(
            isWithAgent: live.place == .withAgent || live.isAlerting, isAlerting: live.isAlerting,
            assignNumber: live.assignNumber, workgroup: live.workgroup)
    }
}

extension HandlerModel.Live {
    fileprivate mutating func isPickedUp() {
        place = .withAgent
        isAlerting = false
        wasTaken = true
    }
}

extension HandlerModel {
    /// What came, went and changed, for people.
    func differences(from before: HandlerModel) -> String {
        let all = Set(interactions.keys).union(before.interactions.keys).sorted { $0.description < $1.description }
        return all.compactMap { id in
            let (old, new) = (before.interactions[id], interactions[id])
            guard let new else { return "\n              interaction \(id) is gone" }
            if let old, old.attempt == new.attempt, old.place == new.place, old.workgroup == new.workgroup,
                old.assignNumber == new.assignNumber, old.skills == new.skills
            {
                return nil
            }
            return "\n              interaction \(id) of case \(new.episode.caseKey.caseID) episode "
                + "\(new.episode.number): \(new.place) \(new.workgroup ?? "")[\(new.skills)]#\(new.assignNumber)"
        }.joined()
    }
}
