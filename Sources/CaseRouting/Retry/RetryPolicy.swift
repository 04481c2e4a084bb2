/// When a transient failure is tried again, and when a case is failed.
public enum RetryPolicy {
    /// A case is *failed* exactly when its attempts have reached this. The number stands in index conditions of the
    /// schema too; changing it is a migration.
    public static let attemptLimit: Int32 = 8

    /// Shortest and longest of the delays before jitter.
    public static let shortest: Duration = .seconds(2)
    public static let longest: Duration = .seconds(15 * 60)

    /// The delay before the next try: full jitter, evenly between 0 and 2 s · 2ⁿ, at most 15 min, so that what failed
    /// together does not come back together.
    ///
    /// - Parameter attempts: how many tries have failed before this one.
    public static func delay(afterAttempts attempts: Int32, random: UInt64) -> Duration {
        let ceiling = min(longest, shortest * (1 << max(0, min(attempts, 16))))
        let fraction = Double(random >> 11) / Double(1 << 53)
        return max(.milliseconds(100), ceiling * fraction)
    }
}
