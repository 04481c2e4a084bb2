import Checker
import Foundation

/// Waits until nothing is under way any more.
struct Rest {
    let scene: Scene
    let watch: RecoveryWatch
    let rowlessUntil: [String: Date]
    let follower: RunFollower
    /// Requests that no delivery brought, because their messages went with a queue or a broker: ten minutes later they are
    /// taken from the table, and the campaign does not wait so long.
    private(set) var overdue = 0

    init(scene: Scene, watch: RecoveryWatch, rowlessUntil: [String: Date], follower: RunFollower) {
        self.scene = scene
        self.watch = watch
        self.rowlessUntil = rowlessUntil
        self.follower = follower
    }

    /// - Returns: nil at rest; else what still is under way when the limit has passed.
    mutating func wait(atMost limit: Duration) async throws -> String? {
        let deadline = ContinuousClock.now + limit
        var quiet = 0
        var obstacle: String?
        var turn = 0
        while ContinuousClock.now < deadline {
            obstacle = try await look()
            turn += 1
            if turn.isMultiple(of: 10) {
                overdue += try await scene.letTimePass()
                try await scene.letRowsBeMarked()
            }
            quiet = obstacle == nil ? quiet + 1 : 0
            // Twice, because an observation of a sweep may be on its way.
            if quiet == 2 { return nil }
            try await Task.sleep(for: .seconds(1))
        }
        return obstacle
    }

    private func look() async throws -> String? {
        let snapshot = try follower.look()
        let waiting = try await watch.unserved().count
        let total = Accounting.total(try await scene.product.accounting())
        Terminal.progress("unmarked \(snapshot.unmarked)  pending \(total.pending)  waiting \(waiting)")
        let isAtRest =
            snapshot.unmarked == 0 && total.pending == 0 && waiting == 0 && total.failed == 0
            && total.received >= snapshot.rows + total.observed
        guard !isAtRest else {
            if let unswept = try await unswept() { return unswept }
            return try await leftInQueue()
        }
        return
            "\(snapshot.unmarked) rows are not marked, \(total.pending) requests are pending, \(total.failed) failed, "
            + "\(waiting) cases wait; \(total.received) were received of \(snapshot.rows) rows and \(total.observed) observed"
    }

    /// What no row tells is believed two minutes later, and the next sweep tells it.
    private func unswept() async throws -> String? {
        for (org, end) in rowlessUntil {
            let swept = try await scene.sql(
                """
                SELECT 1 FROM caserouter.sweeps WHERE org = '\(org)' AND finished_at IS NOT NULL
                    AND started_at > to_timestamp(\(end.timeIntervalSince1970 + 123)) LIMIT 1
                """)
            if swept.isEmpty { return "\(org) was not swept since two minutes after its triggers were off" }
        }
        return nil
    }

    /// A message that could not be dead-lettered, because that queue was away, is where it was until it can be.
    private func leftInQueue() async throws -> String? {
        let depth = try await BrokerQueues(scene.stack.broker).depths().first { $0.name == "caserouter.requests" }
        guard let depth, depth.messages > 0 else { return nil }
        return "\(depth.messages) messages are in \(depth.name)"
    }
}
