import Glibc

/// A point on this machine's monotonic clock: for time-outs and trust in leases, never for what is stored.
///
/// It counts on while the machine is suspended, so that a worker that stood still knows it.
public struct MonotonicTime: Comparable, Sendable {
    /// Nanoseconds since the machine started.
    public let nanoseconds: Int64

    public static var now: MonotonicTime {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return MonotonicTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    public static func + (time: MonotonicTime, duration: Duration) -> MonotonicTime {
        let (seconds, attoseconds) = duration.components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return MonotonicTime(nanoseconds: seconds > 0 ? .max : .min) }
        let (sum, tooLate) = time.nanoseconds.addingReportingOverflow(whole + attoseconds / 1_000_000_000)
        return MonotonicTime(nanoseconds: tooLate ? .max : sum)
    }

    public static func - (later: MonotonicTime, earlier: MonotonicTime) -> Duration {
        .nanoseconds(later.nanoseconds - earlier.nanoseconds)
    }

    public static func < (left: MonotonicTime, right: MonotonicTime) -> Bool {
        left.nanoseconds < right.nanoseconds
    }
}
