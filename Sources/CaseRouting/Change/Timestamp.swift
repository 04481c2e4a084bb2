/// A point in time as Salesforce or the database gave it: microseconds since 1970, UTC.
public struct Timestamp: Hashable, Comparable, Sendable {
    public var microseconds: Int64

    public init(microseconds: Int64) { self.microseconds = microseconds }

    /// Whole seconds: how Salesforce compares SystemModstamp.
    public var seconds: Int64 { microseconds.flooredQuotient(1_000_000) }

    /// The UTC day, counted from 1970-01-01. Requests are partitioned by it.
    public var day: Int32 { Int32(clamping: microseconds.flooredQuotient(86_400_000_000)) }

    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.microseconds < right.microseconds }

    public static func + (time: Timestamp, duration: Duration) -> Timestamp {
        let (seconds, attoseconds) = duration.components
        return Timestamp(microseconds: time.microseconds + seconds * 1_000_000 + attoseconds / 1_000_000_000_000)
    }

    public static func - (time: Timestamp, duration: Duration) -> Timestamp { time + (.zero - duration) }

    public static func - (later: Timestamp, earlier: Timestamp) -> Duration {
        .microseconds(later.microseconds - earlier.microseconds)
    }
}

extension Int64 {
    fileprivate func flooredQuotient(_ divisor: Int64) -> Int64 {
        self >= 0 ? self / divisor : -((-self + divisor - 1) / divisor)
    }
}
