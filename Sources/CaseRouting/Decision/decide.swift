/// What a change makes of a case: a pure function of what Salesforce says, what we hold, and what people have set.
///
/// The rules are the table of the design, section 7, under the fences of section 5; the searches in `Tests/Models` check
/// them exhaustively in small bounds. In short: states and occurrences are judged by fences of their own; a state that is
/// not the newest changes no state but may still ask for the case to be offered; a comment is judged by the owner in
/// force; a reply withdraws only what was asked before it.
///
/// - Parameter interaction: what is known of the open episode's interaction. Every "nothing to do, an interaction is
///   open" rests on a reading from CIC since `before` was read, because it may just have ended.
public func decide(
    _ change: CaseChange, on before: CaseState, with configuration: RoutingConfiguration,
    interaction: InteractionKnowledge = .notRead
) -> Judgement {
    var deliberation = Deliberation(change, before, configuration)
    guard let org = configuration.orgs[change.org] else {
        deliberation.takeFacts()
        deliberation.rule = .unknownOrg
        return .decision(deliberation.muted)
    }
    let version = deliberation.enterEpoch(change.versionEpoch, version: change.version)
    switch change.kind {
    case .observed: deliberation.observed()
    case .comment, .emailReceived: deliberation.contacted(version, org)
    case .agentReplied: deliberation.replied(version)
    default: deliberation.stateChanged(version)
    }
    // In whole seconds, as Salesforce tells times: a change in the second in which the org was set up is no older.
    if change.kind != .observed && change.occurredAt.seconds < org.routesChangesSince.seconds {
        if deliberation.outcome != .superseded { deliberation.rule = .beforeStart }
        return .decision(deliberation.muted)
    }
    if org.mode == .observe {
        if deliberation.raises { deliberation.rule = .observing }
        return .decision(deliberation.muted)
    }
    if deliberation.needsReading {
        switch interaction {
        case .notRead: return .needsReading
        case .alive: break
        case .unreadable: deliberation.lookLater()
        }
    }
    return .decision(deliberation.decision)
}

/// What is known of the open episode's interaction when a decision is made.
public enum InteractionKnowledge: Sendable {
    case notRead
    /// Read since the case was read, and there.
    case alive
    /// CIC could not be asked. The case becomes due with the same wish: whoever holds its lease looks when CIC is back,
    /// and should the interaction have ended meanwhile, its end does not count for this wish.
    case unreadable
}

extension Deliberation {
    /// Versions of a newer epoch are newer than all before; a straggler of an older one counts as equal to all.
    mutating func enterEpoch(_ epoch: Int32, version: Int64) -> Int64 {
        if epoch > after.fences.epoch {
            after.fences = Fences()
            after.fences.epoch = epoch
        }
        return epoch < after.fences.epoch ? 0 : version
    }

    // MARK: States

    mutating func stateChanged(_ version: Int64) {
        let fences = after.fences
        let arrives =
            (change.kind.bringsCase || (version > fences.state && isElsewhere)) && !change.isClosed
            && mapping(of: change.owner) != nil
        var asks = arrives && version >= fences.arrival && version >= fences.reply
        // A contact that no newer reply has answered was put aside while nobody could be offered the case.
        if arrives && fences.contact >= fences.reply && version < fences.reply && version > fences.arrival {
            asks = true
        }
        if arrives { after.fences.arrival = max(fences.arrival, version) }

        if version > fences.state || before.facts == nil {
            after.fences.state = max(fences.state, version)
            let skillsAsk =
                change.kind == .skillsChanged && version >= fences.reply && version >= fences.contact
                && before.wanted == nil
            // It is what somebody is offered the case for, so a reply from before it does not withdraw that.
            if skillsAsk && !change.isClosed && mapping(of: change.owner) != nil {
                after.fences.arrival = max(after.fences.arrival, version)
            }
            let wasContacted = isUnanswered(fences, since: isShownByLaterState ? fences.state : version)
            apply(comesBack: comesBack, asks: asks || skillsAsk, wasContacted: wasContacted)
            // Whoever wrote may have written to an owner of whom nothing has told yet, and nobody is offered that now.
            if wasContacted && after.wanted == nil && setsContactOnUserOwned { needsVerification = true }
            return
        }
        if version == fences.state, before.facts?.isSameState(as: CaseFacts(change)) == false {
            needsVerification = true
            rule = .equalVersion
        } else {
            rule = .olderState
        }
        outcome = .superseded
        if arrives { learnPlace(version, fences) }
        if asks, let facts = before.facts, !facts.isClosed, let mapping = mapping(of: facts.owner) {
            outcome = .ignored
            offer(on: mapping, arrives: true, asks: true, comesBack: olderComesBack)
        }
    }

