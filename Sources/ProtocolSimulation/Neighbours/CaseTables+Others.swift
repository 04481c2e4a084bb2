import CaseRouting

/// Leases, requests that are looked at again, and what the watch writes.
extension CaseTables {
    mutating func take(_ kind: Lease.Kind, _ name: String, owner: String) -> Lease? {
        let key = "\(kind.rawValue)/\(name)"
        let known = leases[key]
        guard known == nil || known?.owner == owner || known.map({ $0.until <= now }) == true else { return nil }
        let term = (known?.term ?? 0) + (known?.owner == owner ? 0 : 1)
        leases[key] = LeaseRow(owner: owner, term: term, until: now + Lease.duration)
        return Lease(kind: kind, name: name, term: term)
    }

    mutating func give(back lease: Lease, owner: String) {
        let key = "\(lease.kind.rawValue)/\(lease.name)"
        if leases[key]?.owner == owner && leases[key]?.term == lease.term { leases[key]?.until = now }
    }

    mutating func place(_ hold: Hold) {
        let key = HoldKey(kind: hold.kind, name: hold.name, reason: hold.reason)
        if holds[key] == nil { holds[key] = hold }
    }

    /// Ingest's part: the request is known before anybody has merged it.
    public mutating func record(_ change: CaseChange) {
        let key = RequestKey(change)
        if requests[key] == nil {
            requests[key] = RequestRow(change: change)
            requests[key]?.receivedAt = now
        } else if requests[key]?.change.row == nil {
            // A routing worker was first; the message does not name the row.
            requests[key]?.change.row = change.row
        }
    }

    mutating func raiseTaken(_ key: RequestKey) -> Int {
        guard let row = requests[key] else { return 1 }
        requests[key]?.taken = row.isSeen ? 0 : row.taken + 1
        return row.isSeen ? 0 : row.taken + 1
    }

    mutating func failPoisonous(_ key: RequestKey, _ failure: RoutingFailure) {
        guard let request = requests[key], !request.isSeen else { return }
        var row = cases[request.change.caseKey] ?? CaseRow(nextAt: now)
        guard row.state.attempts < RetryPolicy.attemptLimit else { return }
        row.state.attempts = RetryPolicy.attemptLimit
        row.state.failureNumber += 1
        row.failure = failure
        cases[request.change.caseKey] = row
    }

    mutating func takeUnseen(limit: Int) -> [TakenRequest] {
        let now = now
        let unseen = requests.lazy.filter { _, row in
            !row.isSeen && row.receivedAt.map { $0 < now - .seconds(600) } == true
                && row.takenAt.map { $0 < now - .seconds(600) } ?? true
        }
        return unseen.sorted { $0.key.eventKey < $1.key.eventKey }.prefix(limit).map { key, row in
            requests[key]?.taken += 1
            requests[key]?.takenAt = now
            return TakenRequest(key: key, taken: row.taken + 1, body: RequestMessage.encode(row.change))
        }
    }

    // MARK: The watch

    mutating func rebind(
        _ place: EpisodeKey, _ attempt: AttemptID, from: InteractionID, to: InteractionID
    ) -> Bool {
        guard let row = episodes[place], row.isOpen, row.episode.interaction == from, row.episode.attempt == attempt,
            from == to || !isTaken(to, on: row.episode.cic)
        else { return false }
        episodes[place]?.episode.interaction = to
        episodes[place]?.cicEpoch = servers[row.episode.cic]?.epoch ?? 1
        return true
    }

    mutating func deliveredAfterAll(_ place: EpisodeKey) -> Bool {
        guard let row = episodes[place], !row.isOpen, row.endReason == .lost else { return false }
        episodes[place]?.endReason = .lostWithAgent
        let key = place.caseKey
        if cases[key]?.state.wanted != nil && openEpisode(key)?.episode.isWithAgent != true {
            cases[key]?.state.wanted = nil
            cases[key]?.state.sparesAgent = false
            cases[key]?.state.revision += 1
            cases[key]?.nextAt = now
            let open = openEpisode(key)
            cases[key]?.actsOn = open?.episode.cic
        }
        return true
    }
}
