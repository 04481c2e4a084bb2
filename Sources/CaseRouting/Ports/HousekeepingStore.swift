/// What one worker does for all: handles, bulk retries and partitions. Errors are of kind `own`.
///
/// The pace at which cases go on after a hold is not here: every claim keeps to it, from the time at which the hold
/// ended, so that it holds without anybody's help and costs no write per case.
public protocol HousekeepingStore: Sendable {
    /// Failed cases whose handle is missing or will soon be older than the queue keeps it, longest failed first; marks
    /// them as put out. A handle that is lost after that comes again with the next renewal.
    func takeDueHandles(limit: Int) async throws(RoutingFailure) -> [DueHandle]

    /// Ends the holds because of lost rows of orgs whose gap a sweep has closed and whose swept requests are merged; at
    /// most two minutes are waited for the last ones. Returns the orgs.
    func liftSweptOrgs() async throws(RoutingFailure) -> [String]

    /// One step of everything that people have asked to be sent again, and of what was repaired: notes how released
    /// cases ended, stops what fails again, and releases as many cases as each rate allows. Its whole state is in the
    /// database, so that any process goes on where another one stopped. Returns what changed, for the log.
    func advanceRetries() async throws(RoutingFailure) -> [String]

    /// Requests that the accounting cannot place: open, although nobody is left who would close them. None where all is
    /// well.
    func accountingDifferences() async throws(RoutingFailure) -> [AccountingDifference]

    /// Makes the partitions of the days around today and drops those past retention. Returns what it did, for the log.
    func maintainPartitions() async throws(RoutingFailure) -> [String]
}

/// What does not add up in the accounting of an org.
public struct AccountingDifference: Equatable, Sendable {
    public let org: String
    public let requests: Int
    /// The number of a case with such a request, or its id.
    public let example: String

    public init(org: String, requests: Int, example: String) {
        self.org = org
        self.requests = requests
        self.example = example
    }
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
