import Checker
import Foundation

/// Follows the ledgers while faults happen, and tells when cases flow again after one.
actor RecoveryWatch {
    /// Longer than is ever allowed: what takes longer is late anyway.
    private static let patience = Duration.seconds(600)

    private let follower: ServiceFollower
    private let workload: CampaignWorkload
    private var waiting: [String: ServiceFollower.Wait] = [:]
    private var lookedAt = Date.distantPast

    init(follower: ServiceFollower, workload: CampaignWorkload) {
        self.follower = follower
        self.workload = workload
    }

    /// Cases that nobody can be offered now although somebody should, those with a misspelt skill left out.
    ///
    /// - Parameter instant: what had happened then must be in it; else what is known may be a moment old.
    func unserved(asOf instant: Date = .distantPast) throws -> [String: ServiceFollower.Wait] {
        if lookedAt < instant || Date().timeIntervalSince(lookedAt) > 0.2 {
            lookedAt = Date()
            waiting = try follower.look()
        }
        let misspelt = workload.misspelt
        return waiting.filter { !misspelt.contains($0.key) }
    }

    /// Makes a case for every server and for what was struck, if that is an org, and waits until it is offered, and until everything that waited is.
    ///
    /// - Parameters:
    ///   - judgesBacklog: whether anybody wants to know the latter if it takes long.
    ///   - countsUntold: whether what no row tells belongs to it. It waits for the second sweep after it, whatever else breaks.
    ///   - isJudged: called when nothing that is judged is waited for any more.
    func recovery(
        from target: String, judgesBacklog: Bool, countsUntold: Bool, isJudged: @Sendable () -> Void = {}
    ) async throws -> (canaries: Recovery, backlog: Recovery) {
        let end = Date()
        let canaries = try await workload.makeCanaries(of: target)
        let before = Int64(end.timeIntervalSince1970 * 1_000_000)
        let made = Date()
        async let first = recovery(since: end, asOf: made, within: Self.patience) { waiting in
            canaries.filter { waiting[$0] != nil }
        }
        let limit = judgesBacklog ? Self.patience : .seconds(45)
        async let all = recovery(since: end, asOf: made, within: limit) { waiting in
            waiting.filter { $1.since < before && (countsUntold || $1.isTold) }.map(\.key)
        }
        let canariesAfter = try await first
        if !judgesBacklog { isJudged() }
        let backlogAfter = try await all
        isJudged()
        return (canariesAfter, backlogAfter)
    }

    /// Until each of them has been offered once: one that was, and is lost with what breaks later, waits because of that.
    ///
    /// - Parameter awaited: which of those that wait are waited for.
    private func recovery(
        since end: Date, asOf made: Date, within limit: Duration,
        of awaited: @Sendable ([String: ServiceFollower.Wait]) -> [String]
    ) async throws -> Recovery {
        let deadline = ContinuousClock.now + limit
        var left = Set(awaited(try await unserved(asOf: made)))
        var last = left
        while !left.isEmpty, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(200))
            last = left
            left.formIntersection(awaited(try await unserved(asOf: made)))
        }
        return Recovery(
            seconds: left.isEmpty ? Date().timeIntervalSince(end) : nil, last: Array(last.sorted().prefix(Self.named)))
    }

    /// So many cases say enough about what was waited for.
    private static let named = 3
}

/// How long cases that were waited for took.
struct Recovery: Sendable {
    /// Nil: longer than anybody would wait.
    let seconds: Double?
    /// Ids of some that were the last, or that still wait.
    let last: [String]

    var took: Double { seconds ?? .infinity }
}
