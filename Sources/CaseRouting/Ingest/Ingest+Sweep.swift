import FaultPoints
import Logging

/// How much a sweep compares.
public enum SweepScope: Sendable {
    /// Cases changed since the last pass.
    case recent
    /// All open cases of monitored queues, and all that we hold as active.
    case whole
}

extension Ingest {
    /// Sweeps at the start, after every gap, every ten minutes, hourly over everything, and when a person asks; reads
    /// cases again of which two states had equal versions.
    func sweepOnTime(under lease: Lease) async {
        var nextAt = clock.monotonic
        var nextWholeAt = clock.monotonic
        var queuesAt = clock.monotonic
        var usageAt = clock.monotonic + Self.usageEvery
        while !Task.isCancelled {
            do throws(RoutingFailure) {
                if clock.monotonic >= queuesAt {
                    queuesAt = clock.monotonic + (await mirrorQueues() ? Self.wholeEvery : .seconds(60))
                }
                let errands = try await store.errands(org: org)
                if errands.contains(.verify) { try await verify(under: lease) }
                // Opened by this process, by one before it, or by whoever found that rows may have been lost.
                if errands.contains(.gap), try await store.openGap(org: org) != nil { askForSweep(.whole) }
                if clock.monotonic >= usageAt {
                    usageAt = clock.monotonic + Self.usageEvery
                    try await saveUsage()
                }
                let asked =
                    errands.contains(.askedSweep)
                    ? try await store.takeAskedSweep(org: org, configuration: settings.configuration) : nil
                if let asked, asked.isDryRun {
                    try await sweep(.whole, asked: asked, under: lease)
                } else if asked != nil || sweepIsAsked != nil || clock.monotonic >= nextAt {
                    let isWhole = asked != nil || sweepIsAsked == .whole || clock.monotonic >= nextWholeAt
                    sweepIsAsked = nil
                    try await sweep(isWhole ? .whole : .recent, asked: asked, under: lease)
                    nextAt = clock.monotonic + settings.sweepEvery * (await isOverBudget() ? 4 : 1)
                    if isWhole { nextWholeAt = clock.monotonic + Self.wholeEvery }
                }
            } catch {
                logger.warning(.sweepFailed, metadata: ["cause": "\(error.cause)", "summary": "\(error.summary)"])
                askForSweep(.whole)
                await pause(error.kind == .configuration ? .seconds(60) : .seconds(10))
            }
            await pause(.seconds(1))
        }
    }

    /// Names for people and for mappings; a sweep does not wait for it.
    func mirrorQueues() async -> Bool {
        do throws(RoutingFailure) {
            try await store.replaceQueues(org: org, try await source.queues())
            try await store.replaceLegacyMappings(org: org, try await source.legacyMappings())
            return true
        } catch {
            logger.warning(.queuesNotMirrored, metadata: ["cause": "\(error.cause)", "summary": "\(error.summary)"])
            return false
        }
    }

    /// For the report of API calls, which counts them by the hour.
    private func saveUsage() async throws(RoutingFailure) {
        guard let usage = await source.apiUsage() else { return }
        try await store.saveAPIUsage(org: org, usage, calls: await source.callCounts())
    }

    /// One sweep: rows, cases, occurrences. It heals what any other step got wrong.
    func sweep(_ scope: SweepScope, asked: AskedSweep?, under lease: Lease) async throws(RoutingFailure) {
        failpoint("sweep.read")
        let startedAt = try await store.now()
        // What Salesforce stamps is compared with Salesforce's time: our database's may be another.
        let there = await source.currentTime() ?? startedAt
        // After that time was taken: it closes all that had opened by then.
        let gap = try await store.openGap(org: org)
        var pass = SweepPass(asked: asked, lease: lease, at: startedAt, there: there, isWhole: scope == .whole)
        try await sweepRows(&pass)
        try await sweepCases(since: scope == .whole ? nil : lastPass.map { $0 - Self.overlap }, &pass)
        var since = lastPass
        // This process may be the first after hours without any.
        if since == nil { since = try await store.lastSweep(org: org).map { there - (startedAt - $0) } }
        let occurrencesSince = min(since ?? there - .seconds(3_600), gap?.from ?? there)
        try await sweepOccurrences(since: occurrencesSince - Self.overlap, &pass)
        if !pass.isDryRun {
            lastPass = there
            if scope == .whole { try await store.closeGaps(org: org, openedBefore: startedAt) }
        }
        failpoint("sweep.done")
        let result = pass.result
        try await store.finishSweep(org: org, result)
        try await saveUsage()
        logger.info(
            .sweepFinished,
            metadata: [
                "whole": "\(result.isWhole)", "rows": "\(result.rows)", "compared": "\(result.casesCompared)",
                "observed": "\(result.observed)", "offered": "\(result.offered)",
                "occurrences": "\(result.occurrences)", "dry_run": "\(pass.isDryRun)",
            ])
    }

