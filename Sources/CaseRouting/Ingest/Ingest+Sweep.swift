import FaultPoints
import Logging

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
    func deliver(
        _ changes: [CaseChange], _ why: SweepFinding.Why, _ pass: inout SweepPass
    ) async throws(RoutingFailure) {
        guard pass.isDryRun else { return try await publish(changes, pass.lease) }
        let room = SweepResult.mostFindings - (pass.result.findings?.count ?? 0)
        pass.result.findings?.append(contentsOf: changes.prefix(room).map { SweepFinding(change: $0, why: why) })
    }

    /// Publishes and, after the confirms, records. What dies in between is found by the next sweep.
    func publish(_ changes: [CaseChange], _ lease: Lease) async throws(RoutingFailure) {
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
    private static let budgetShare = 0.15
    private static let orgShare = 0.8
    static let page = 2_000
    /// Ids fit into a URI of 16 KiB.
    static let idsPerQuery = 400
}
