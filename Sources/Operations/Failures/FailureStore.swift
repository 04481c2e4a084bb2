import CaseRouting

/// Failed cases and what people do about them. Errors are of kind `own`, or `configuration` when a right is missing.
public protocol FailureStore: Sendable {
    /// Cases that are failed now, longest failed first.
    func failed(_ filter: FailureFilter) async throws(RoutingFailure) -> [FailedCase]

    /// The same, counted; the largest group first.
    func groups(by grouping: FailureGrouping, _ filter: FailureFilter) async throws(RoutingFailure) -> [FailureGroup]

    /// Cases with this number or id, failed or not.
    func find(_ reference: CaseReference, org: String?) async throws(RoutingFailure) -> [CaseKey]

    func story(of key: CaseKey) async throws(RoutingFailure) -> FailureStory?

    /// Sends a failed case again: attempts 0. Nil when that was done; else why not.
    func retry(_ key: CaseKey, by author: Author) async throws(RoutingFailure) -> String?

    /// Gives the wish of a failed case up. Nil when that was done; else why not.
    func discard(_ key: CaseKey, reason: String, by author: Author) async throws(RoutingFailure) -> String?

    /// Brings a discarded case back and sends it again. Nil when that was done; else why not.
    func restore(_ key: CaseKey, by author: Author) async throws(RoutingFailure) -> String?

    /// Stores what a bulk retry would send, and, for the same filter, what failed since `since` and is not failed any
    /// more, with the reason why it is not eligible. Returns its id.
    func plan(_ filter: FailureFilter, since: Timestamp?, by author: Author) async throws(RoutingFailure) -> Int32

    func bulkRetries(limit: Int) async throws(RoutingFailure) -> [BulkRetry]
    func bulkRetry(_ id: Int32) async throws(RoutingFailure) -> BulkRetry?
    func items(of id: Int32, limit: Int) async throws(RoutingFailure) -> [BulkRetryItem]

    /// Starts one that is planned. False: it is not planned, and nothing was changed.
    func start(_ id: Int32, rate: Double, by author: Author) async throws(RoutingFailure) -> Bool

    /// Ends one that is planned or running; what was sent stays sent. False: it had ended.
    func cancel(_ id: Int32, by author: Author) async throws(RoutingFailure) -> Bool

    /// Names that filters may use, and the database's time.
    func known() async throws(RoutingFailure) -> KnownNames
}

/// Names that exist.
public struct KnownNames: Equatable, Sendable {
    public let orgs: [String]
    public let servers: [String]
    /// Of enabled mappings and failed cases.
    public let workgroups: [String]
    public let now: Timestamp

    public init(orgs: [String], servers: [String], workgroups: [String], now: Timestamp) {
        self.orgs = orgs
        self.servers = servers
        self.workgroups = workgroups
        self.now = now
    }
}
