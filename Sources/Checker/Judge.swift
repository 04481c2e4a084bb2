import Foundation

extension Verdict {
    /// Judges a run by the ledgers of its simulators alone.
    ///
    /// A case is **lost** when, where the ledgers end, it is open in a monitored queue with something to work on
    /// (`SalesforceEvidence`), and there is no live interaction of it on the workgroup of that queue, and no agent
    /// has ended one there since it was asked for. It is lost too when an outbox row of it was never marked as
    /// processed: then nobody can prove that the change was seen. A case is **doubled** when at any instant two live
    /// interactions of it were outside holding, on whatever servers. Ended by anybody but an agent does not count as
    /// worked on.
    ///
    /// The simulators must be at rest: a change that is still on its way looks like a lost one.
    ///
    /// - Parameters:
    ///   - salesforce: ledger files of Salesforce simulators, each with orgs of its own.
    ///   - cic: ledger files of CIC simulators; their lines are merged by their time, for a case may be on two servers.
    /// - Throws: when a ledger is missing, has a hole or a line that is not what `docs/simulators.md` says.
    public init(site: Site, salesforce: [String], cic: [String]) throws(LedgerError) {
        let places = SitePlaces(site)
        var salesforceEvidence = SalesforceEvidence(places: places)
        for path in salesforce { try salesforceEvidence.read(path) }
        var cicEvidence = CICEvidence(places: places)
        try LedgerMerge.read(cic) { (at, line) throws(LineScanner.Problem) in try cicEvidence.take(line, at: at) }

        self.init(
            lost: Self.lost(salesforceEvidence, cicEvidence, places),
            doubled: Self.doubled(salesforceEvidence, cicEvidence),
            rowsByChange: salesforceEvidence.rowsByChange,
            rowsByOrg: salesforceEvidence.rowsByOrg,
            cases: salesforceEvidence.cases.count)
    }

    private static func lost(
        _ salesforce: SalesforceEvidence, _ cic: CICEvidence, _ places: SitePlaces
    ) -> [Finding] {
        var reasons: [CaseKey: [String]] = [:]
        for (key, state) in salesforce.cases {
            guard let ask = state.ask, let place = places.place(org: key.org, queue: state.owner) else { continue }
            let seen = cic.cases[key] ?? CICEvidence.CaseState()
            let isLive = seen.live.contains { $0.server == place.server && $0.workgroup == place.workgroup }
            let wasWorkedOn = seen.agentEnds.contains { $0.place == place && $0.at >= ask.at }
            if !isLive && !wasWorkedOn { reasons[key] = [Sentence.nobodyWorks(on: ask, at: place, seen)] }
        }
        for (row, of) in salesforce.unmarked.sorted(by: { $0.key < $1.key }) {
            reasons[of.case, default: []].append("its outbox row \(row) (\(of.change)) was never marked as processed")
        }
        return findings(reasons, salesforce)
    }

    private static func doubled(_ salesforce: SalesforceEvidence, _ cic: CICEvidence) -> [Finding] {
        var reasons: [CaseKey: [String]] = [:]
        for (key, state) in cic.cases {
            if let doubled = state.doubled { reasons[key] = [Sentence.doubled(doubled.interactions, at: doubled.at)] }
        }
        return findings(reasons, salesforce)
    }

    private static func findings(_ reasons: [CaseKey: [String]], _ salesforce: SalesforceEvidence) -> [Finding] {
        reasons.map { key, reasons in
            Finding(org: key.org, caseID: key.id, number: salesforce.cases[key]?.number ?? "", reasons: reasons)
        }
        .sorted { ($0.org, $0.caseID) < ($1.org, $1.caseID) }
    }
}

/// The sentences in which a verdict explains itself.
private enum Sentence {
    static func nobodyWorks(on ask: SalesforceEvidence.Ask, at place: Site.Place, _ seen: CICEvidence.CaseState)
        -> String
    {
        let what =
            switch ask.kind {
            case .arrival(let change): "it came into a monitored queue (\(change))"
            case .comment: "somebody commented on it"
            case .email: "an e-mail about it arrived"
            }
        let elsewhere = seen.live.map { $0.isHolding ? "\(name(of: $0)), which is holding" : name(of: $0) }
        let found =
            elsewhere.isEmpty
            ? "CIC has no live interaction of it" : "its live interaction is on \(elsewhere.joined(separator: " and "))"
        let ended =
            seen.agentEnds.last.map { "; an agent ended the last one on \($0.place.workgroup) at \(time($0.at))" } ?? ""
        return "at \(time(ask.at)) \(what), it belongs on \(place.server)/\(place.workgroup), and \(found)\(ended)"
    }

    static func doubled(_ interactions: [CICEvidence.Interaction], at: Int64) -> String {
        let names = interactions.map(name(of:)).joined(separator: " and ")
        return "at \(time(at)) it had \(interactions.count) live interactions: \(names)"
    }

    private static func name(of interaction: CICEvidence.Interaction) -> String {
        "\(interaction.server)/\(interaction.workgroup) (\(interaction.id))"
    }

    /// Time of day in UTC with milliseconds.
    private static func time(_ microseconds: Int64) -> String {
        let milliseconds = microseconds / 1000 % 86_400_000
        let seconds = milliseconds / 1000
        return String(
            format: "%02d:%02d:%02d.%03d", Int(seconds / 3600), Int(seconds / 60 % 60), Int(seconds % 60),
            Int(milliseconds % 1000))
    }
}
