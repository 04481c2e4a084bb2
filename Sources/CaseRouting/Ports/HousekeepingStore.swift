/// What one worker does for all: handles, partitions, retention. Errors are of kind `own`.
public protocol HousekeepingStore: Sendable {
    /// Failed cases whose handle is missing or older than the queue keeps it; marks it as put out.
    func takeDueHandles(limit: Int) async throws(RoutingFailure) -> [DueHandle]

    /// Makes the partitions of the days around today and drops those past retention. Returns what it did, for the log.
    func maintainPartitions() async throws(RoutingFailure) -> [String]

    /// Releases cases of ended holds at the pace given.
    func releaseHeld(limit: Int) async throws(RoutingFailure) -> Int
}

public struct DueHandle: Equatable, Sendable {
    public let handle: RetryHandle
    public let cause: FailureCause
    public let failedAt: Timestamp

    public init(handle: RetryHandle, cause: FailureCause, failedAt: Timestamp) {
        self.handle = handle
        self.cause = cause
        self.failedAt = failedAt
    }
}
