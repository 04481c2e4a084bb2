import CaseRouting

/// Errors are of kind `own`, or `configuration` when a right is missing.
public protocol StatusStore: Sendable {
    /// Everything but the queues.
    func status(version: String) async throws(RoutingFailure) -> SiteStatus
}

/// What the broker says of the three queues, by looking only.
public protocol QueueStates: Sendable {
    func queues() async -> SiteStatus.Queues
}

/// `status`: is it healthy, and what needs a person.
public struct LookAtSite: Sendable {
    private let store: any StatusStore
    private let broker: any QueueStates

    public init(store: any StatusStore, broker: any QueueStates) {
        self.store = store
        self.broker = broker
    }

    public func status(version: String) async throws(RoutingFailure) -> SiteStatus {
        // One after the other: a screen is not in a hurry, and a database that is down says so first.
        var status = try await store.status(version: version)
        status.queues = await broker.queues()
        return status
    }
}