    /// Where the case was before a user had it. That may be told after the user, and after what somebody wrote to him: most
    /// of all where rows were lost, and with them where it had been offered.
    private mutating func learnPlace(_ version: Int64, _ fences: Fences) {
        let isNew = before.lastWanted == nil
        guard isNew || version > fences.arrival, before.wanted == nil, let place = mapping(of: change.owner) else {
            return
        }
        after.lastWanted = place.wanted(caseSkills: change.skills)
        // Where a place was known, what was written has been offered there.
        guard isNew, configuration.orgs[change.org]?.contactOnUserOwned == .lastWorkgroup, let facts = before.facts,
            !facts.isClosed, facts.owner.isUser, isUnanswered(fences, since: fences.state)
        else { return }
        outcome = .ignored
        contacted(userOwned: facts.owner, .lastWorkgroup)
    }

    /// Whether the case is not where this change shows it: a newer state that shows it in a monitored queue stands for the
    /// change that brought it there and has no row.
    private var isElsewhere: Bool { before.facts.map { $0.isClosed || $0.owner != change.owner } ?? false }

    /// What the mapping ends when a user takes the case is wanted for what somebody wrote since, or was read off CIC after
    /// rows were lost.
    var mayWaitWithUser: Bool {
        settings?.onUserOwner != .end || (setsContactOnUserOwned && before.fences.contact > 0)
    }

    var setsContactOnUserOwned: Bool {
        configuration.orgs[change.org].map { $0.contactOnUserOwned != .unchanged } ?? false
    }

    /// Whether a change of skills is the first to show that the case is another owner's, or open again: since when is not known.
    private var isShownByLaterState: Bool { change.kind == .skillsChanged && isElsewhere }

    /// Whether somebody wrote at this version or later, and has no reply yet. Equal versions say nothing about order: a second
    /// offer is better than none.
    func isUnanswered(_ fences: Fences, since version: Int64) -> Bool {
        fences.contact > 0 && fences.contact >= version && fences.contact >= fences.reply
    }

    /// Whether the case was away, so that an agent who has it is to lose it: a user owned it, it was closed, or
    /// something between what we hold and this change is missing.
    var comesBack: Bool {
        guard let facts = before.facts else { return false }
        let previous = change.kind == .observed ? facts.owner : change.previousOwner ?? change.owner
        return previous.isUser || facts.owner.isUser || previous != facts.owner || change.kind == .reopened
            || facts.isClosed
    }

    private var olderComesBack: Bool {
        let previous = change.previousOwner ?? change.owner
        return previous.isUser || previous != change.owner || change.kind == .reopened
    }

    /// Takes over a newer state of the case.
    ///
    /// - Parameter wasContacted: somebody wrote after that, or perhaps after that, was merged before it, and has no reply yet.
    mutating func apply(comesBack: Bool, asks: Bool, wasContacted: Bool = false) {
        takeFacts()
        if change.isClosed {
            rule = .closed
            withdraw()
        } else if let mapping = mapping(of: change.owner) {
            offer(on: mapping, arrives: true, asks: asks, comesBack: comesBack)
        } else if change.owner.isUser {
            rule = .ownedByUser
            // Somebody wrote, and the owner is offered it: that stays while he owns the case, whatever changes about it.
            if let own = ownQueueInForce(of: change.owner) {
                if isCorrected(own) {
                    offer(on: own, arrives: true, asks: false, comesBack: false)
                    if rule == .arrived { rule = .contactedOwner }
                }
                return
            }
            let setting = configuration.orgs[change.org]?.contactOnUserOwned ?? .unchanged
            // So does a wish on a workgroup, which somebody's message may have found and now waits for.
            let isSameOwner = before.facts?.owner == change.owner && before.wanted != nil
            if setting != .unchanged && isSameOwner && mayWaitWithUser { return }
            // What the mapping would end goes to where the owner is offered it instead.
            let moves = hasLiveEpisode && settings?.onUserOwner == .end
            if wasContacted && setting != .unchanged && contacted(userOwned: change.owner, setting, moves: moves) {
                return
            }
            if !hasLiveEpisode {
                withdraw()
            } else if settings?.onUserOwner == .end {
                rule = .ownedByUserEnded
                withdraw()
            }
        } else {
            rule = .unmonitoredQueue
            if settings?.onUnmonitoredQueue != .keep {
                withdraw(sparingAgent: true)
                if raises { rule = .unmonitoredQueueEnded }
            }
        }
    }

