/// The part of a sweep that compares cases with what is held of them.
extension Ingest {
    func sweepCases(since: Timestamp?, _ pass: inout SweepPass) async throws(RoutingFailure) {
        let queues = settings.monitoredQueues.sorted()
        var returned: Set<RecordID> = []
        var after: RecordID?
        while !queues.isEmpty {
            let page = try await source.openCases(of: queues, changedSince: since, after: after, limit: Self.page)
            guard let last = page.last else { break }
            after = last.caseID
            for one in page { returned.insert(one.caseID) }
            try await compare(page, &pass)
        }
        after = nil
        while true {
            let page = try await store.heldAsActive(org: org, queues: queues, after: after, limit: Self.idsPerQuery)
            guard let last = page.last else { return }
            after = last.caseID
            let missing = page.map(\.caseID).filter { !returned.contains($0) }
            guard !missing.isEmpty else { continue }
            try await compare(try await source.cases(missing), &pass)
        }
    }

    /// Owner, closed and skills are compared, never "wanted" with "none", or ended cases would be offered for ever: only
    /// where a person asked, what waits is offered, once.
    private func compare(_ swept: [SweptCase], _ pass: inout SweepPass) async throws(RoutingFailure) {
        pass.result.casesCompared += swept.count
        let held = try await store.held(org: org, swept.map(\.caseID), settledOnly: true)
        let heldByID = Dictionary(held.map { ($0.caseID, $0) }, uniquingKeysWith: { first, _ in first })
        var differing: [SweptCase] = []
        var waiting: [CaseChange] = []
        for one in swept {
            // Without an entry the case has requests that nobody has merged yet.
            guard let held = heldByID[one.caseID] else { continue }
            guard held.facts?.isSameState(as: one.facts) != true else {
                if held.isUnoffered, waits(one), pass.asked?.offers(one.facts.owner) == true {
                    waiting.append(observation(of: one, comparedWith: held, isAsked: true))
                }
                continue
            }
            if isTold(one, held, pass) { differing.append(one) }
        }
        var observed: [CaseChange] = []
        for one in try await readAgain(differing, heldByID) {
            guard let held = heldByID[one.caseID], held.facts?.isSameState(as: one.facts) != true,
                isTold(one, held, pass)
            else { continue }
            observed.append(observation(of: one, comparedWith: held))
        }
        try await deliver(try await unused(observed, at: pass.startedAt), .differs, &pass)
        try await deliver(try await unused(waiting, at: pass.startedAt), .waits, &pass)
        pass.result.observed += observed.count + waiting.count
        pass.result.offered += waiting.count
    }

    /// Younger, it is on its way. Closed or gone before we heard of it: nothing to tell.
    private func isTold(_ one: SweptCase, _ held: HeldCase, _ pass: SweepPass) -> Bool {
        one.modifiedAt <= pass.there - Self.settling && (!held.isUnheardOf || !one.facts.isClosed)
    }

    /// What was read of Salesforce before what is held may be the older of the two: a case that was closed in between
    /// would be opened again. A case that nobody had heard of had nothing that could be newer.
    private func readAgain(
        _ differing: [SweptCase], _ held: [RecordID: HeldCase]
    ) async throws(RoutingFailure) -> [SweptCase] {
        let isNew = { (one: SweptCase) in held[one.caseID]?.isUnheardOf ?? true }
        var newest = differing.filter(isNew)
        let known = differing.filter { !isNew($0) }.map(\.caseID)
        for start in stride(from: 0, to: known.count, by: Self.idsPerQuery) {
            newest += try await source.cases(Array(known[start..<min(start + Self.idsPerQuery, known.count)]))
        }
        return newest
    }

    private func waits(_ one: SweptCase) -> Bool {
        !one.facts.isClosed && !one.isDeleted && settings.monitoredQueues.contains(one.facts.owner)
    }

    private func observation(of one: SweptCase, comparedWith held: HeldCase, isAsked: Bool = false) -> CaseChange {
        observation(of: one, comparedWith: (held.revision, held.version), isAsked: isAsked)
    }

    func observation(
        of one: SweptCase, comparedWith held: (revision: Int64, version: Int64), isAsked: Bool = false
    ) -> CaseChange {
        CaseChange(
            key: "s:\(one.caseID):\(one.modifiedAt.seconds):\(held.revision)", org: org, caseID: one.caseID,
            kind: .observed, version: one.modifiedAt.seconds, versionEpoch: settings.versionEpoch,
            occurredAt: one.modifiedAt, caseNumber: one.facts.caseNumber, owner: one.facts.owner,
            isClosed: one.facts.isClosed || one.isDeleted, skills: one.facts.skills, priority: one.facts.priority,
            comparedWith: held.revision, comparedVersion: held.version, isAsked: isAsked)
    }

    /// An observation may have been merged without raising the revision and been overwritten by a late row of an older
    /// state: the difference is there again, at the same modstamp and revision. Its key was used, so the time of the
    /// sweep tells the new one apart.
    private func unused(
        _ observations: [CaseChange], at startedAt: Timestamp
    ) async throws(RoutingFailure) -> [CaseChange] {
        let known = try await store.known(observations.map { RequestKey($0) })
        return observations.map { observation in
            guard known.contains(RequestKey(observation)) else { return observation }
            var again = observation
            again.key += ":\(startedAt.seconds)"
            return again
        }
    }

    /// Of two states with equal versions nobody knows which is newer: the case itself is read, two seconds later. So is
    /// one whose episode was rebuilt. The mark goes when that is recorded.
    func verify(under lease: Lease) async throws(RoutingFailure) {
        let cases = try await store.takeToVerify(org: org, limit: Self.idsPerQuery)
        guard !cases.isEmpty else { return }
        let held = Dictionary(
            cases.map { ($0.caseID, (revision: $0.revision, version: $0.version)) },
            uniquingKeysWith: { first, _ in first })
        let read = try await source.cases(cases.map(\.caseID))
        let observations = read.compactMap { one in held[one.caseID].map { observation(of: one, comparedWith: $0) } }
        try await publish(try await unused(observations, at: try await store.now()), lease)
        try await store.verified(org: org, cases)
    }

    /// A younger difference is most likely on its way through the stream.
    private static let settling: Duration = .seconds(120)
}