    /// A sweep under way.
    private struct SweepPass {
        let asked: AskedSweep?
        let lease: Lease
        /// When it began by Salesforce's clock.
        let there: Timestamp
        var result: SweepResult

        init(asked: AskedSweep?, lease: Lease, at startedAt: Timestamp, there: Timestamp, isWhole: Bool) {
            self.asked = asked
            self.lease = lease
            self.there = there
            result = SweepResult(startedAt: startedAt, asked: asked, isWhole: isWhole)
        }

        var startedAt: Timestamp { result.startedAt }
        var isDryRun: Bool { asked?.isDryRun ?? false }
    }

    // MARK: Rows

    /// All rows with status New, no time window: what the ledger has not is published.
    private func sweepRows(_ pass: inout SweepPass) async throws(RoutingFailure) {
        var after: RecordID?
        while true {
            let page = try await source.newRows(after: after, limit: Self.page)
            guard let last = page.compactMap(\.row).last else { return }
            after = last
            let known =
                pass.isDryRun
                ? try await store.known(page.map { RequestKey($0) }) : try await store.knownRows(page)
            let unknown = page.filter { !known.contains(RequestKey($0)) }
            try await deliver(unknown, .row, &pass)
            pass.result.rows += unknown.count
        }
    }

    // MARK: Cases

    private func sweepCases(since: Timestamp?, _ pass: inout SweepPass) async throws(RoutingFailure) {
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
    private func verify(under lease: Lease) async throws(RoutingFailure) {
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

    // MARK: Occurrences

    private func sweepOccurrences(since: Timestamp, _ pass: inout SweepPass) async throws(RoutingFailure) {
        guard !settings.monitoredQueues.isEmpty else { return }
        let found = try await source.occurrences(of: settings.monitoredQueues.sorted(), since: since)
        let known = try await store.known(found.map { RequestKey($0) })
        let unknown = found.filter { !known.contains(RequestKey($0)) }
        try await deliver(unknown, .occurrence, &pass)
        pass.result.occurrences += unknown.count
    }

    // MARK: Publishing

    /// The one place where a sweep has an effect. A dry run writes down what it would have been.
    private func deliver(
        _ changes: [CaseChange], _ why: SweepFinding.Why, _ pass: inout SweepPass
    ) async throws(RoutingFailure) {
        guard pass.isDryRun else { return try await publish(changes, pass.lease) }
        let room = SweepResult.mostFindings - (pass.result.findings?.count ?? 0)
        pass.result.findings?.append(contentsOf: changes.prefix(room).map { SweepFinding(change: $0, why: why) })
    }

    /// Publishes and, after the confirms, records. What dies in between is found by the next sweep.
    private func publish(_ changes: [CaseChange], _ lease: Lease) async throws(RoutingFailure) {
        for start in stride(from: 0, to: changes.count, by: ConfirmWindow.limit) {
            let batch = changes[start..<min(start + ConfirmWindow.limit, changes.count)].map {
                RecordedRequest(change: $0, found: .sweep, body: RequestMessage.encode($0))
            }
            await withTaskGroup(of: Void.self) { group in
                for request in batch {
                    group.addTask(executorPreference: executor) { await self.publishUntilConfirmed(request.body) }
                }
            }
            failpoint("sweep.published")
            // A cancelled publish may not have been confirmed.
            if Task.isCancelled { throw Self.interrupted }
            guard try await store.record(batch, cursor: nil, channel: source.channel, lease: lease) else {
                throw Self.interrupted
            }
        }
    }

    /// Whether this process alone has used its share of the org's daily calls today: sweeps slow down before anything
    /// else.
    private func isOverBudget() async -> Bool {
        guard let usage = await source.apiUsage() else { return false }
        // Long polls and logins are no API calls.
        let own = await source.callCounts().filter { $0.key != "stream" && $0.key != "login" }.values.reduce(0, +)
        let today = dailyCalls.count(own, at: clock.monotonic)
        return Double(usage.used) > Double(usage.limit) * Self.orgShare
            || Double(today) > Double(usage.limit) * Self.budgetShare
    }

    private static let interrupted = RoutingFailure(
        .transient, at: .salesforce, cause: .salesforceError, "The sweep was interrupted: the org's lease is gone.")
    private static let wholeEvery: Duration = .seconds(3_600)
    private static let usageEvery: Duration = .seconds(60)
    /// Rows become visible at their commit, not at their stamp.
    private static let overlap: Duration = .seconds(15 * 60)
    /// A younger difference is most likely on its way through the stream.
    private static let settling: Duration = .seconds(120)
    private static let budgetShare = 0.15
    private static let orgShare = 0.8
    private static let page = 2_000
    /// Ids fit into a URI of 16 KiB.
    private static let idsPerQuery = 400
}
