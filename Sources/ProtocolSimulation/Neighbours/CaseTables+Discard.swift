import CaseRouting

/// What people do who give a failed case up.
extension CaseTables {
    /// As `discard_case`: its open requests are discarded, and an interaction that is open for it ends as soon as no agent
    /// has it. A request that nobody has merged is news and stays, unless it is what killed workers.
    mutating func discard(_ key: CaseKey) -> Bool {
        guard var row = cases[key], row.state.attempts >= RetryPolicy.attemptLimit else { return false }
        let open = openEpisode(key)
        for (request, one) in requests
        where one.change.caseKey == key && one.outcome == nil && (one.isSeen || one.taken >= 3) {
            requests[request]?.outcome = .discarded
            requests[request]?.isSeen = true
            requests[request]?.taken = 0
        }
        row.state.revision += 1
        if open == nil { row.state.appliedRevision = row.state.revision }
        row.state.wanted = nil
        row.state.sparesAgent = open != nil
        row.state.attempts = 0
        row.actsOn = open?.episode.cic
        row.claimsWithoutOutcome = 0
        row.failure = nil
        row.nextAt = now
        cases[key] = row
        return true
    }
}
