/// What somebody asked for about a case and nobody has, or had since, in CIC.
///
/// A case of a monitored queue is served by a live interaction on the workgroup of that queue, or by one that an agent ended
/// there since it was asked for. What came in about a case of a user is offered in that user's own queue, or, where the org
/// says so, where the case was offered last; an interaction that is open already serves it wherever it is. Where a case was
/// offered last is nowhere when the product had not offered it yet: then nothing is due.
struct ServiceDue {
    let ask: SalesforceEvidence.Ask
    /// Where it should be.
    let place: Site.Place
    let live: [Incarnation]
    let agentEnds: [CICEvidence.AgentEnd]

    /// Nil: nothing is asked for, or somebody has it.
    init?(_ key: CaseKey, _ state: SalesforceEvidence.CaseState, _ cic: CICEvidence, _ places: SitePlaces) {
        guard let ask = state.ask else { return nil }
        let seen = cic.cases[key] ?? CICEvidence.CaseState()
        let monitored = places.place(org: key.org, queue: state.owner)
        let last = seen.placements.last { $0.at < ask.at }?.place
        guard let place = monitored ?? places.ownQueue(org: key.org, user: state.owner) ?? last else { return nil }
        live = seen.live.map { cic.incarnations[$0] }
        let isLive = live.contains {
            monitored == nil ? !$0.isHolding : $0.server == place.server && $0.workgroup == place.workgroup
        }
        let wasWorkedOn = seen.agentEnds.contains { ($0.place == place || monitored == nil) && $0.at >= ask.at }
        if isLive || wasWorkedOn { return nil }
        self.ask = ask
        self.place = place
        agentEnds = seen.agentEnds
    }
}
