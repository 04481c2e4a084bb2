import CaseRouting

extension ProtocolHistory {
    /// What somebody still has to do; nil: everything is at rest.
    var unrest: String? {
        let tables = shared.tables
        let now = Sample.start + simulation.clock.monotonic
        if broker.count > 0 { return "\(broker.count) messages in caserouter.requests" }
        let dead = failed.dead.count { !poison.contains($0) }
        if dead > 0 { return "\(dead) messages in caserouter.dead" }
        if recoveries > 0 { return "a switchover is under way" }
        if !restarting.isEmpty { return "a restart is under way" }
        if let hold = tables.holds.values.first { return "\(hold.kind) \(hold.name) is on hold: \(hold.reason)" }
        if !shared.ingest.openGaps.isEmpty { return "a gap is open" }
        for story in stories {
            guard let row = tables.cases[story.key] else { continue }
            if row.state.attempts >= RetryPolicy.attemptLimit { return "case \(story.key.caseID) is failed" }
            if row.leaseUntil.map({ $0 > now }) == true { return "case \(story.key.caseID) is in hand" }
            if row.state.isDue && !waitsForAgent(story) { return "case \(story.key.caseID) is due" }
        }
        for server in servers {
            if let held = server.model.interactions.values.first(where: { $0.place == .holding }) {
                return "an interaction of case \(held.episode.caseKey.caseID) is in holding"
            }
        }
        for row in org.rows.values.sorted(by: { $0.change.key < $1.change.key }) where row.isNew {
            // Not before its request has an outcome, and the agent decides when that is.
            if stories.contains(where: { $0.key == row.change.caseKey && waitsForAgent($0) }) { continue }
            return "the row of \(row.change.key) is New"
        }
        return nil
    }

    /// What is not as it was promised at rest.
    var judgement: String? {
        let tables = shared.tables
        for story in stories {
            let routable = routable(of: story)
            // What was recovered too late is the case's delivery, or waits for it; beside another one it must not wait.
            let late = offered(of: story).filter { isTooLate($0.server, $0.id, $0.live) }
            if !routable.isEmpty && late.contains(where: { $0.live.place == .waiting }) {
                return "case \(story.key.caseID): what was recovered late waits beside another"
            }
            if routable.isEmpty && !late.isEmpty { continue }
            let episode = tables.openEpisode(story.key)?.episode
            if let (server, id, live) = routable.first {
                if episode?.cic != server || episode?.interaction != id || episode?.attempt != live.attempt {
                    return "case \(story.key.caseID): interaction \(id) is held by no episode"
                }
            } else if let episode {
                return "case \(story.key.caseID): episode \(episode.number) is open and has no interaction"
            }
            if let problem = story.problem(
                tables, routable.first?.live, waitsForAgent: waitsForAgent(story), forgotten: forgotten)
            {
                return "case \(story.key.caseID): \(problem)"
            }
        }
        return nil
    }

    /// What became of messages that nobody can read: they lie aside, with the reason in the database.
    var poisonProblem: String? {
        if poison.contains(where: { !failed.holds($0) }) { return "a poisonous message is gone" }
        let hasLostRows = faults[HistoryBounds.Kind.lostRows.rawValue] != nil
        return !poison.isEmpty && shared.tables.undecodable.isEmpty && !hasLostRows
            ? "no reason is given for a poisonous message" : nil
    }

    /// What nobody wants any more is with an agent who keeps it.
    func waitsForAgent(_ story: Story) -> Bool {
        let state = shared.tables.state(story.key)
        guard state.wanted == nil, state.sparesAgent, let episode = state.episode, let id = episode.interaction,
            let server = servers.first(where: { $0.name == episode.cic })
        else { return false }
        return server.model.interactions[id]?.place == .withAgent
    }
}
