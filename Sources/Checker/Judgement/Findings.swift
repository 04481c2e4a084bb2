/// What was found so far: reasons by invariant and case.
struct Findings {
    private struct Place: Hashable {
        let invariant: Invariant
        let key: CaseKey
    }

    private var found: [Place: [(sentence: String, source: Source)]] = [:]
    private var lateRecoveries: [CaseKey: (sentence: String, source: Source)] = [:]

    mutating func add(_ invariant: Invariant, _ key: CaseKey, _ sentence: String, _ source: Source) {
        found[Place(invariant: invariant, key: key), default: []].append((sentence, source))
    }

    /// Something that is not about one case.
    mutating func add(_ invariant: Invariant, org: String = "", _ sentence: String, _ source: Source) {
        add(invariant, CaseKey(org: org, id: ""), sentence, source)
    }

    mutating func addLateRecovery(_ key: CaseKey, _ sentence: String, _ source: Source) {
        lateRecoveries[key] = (sentence, source)
    }

    func has(_ invariant: Invariant, _ key: CaseKey) -> Bool { found[Place(invariant: invariant, key: key)] != nil }

    func all(_ salesforce: SalesforceEvidence) -> [Verdict.Finding] {
        let order = Dictionary(uniqueKeysWithValues: Invariant.allCases.enumerated().map { ($1, $0) })
        return found.map { place, reasons in finding(place.invariant, place.key, reasons, salesforce) }
            .sorted {
                (order[$0.invariant] ?? 0, $0.org, $0.caseID) < (order[$1.invariant] ?? 0, $1.org, $1.caseID)
            }
    }

    func late(_ salesforce: SalesforceEvidence) -> [Verdict.Finding] {
        lateRecoveries.map { key, reason in finding(.oneRoutable, key, [reason], salesforce) }
            .sorted { ($0.org, $0.caseID) < ($1.org, $1.caseID) }
    }

    private func finding(
        _ invariant: Invariant, _ key: CaseKey, _ reasons: [(sentence: String, source: Source)],
        _ salesforce: SalesforceEvidence
    ) -> Verdict.Finding {
        let reasons = reasons.sorted { ($0.source.file, $0.source.line) < ($1.source.file, $1.source.line) }
        return Verdict.Finding(
            invariant: invariant, org: key.org, caseID: key.id, number: salesforce.cases[key]?.number ?? "",
            reasons: reasons.map(\.sentence), evidence: reasons.map(\.source.description))
    }
}
