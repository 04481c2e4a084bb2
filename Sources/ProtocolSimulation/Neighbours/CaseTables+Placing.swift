import CaseRouting

/// Creating an interaction, giving it to its workgroup, and what the case has then.
extension CaseTables {
    // MARK: Creating

    public mutating func beginCreate(_ claim: Claim, attempt: AttemptID, opensEpisode: Bool) -> Claim? {
        guard isCurrent(claim) else { return nil }
        let key = claim.caseKey
        if opensEpisode {
            guard openEpisode(key) == nil, let wanted = cases[key]?.state.wanted else { return nil }
            open(key, on: wanted.cic, attempt)
        } else {
            guard let row = openEpisode(key), row.episode.number == claim.state.episode?.number,
                row.episode.state == .creating, row.episode.interaction == nil
            else { return nil }
            let place = EpisodeKey(key, row.episode.number)
            attempts.insert(attempt)
            episodes[place]?.episode.attempt = attempt
            episodes[place]?.episode.attemptDeadline = now + .seconds(10)
            episodes[place]?.cicEpoch = servers[row.episode.cic]?.epoch ?? 1
        }
        cases[key]?.leaseUntil = now + Claim.lease
        cases[key]?.nextAt = now + Claim.lease
        return self.claim(key, claim.epoch)
    }

    public mutating func win(_ claim: Claim, _ interaction: InteractionID, _ attempt: AttemptID) -> Claim? {
        let place = claim.episodeKey
        guard let row = episodes[place], row.isOpen else { return nil }
        let isOfThisEpoch = row.cicEpoch == servers[row.episode.cic]?.epoch ?? 1
        let mayWin =
            row.episode.state == .creating && row.episode.interaction == nil
            && (row.episode.attemptDeadline < now || isOfThisEpoch)
        let hasWon =
            row.episode.state == .held && row.episode.interaction == interaction && row.episode.attempt == attempt
        guard mayWin || hasWon, hasWon || !isTaken(interaction, on: row.episode.cic) else { return nil }
        episodes[place]?.episode.interaction = interaction
        episodes[place]?.episode.attempt = attempt
        episodes[place]?.episode.state = .held
        episodes[place]?.cicEpoch = servers[row.episode.cic]?.epoch ?? 1
        guard holds(claim) else { return nil }
        if cases[claim.caseKey]?.state.wanted?.cic == row.episode.cic {
            episodes[place]?.episode.assignNumber = cases[claim.caseKey]?.state.revision ?? 0
        }
        return self.claim(claim.caseKey, claim.epoch)
    }

    func isTaken(_ interaction: InteractionID, on cic: String) -> Bool {
        episodes.values.contains { $0.isOpen && $0.episode.cic == cic && $0.episode.interaction == interaction }
    }

    // MARK: Assigning and finishing

    /// The claim's episode as it is, if it is open and holds the claim's interaction.
    func bound(_ claim: Claim, _ states: [Episode.State]) -> EpisodeKey? {
        guard let row = openEpisode(claim.caseKey), let known = claim.state.episode,
            row.episode.number == known.number, states.contains(row.episode.state),
            row.episode.interaction == known.interaction, row.episode.attempt == known.attempt
        else { return nil }
        return EpisodeKey(claim.caseKey, known.number)
    }

    public mutating func beginAssign(_ claim: Claim) -> Bool {
        guard isCurrent(claim), let place = bound(claim, [.held, .placed]),
            episodes[place]?.episode.cic == cases[claim.caseKey]?.state.wanted?.cic
        else { return false }
        episodes[place]?.episode.assignNumber = claim.state.revision
        episodes[place]?.episode.workgroup = nil
        episodes[place]?.episode.skills = nil
        return true
    }

    public mutating func recordPlaced(_ claim: Claim, workgroup: String, skills: String) -> Bool {
        guard isCurrent(claim), let place = bound(claim, [.held, .placed]), let row = episodes[place] else {
            return false
        }
        episodes[place]?.episode.state = .placed
        episodes[place]?.placedAt = row.placedAt ?? now
        episodes[place]?.episode.workgroup = workgroup
        episodes[place]?.episode.skills = skills
        episodes[place]?.episode.assignNumber = max(row.episode.assignNumber, claim.state.revision)
        applied(claim.caseKey)
        return true
    }

    public mutating func finish(_ claim: Claim) -> Bool {
        guard isCurrent(claim), let state = cases[claim.caseKey]?.state else { return false }
        if let row = openEpisode(claim.caseKey), row.episode.cic == state.wanted?.cic,
            row.episode.state == .held || row.episode.state == .placed
        {
            episodes[EpisodeKey(claim.caseKey, row.episode.number)]?.episode.assignNumber =
                max(row.episode.assignNumber, state.revision)
        }
        applied(claim.caseKey)
        return true
    }

    mutating func applied(_ key: CaseKey) {
        guard let revision = cases[key]?.state.revision else { return }
        cases[key]?.state.appliedRevision = revision
        cases[key]?.state.attempts = 0
        cases[key]?.leaseUntil = nil
        cases[key]?.claimsWithoutOutcome = 0
        cases[key]?.failure = nil
        for (request, row) in requests where row.change.caseKey == key && row.isSeen && row.outcome == nil {
            requests[request]?.outcome = .routed
        }
    }
}
