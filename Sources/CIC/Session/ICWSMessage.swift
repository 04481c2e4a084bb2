import CaseRouting

/// What a session's message channel tells us; `icws.md` 3.4.
enum ICWSMessage: Sendable, Equatable {
    case queue(QueueMessage)
    /// State 1 is normal; 2 suspended and 3 faulted mean that what was told is no longer kept up.
    case queueState(subscription: String, state: Int, reason: String)
    case notification(object: String, event: String, data: [String])
    /// The session is down.
    case down(reason: String)
    case other
}

struct QueueMessage: Sendable, Equatable {
    let subscription: String
    /// Whether it says what changed; else it is everything.
    let isDelta: Bool
    /// Without the interactions that say that they belong to nobody or to somebody else.
    let added: [QueueRow]
    let changed: [QueueRow]
    let removed: [InteractionID]
}

/// One interaction in a queue message: what was told about it, nil where nothing was.
struct QueueRow: Sendable, Equatable {
    let interaction: InteractionID
    /// Whether it carries our installation's id.
    var isOurs: Bool?
    var org: String?
    var caseID: String?
    var episode: Int32?
    var attempt: AttemptID?
    var assign: Int64?
    var state: String?
    var hasUser: Bool?
    /// Whose own queue it was placed in; asked for of such queues only.
    var userQueue: String?

    /// Adds what a later message told.
    mutating func merge(_ later: QueueRow) {
        if let value = later.isOurs { isOurs = value }
        if let value = later.org { org = value }
        if let value = later.caseID { caseID = value }
        if let value = later.episode { episode = value }
        if let value = later.attempt { attempt = value }
        if let value = later.assign { assign = value }
        if let value = later.state { state = value }
        if let value = later.hasUser { hasUser = value }
        if let value = later.userQueue { userQueue = value }
    }

    var phase: InteractionPhase { InteractionPhase(state: state ?? "", hasUser: hasUser ?? false) }

    /// The interaction as the core knows it.
    ///
    /// - Parameters:
    ///   - orgs: names of the orgs by organisation id.
    ///   - user: whose own queue shows it; nil for a workgroup's. What the user has taken from a workgroup is on his queue
    ///     too, and is that workgroup's; what was placed there rings for as long as it waits.
    /// - Returns: nil when it is not one of ours, or when what it says about itself is not whole.
    func seen(orgs: [String: String], inOwnQueueOf user: String? = nil) -> SeenInteraction? {
        guard user == nil || userQueue == user else { return nil }
        guard isOurs == true, let attempt, let episode, let org, let name = orgs[org], let caseID,
            let id = try? RecordID(caseID)  // No id: then it is none of ours, whatever it says.
        else { return nil }
        let state: SeenInteraction.State =
            switch phase {
            case .waiting: .waiting
            case .alerting: user == nil ? .alerting : .waiting
            case .withAgent: .withAgent
            case .ended: .ended
            }
        return SeenInteraction(
            interaction: interaction, episode: EpisodeKey(CaseKey(org: name, caseID: id), episode), attempt: attempt,
            assignNumber: assign ?? 0, state: state)
    }
}
