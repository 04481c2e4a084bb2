import CaseRouting

extension SharedTables {
    /// The database goes on from an earlier moment.
    public func fallBack(to older: CaseTables) {
        timelines += 1
        tables.now = Sample.start + clock.monotonic
        tables.fallBack(to: older, servers: [Sample.cic])
    }

    /// The same for ingest's part, with the gap and the hold of the org that every new connection opens.
    func fallBack(to older: CaseTables, _ olderIngest: IngestTables, servers: [String], org: String) {
        timelines += 1
        tables.now = Sample.start + clock.monotonic
        tables.fallBack(to: older, servers: servers)
        tables.place(Hold(kind: .org, name: org, reason: .lostRows, detail: "Another timeline."))
        ingest = olderIngest
        ingest.openGaps.append((IngestTables.databaseGap, tables.now - .seconds(72 * 3_600), tables.now))
    }
}

/// The loss of rows, and what is rebuilt after it.
extension CaseTables {
    /// A standby takes over that has everything up to `older` and nothing since; what every new connection does then is
    /// done.
    public mutating func fallBack(to older: CaseTables, servers: [String]) {
        let (now, committed) = (now, attempts)
        self = older
        self.now = now
        // They were committed, whatever became of that.
        attempts.formUnion(committed)
        leastEpoch += 1 << 32
        for cic in servers {
            lostRows[cic] = (now, now + .seconds(100))
            place(Hold(kind: .cic, name: cic, reason: .lostRows, detail: "Another timeline."))
        }
        for (name, lease) in leases where name.hasPrefix("\(Lease.Kind.org.rawValue)/") {
            leases[name] = LeaseRow(owner: lease.owner, term: lease.term + 1, until: now)
        }
    }

    /// The hold of an org ends when a sweep has closed its gap and what it found is merged.
    mutating func liftSweptOrgs(_ ingest: IngestTables) -> [String] {
        let isOpen = ingest.openGaps.contains { $0.reason == IngestTables.databaseGap }
        let held = holds.keys.filter { $0.kind == .org && $0.reason == .lostRows }
        guard !isOpen, !held.isEmpty, !requests.values.contains(where: { !$0.isSeen }) else { return [] }
        for hold in held { holds[hold] = nil }
        return held.map(\.name)
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
        let placedAt = episodes[rebuilt.key]?.placedAt ?? (rebuilt.episode.state == .placed ? now : nil)
        episodes[rebuilt.key] = EpisodeRow(
            episode: rebuilt.episode, cicEpoch: servers[rebuilt.episode.cic]?.epoch ?? 1)
        episodes[rebuilt.key]?.placedAt = placedAt
        var row = cases[key] ?? CaseRow(nextAt: now)
        row.state.revision = rebuilt.revision
        row.state.lastEpisode = rebuilt.key.number
        let wanted = rebuilt.wanted.map(naming)
        row.state.wanted = wanted
        row.state.wantedAssign = rebuilt.wantedAssign
        row.state.sparesAgent = rebuilt.sparesAgent
        row.state.lastWanted = wanted ?? row.state.lastWanted
        row.actsOn = rebuilt.episode.cic
        row.epoch = max(row.epoch, leastEpoch) + 1
        row.leaseUntil = nil
        row.claimsWithoutOutcome = 0
        row.nextAt = now
        // What is wanted now was read off CIC, and what is held of the case may be newer than that.
        row.isToVerify = true
        row.verifyAt = now
        cases[key] = row
        return true
    }

    /// What was read off CIC names no mapping: it is the first of that place.
    private func naming(_ wanted: Wanted) -> Wanted {
        guard wanted.mapping == 0 else { return wanted }
        var named = wanted
        named.mapping =
            mappings.filter { $0.cic == wanted.cic && $0.workgroup == wanted.workgroup }.map(\.id).min() ?? 0
        return named
    }
}
