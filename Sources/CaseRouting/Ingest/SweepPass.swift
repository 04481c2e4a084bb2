/// How much a sweep compares.
public enum SweepScope: Sendable {
    /// Cases changed since the last pass.
    case recent
    /// All open cases of monitored queues, and all that we hold as active.
    case whole
}

/// A sweep under way.
struct SweepPass {
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
