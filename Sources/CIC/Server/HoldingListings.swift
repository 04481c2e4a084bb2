import CaseRouting

/// Who waits for a listing of the holding workgroup, and what the one under way has brought.
struct HoldingListings {
    typealias Listing = [EpisodeKey: [FoundInteraction]]
    typealias Outcome = Result<[QueueRow], RoutingFailure>

    /// Those who asked since the last listing began.
    var callers: [Awaited<Result<Listing, RoutingFailure>>] = []
    /// Rings when somebody asks.
    let bell = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    /// Each listing has a subscription of its own, so that an earlier one's content is not taken for it.
    private(set) var subscription = ""
    private var count = 0
    private(set) var outcome = Awaited<Outcome>()
    /// A queue that may not be seen looks empty first, and is told to be unreadable then.
    private(set) var fault = Awaited<RoutingFailure>()

    mutating func begin() {
        count += 1
        subscription = "holding-\(count)"
        outcome = Awaited()
        fault = Awaited()
    }

    mutating func end() { subscription = "" }

    func received(_ content: QueueMessage) {
        guard content.subscription == subscription, !content.isDelta else { return }
        outcome.fulfil(.success(content.added))
    }

    func faulted(_ subscription: String, _ reason: String) {
        guard subscription == self.subscription else { return }
        let failure = RoutingFailure(
            .configuration, at: .create, cause: .holdingUnusable,
            "The holding workgroup cannot be listed: \(HandlerText.sound(String(reason.prefix(500))))")
        fault.fulfil(failure)
        outcome.fulfil(.failure(failure))
    }

    func lost(_ failure: RoutingFailure) {
        guard !subscription.isEmpty else { return }
        outcome.fulfil(.failure(failure))
    }
}
