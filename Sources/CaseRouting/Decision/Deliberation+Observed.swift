/// What a sweep, or whoever reads a case again, has seen of it.
extension Deliberation {
    /// Applies only at the revision and the state it was compared with, and moves no fence: a state merged since may be newer
    /// than what was read. One that comes too late is made again.
    mutating func observed() {
        let isOfThisState = change.comparedVersion.map { $0 == before.fences.state } ?? true
        guard change.comparedWith == before.revision, isOfThisState else {
            outcome = .superseded
            rule = .observationOutdated
            // Of what it was to settle no sweep may find a difference.
            needsVerification = true
            return
        }
        guard let facts = before.facts else {
            after.observedAt = change.occurredAt
            apply(comesBack: false, asks: true)
            return
        }
        let differs = facts.owner != change.owner || facts.isClosed != change.isClosed
        guard differs || facts.skills != change.skills else {
            rule = .noDifference
            if !isWantedFollowing(facts) {
                // Closed, or nobody's, since the org only observed; or as said there.
                apply(comesBack: false, asks: false, wasContacted: wasContactedUnseen)
            } else if change.isAsked {
                offerWaiting(facts)
            }
            return
        }
        if differs { after.observedAt = change.occurredAt }
        apply(comesBack: comesBack, asks: true, wasContacted: wasContactedUnseen)
    }

    /// Whether somebody wrote since the newest state that we know: after what is observed now, for all we know.
    private var wasContactedUnseen: Bool {
        isUnanswered(before.fences, since: max(before.fences.state, before.fences.arrival))
    }

    /// Whether what is wanted, if anything is, may stay although these facts ask for something else by now. A mapping that
    /// was changed is for the cases that come, but not for one that has failed: a person has corrected it, and the old wish
    /// would fail again; what an agent has stays where it is. What another mapping says was read off CIC after rows were
    /// lost, and is no decision, whoever has it.
    private mutating func isWantedFollowing(_ facts: CaseFacts) -> Bool {
        guard let wanted = before.wanted else { return true }
        if facts.isClosed { return false }
        guard let wish = mapping(of: facts.owner)?.wanted(caseSkills: facts.skills) else {
            guard facts.owner.isUser, ownQueueInForce(of: facts.owner).map(isCorrected) != true else { return false }
            return mayWaitWithUser
        }
        let isSamePlace = wish.isSamePlace(as: wanted)
        guard isSamePlace || wish.mapping == wanted.mapping else { return false }
        if before.episode?.isWithAgent == true { return true }
        // What was read off CIC after rows were lost has no skills: they cannot be read there.
        if isSamePlace && wanted.skills.isEmpty && !wish.skills.isEmpty { return false }
        if before.attempts < RetryPolicy.attemptLimit { return true }
        return isSamePlace && wish.skills == wanted.skills
    }

    /// The mapping that names the owner's own queue, if that is where the case is wanted.
    func ownQueueInForce(of owner: RecordID) -> Mapping? {
        configuration.ownQueue(org: change.org, of: owner).flatMap { $0.id == before.wanted?.mapping ? $0 : nil }
    }

    /// Whether a person has corrected the mapping of a case that has failed.
    func isCorrected(_ own: Mapping) -> Bool {
        let isSamePlace = before.wanted?.isSamePlace(as: own.wanted(caseSkills: "")) ?? true
        return !isSamePlace && before.attempts >= RetryPolicy.attemptLimit && before.episode?.isWithAgent != true
    }

    /// Nothing has changed, but a person asked for what waits: in a queue that was not monitored when the case came to it,
    /// or in an org that only observed.
    private mutating func offerWaiting(_ facts: CaseFacts) {
        guard before.wanted == nil, !facts.isClosed else { return }
        guard let mapping = mapping(of: facts.owner) else {
            rule = facts.owner.isUser ? .ownedByUser : .unmonitoredQueue
            return
        }
        guard !hasLiveEpisode else {
            rule = .interactionActive
            needsReading = before.episode?.interaction != nil
            return
        }
        let fences = after.fences
        guard fences.reply <= max(fences.state, fences.arrival, fences.contact) else {
            rule = .answered
            return
        }
        offer(on: mapping, arrives: true, asks: true, comesBack: false)
        if raises { rule = .offeredOnRequest }
    }
}