    // MARK: Occurrences

    mutating func contacted(_ version: Int64, _ org: OrgSettings) {
        let fences = after.fences
        after.fences.contact = max(fences.contact, version)
        learn(at: version)
        guard version >= fences.contact && version >= fences.arrival && version >= fences.reply else {
            outcome = .superseded
            rule = .answered
            return
        }
        if setsContactOnUserOwned && version >= fences.state && tellsOfUser { needsVerification = true }
        guard let facts = after.facts, !facts.isClosed else {
            rule = .caseClosed
            return
        }
        if let mapping = mapping(of: facts.owner) {
            offer(on: mapping, arrives: false, asks: true, comesBack: false)
        } else if facts.owner.isUser {
            contacted(userOwned: facts.owner, org.contactOnUserOwned)
        } else {
            rule = .unmonitoredQueue
        }
    }

    /// Whether a user has the case by what this comment says, and nobody could be offered it as we hold it: what told of the
    /// user is missing, or still to come.
    private var tellsOfUser: Bool {
        guard let facts = before.facts, change.owner.isUser, !change.isClosed else { return false }
        return facts.isClosed
            || (facts.owner != change.owner && configuration.mapping(org: change.org, owner: facts.owner) == nil)
    }

    /// Somebody wrote about a case that a user owns: what follows is set per org. Returns whether there is a place to offer
    /// it.
    ///
    /// - Parameter moves: an open interaction goes there too.
    @discardableResult
    private mutating func contacted(
        userOwned owner: RecordID, _ setting: OrgSettings.ContactOnUserOwned, moves: Bool = false
    ) -> Bool {
        let target: Mapping? =
            switch setting {
            case .unchanged: nil
            // Where the case was last may be an earlier owner's own queue.
            case .lastWorkgroup:
                after.lastWanted.flatMap { configuration.mapping(id: $0.mapping) }.flatMap {
                    $0.queue.isQueue ? $0 : nil
                }
            case .ownQueue: configuration.ownQueue(org: change.org, of: owner)
            }
        guard let target else {
            rule = setting == .ownQueue ? .noOwnQueue : .ownedByUser
            return false
        }
        mapping = target
        offer(on: target, arrives: moves, asks: true, comesBack: false)
        if setting == .ownQueue && rule == .contacted { rule = .contactedOwner }
        return true
    }

    /// A case that we have never heard of is judged by what the row says of it. That is how the case was then, so a state
    /// from before changes nothing any more: it would move the case to where it had been.
    private mutating func learn(at version: Int64) {
        guard before.facts == nil else { return }
        takeFacts()
        after.fences.state = max(after.fences.state, version)
    }

    mutating func replied(_ version: Int64) {
        let fences = after.fences
        after.fences.reply = max(fences.reply, version)
        learn(at: version)
        let observedLater = before.observedAt.map { change.occurredAt <= $0 } ?? false
        guard version > fences.arrival && version > fences.contact && !observedLater else {
            outcome = .superseded
            rule = .replyTooLate
            return
        }
        guard settings?.onReply != .keep else {
            rule = .replyKeeps
            return
        }
        rule = .replied
        withdraw()
    }
}

extension ChangeKind {
    /// Whether it can bring a case to a monitored queue.
    fileprivate var bringsCase: Bool {
        switch self {
        case .created, .queueChanged, .ownerChanged, .reopened: true
        default: false
        }
    }
}
