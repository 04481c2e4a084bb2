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
    private var outcome = Awaited<Outcome>()

    mutating func begin() -> (subscription: String, outcome: Awaited<Outcome>) {
        count += 1
        subscription = "holding-\(count)"
        outcome = Awaited()
        return (subscription, outcome)
    }

    mutating func end() { subscription = "" }

    func received(_ content: QueueMessage) {
        guard content.subscription == subscription, !content.isDelta else { return }
        outcome.fulfil(.success(content.added))
    }

    func faulted(_ subscription: String, _ reason: String) {
        guard subscription == self.subscription else { return }
        outcome.fulfil(
            .failure(
                RoutingFailure(
                    .configuration, at: .create, cause: .holdingUnusable,
                    "The holding workgroup cannot be listed: \(HandlerText.sound(String(reason.prefix(500))))")))
    }

    func lost(_ failure: RoutingFailure) {
        guard !subscription.isEmpty else { return }
        outcome.fulfil(.failure(failure))
    }
}
