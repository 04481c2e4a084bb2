/// Judges a run by what its simulators wrote down, what was left in the queues and what stands in PostgreSQL.
///
/// It shares no code with the product: what both sides share, both sides get wrong. What each invariant is judged by, and
/// what cannot be seen from outside, `docs/guarantees.md` lists.
public struct Judge {
    let evidence: Evidence
    let places: SitePlaces
    let salesforce: SalesforceEvidence
    let cic: CICEvidence
    let database: DatabaseEvidence?
    let queues: QueueEvidence?
    /// What is younger need not be known to the database: the instant it was read, less the time things need to settle.
    let horizon: Int64
    var findings = Findings()

    /// Judges everything.
    ///
    /// The simulators must be at rest, and the database must have been read after that: a change that is still on its way
    /// looks like a lost one.
    ///
    /// - Throws: when a file is missing, has a hole or a line that is not what `docs/simulators.md` says. No verdict is
    ///   better than one that rests on half of the facts.
    public static func verdict(_ evidence: Evidence) throws(LedgerError) -> Verdict {
        var judge = try Judge(evidence)
        judge.judgeLoss()
        judge.judgeDoubling()
        judge.judgeInteractions()
        judge.judgeCreations()
        judge.judgeOrder()
        judge.judgeRows()
        judge.judgeCursors()
        judge.judgeRequests()
        judge.judgeAccounting()
        judge.judgeQueues()
        judge.judgeAttempts()
        judge.judgeFailures()
        judge.judgeRest()
        try judge.judgeSecrets()
        return judge.verdict
    }

    private init(_ evidence: Evidence) throws(LedgerError) {
        self.evidence = evidence
        let places = SitePlaces(evidence.site)
        self.places = places
        var salesforce = SalesforceEvidence(places: places)
        for path in evidence.salesforce { try salesforce.read(path) }
        self.salesforce = salesforce
        var cic = CICEvidence(places: places)
        try LedgerMerge.read(evidence.cic) { (at, line) throws(LineScanner.Problem) in try cic.take(line, at: at) }
        self.cic = cic
        var database: DatabaseEvidence?
        if let path = evidence.database { database = try DatabaseEvidence(path, places: places) }
        self.database = database
        var queues: QueueEvidence?
        if let path = evidence.queues { queues = try QueueEvidence(path) }
        self.queues = queues
        horizon = database.map { $0.readAt - Int64(evidence.allowances.settling * 1_000_000) } ?? .max
    }

    private var verdict: Verdict {
        Verdict(
            findings: findings.all(salesforce), lateRecoveries: findings.late(salesforce),
            rowsByChange: salesforce.rowsByChange, rowsByOrg: salesforce.rowsByOrg, cases: salesforce.cases.count)
    }

    /// Whether rows of that time may be missing from the database because it lost some.
    func mayBeMissing(_ at: Int64) -> Bool { evidence.allowances.rowsLost.last.map { at < $0 } ?? false }

    /// Whether people can see that a case failed, or have given it up after that time.
    func isVisiblyNotRouted(_ key: CaseKey, since: Int64) -> Bool {
        guard let database else { return false }
        if database.cases[key]?.isFailed == true { return true }
        return database.discards[key]?.contains { !$0.isRestored && $0.at >= since } ?? false
    }
}

extension Verdict {
    /// Judges a run by the ledgers of its simulators alone: what is lost and what is doubled.
    public init(site: Site, salesforce: [String], cic: [String]) throws(LedgerError) {
        self = try Judge.verdict(Evidence(site: site, salesforce: salesforce, cic: cic))
    }
}
