import CaseRouting

extension SharedTables {
    /// The database goes on from an earlier moment.
    public func fallBack(to older: CaseTables) {
        tables.now = Sample.start + clock.monotonic
        tables.fallBack(to: older, cic: Sample.cic)
    }
}

/// The loss of rows, and what is rebuilt after it.
extension CaseTables {
    /// A standby takes over that has everything up to `older` and nothing since; what every new connection does then is
    /// done.
    public mutating func fallBack(to older: CaseTables, cic: String) {
        let now = now
        self = older
        self.now = now
        leastEpoch += 1 << 32
        lostRows[cic] = (now, now + .seconds(100))
        place(Hold(kind: .cic, name: cic, reason: .lostRows, detail: "Another timeline."))
    }

    mutating func rebuild(_ rebuilt: RebuiltEpisode) -> Bool {
        let key = rebuilt.key.caseKey
        guard (cases[key] == nil) == (rebuilt.before == nil) else { return false }
        let held = state(key)
        if let before = rebuilt.before {
            guard held.revision == before.revision, held.lastEpisode == before.lastEpisode,
                held.episode?.number == before.episode?.number, held.episode?.state == before.episode?.state,
                held.episode?.interaction == before.episode?.interaction,
                held.episode?.attempt == before.episode?.attempt
            else { return false }
        }
        let others = episodes.filter { $0.value.isOpen && $0.key.caseKey != key }
        if let interaction = rebuilt.episode.interaction,
            others.values.contains(where: {
                $0.episode.cic == rebuilt.episode.cic && $0.episode.interaction == interaction
            })
        {
            return false
        }
        for (place, row) in episodes where place.caseKey == key && row.isOpen && place.number < rebuilt.key.number {
            episodes[place]?.isOpen = false
        }
        episodes[rebuilt.key] = EpisodeRow(
            episode: rebuilt.episode, cicEpoch: servers[rebuilt.episode.cic]?.epoch ?? 1)
        var row = cases[key] ?? CaseRow(nextAt: now)
        row.state.revision = rebuilt.revision
        row.state.lastEpisode = rebuilt.key.number
        row.state.wanted = rebuilt.wanted
        row.state.wantedAssign = rebuilt.wantedAssign
        row.state.sparesAgent = rebuilt.sparesAgent
        row.state.lastWanted = rebuilt.wanted ?? row.state.lastWanted
        row.actsOn = rebuilt.episode.cic
        row.epoch = max(row.epoch, leastEpoch) + 1
        row.leaseUntil = nil
        row.claimsWithoutOutcome = 0
        row.nextAt = now
        cases[key] = row
        return true
    }
}
