import CaseRouting

/// How episodes end, and how a case is given back without having been brought to what is wanted.
extension CaseTables {
    // MARK: Ending

    public mutating func beginEnding(_ claim: Claim) -> Bool {
        guard isCurrent(claim), let place = bound(claim, [.held, .placed, .ending]) else { return false }
        episodes[place]?.episode.state = .ending
        return true
    }

    public mutating func end(_ end: EpisodeEnd) -> Bool {
        let key = end.episode.caseKey
        guard let row = episodes[end.episode], row.isOpen, row.episode.interaction == end.interaction,
            row.episode.attempt == end.attempt, let state = cases[key]?.state
        else { return false }
        episodes[end.episode]?.isOpen = false
        episodes[end.episode]?.endedAt = now
        episodes[end.episode]?.endReason =
            row.episode.state == .ending && end.reason == .ended ? .disconnected : end.reason
        let isPlaced = row.episode.state == .held || row.episode.state == .placed
        var isServed = false
        if let wanted = state.wanted, end.reason == .ended || end.reason == .lostWithAgent, isPlaced {
            isServed =
                row.episode.assignNumber == state.revision && row.episode.cic == wanted.cic
                && (row.episode.workgroup == wanted.workgroup || end.assignNumber == state.revision)
        }
        cases[key]?.state.revision += 1
        guard isServed || state.wanted == nil else {
            cases[key]?.actsOn = state.wanted?.cic
            let nextAt = cases[key]?.nextAt ?? now
            cases[key]?.nextAt = min(nextAt, now)
            cases[key]?.claimsWithoutOutcome = 0
            return true
        }
        let lease = cases[key]?.leaseUntil
        cases[key]?.state.wanted = nil
        cases[key]?.state.sparesAgent = false
        cases[key]?.actsOn = nil
        applied(key)
        // Whoever holds the case keeps its lease, and finds that nothing is left to do.
        cases[key]?.leaseUntil = lease
        return true
    }

    public mutating func endUnborn(_ claim: Claim) -> Bool {
        let key = claim.caseKey
        guard isCurrent(claim), let row = openEpisode(key), row.episode.number == claim.state.episode?.number,
            row.episode.state == .creating, row.episode.interaction == nil,
            cases[key]?.state.wanted?.cic != row.episode.cic
        else { return false }
        episodes[EpisodeKey(key, row.episode.number)]?.isOpen = false
        let wanted = cases[key]?.state.wanted
        cases[key]?.actsOn = wanted?.cic
        if wanted == nil { applied(key) }
        return true
    }

    // MARK: Giving back

    public mutating func park(
        _ claim: Claim, _ failure: RoutingFailure, delay: Duration, create: FailedCreate? = nil
    ) -> Bool {
        guard holds(claim), var row = cases[claim.caseKey] else { return false }
        if let create, let open = openEpisode(claim.caseKey)?.episode, open.number == claim.state.episode?.number,
            open.state == .creating, open.interaction == nil, open.attempt == claim.state.episode?.attempt
        {
            episodes[EpisodeKey(claim.caseKey, open.number)]?.episode.attemptDeadline =
                create == .neverSent ? Episode.neverSent : now - settlingTime
        }
        let counts = row.state.revision == claim.state.revision
        row.leaseUntil = nil
        row.claimsWithoutOutcome = 0
        row.nextAt = now
        if counts {
            switch failure.kind {
            case .permanent, .configuration: row.state.attempts = RetryPolicy.attemptLimit
            case .transient, .unknown: row.state.attempts = min(RetryPolicy.attemptLimit, row.state.attempts + 1)
            case .held, .own: break
            }
            if failure.kind != .held && failure.kind != .own { row.failure = failure }
            if row.state.attempts >= RetryPolicy.attemptLimit {
                row.state.failureNumber += 1
            } else if failure.kind != .unknown || failure.stage != .create
                || openEpisode(claim.caseKey)?.episode.interaction == nil
            {
                row.nextAt = now + delay
            }
        }
        cases[claim.caseKey] = row
        return counts
    }

    public mutating func release(_ claim: Claim, delay: Duration) {
        guard holds(claim), let row = cases[claim.caseKey] else { return }
        cases[claim.caseKey]?.leaseUntil = nil
        cases[claim.caseKey]?.claimsWithoutOutcome = 0
        cases[claim.caseKey]?.nextAt = row.state.revision == claim.state.revision ? now + delay : now
    }

    public mutating func retry(_ handle: RetryHandle) -> Bool {
        guard let row = cases[handle.caseKey], row.state.attempts >= RetryPolicy.attemptLimit,
            row.state.failureNumber == handle.failureNumber
        else { return false }
        cases[handle.caseKey]?.state.attempts = 0
        cases[handle.caseKey]?.claimsWithoutOutcome = 0
        cases[handle.caseKey]?.nextAt = now
        for (key, request) in requests where request.change.caseKey == handle.caseKey && !request.isSeen {
            requests[key]?.taken = 0
            requests[key]?.takenAt = nil
        }
        return true
    }

    // MARK: The watch

    public mutating func adopt(_ place: EpisodeKey, _ interaction: InteractionID, _ attempt: AttemptID) -> Bool {
        guard let row = episodes[place], row.isOpen, row.episode.state == .creating, row.episode.interaction == nil,
            !isTaken(interaction, on: row.episode.cic)
        else { return false }
        episodes[place]?.episode.interaction = interaction
        episodes[place]?.episode.attempt = attempt
        episodes[place]?.episode.state = .held
        episodes[place]?.episode.assignNumber = 0
        episodes[place]?.episode.workgroup = nil
        episodes[place]?.episode.skills = nil
        cases[place.caseKey]?.nextAt = now
        return true
    }

    @discardableResult
    public mutating func note(
        _ place: EpisodeKey, _ interaction: InteractionID, _ attempt: AttemptID, isWithAgent: Bool
    ) -> Bool {
        guard let row = episodes[place], row.isOpen, row.episode.interaction == interaction,
            row.episode.attempt == attempt
        else { return false }
        episodes[place]?.episode.isWithAgent = isWithAgent
        if !isWithAgent, let state = cases[place.caseKey]?.state, state.wanted == nil, state.sparesAgent {
            cases[place.caseKey]?.state.revision += 1
            cases[place.caseKey]?.actsOn = row.episode.cic
            cases[place.caseKey]?.nextAt = now
        }
        return true
    }
}
