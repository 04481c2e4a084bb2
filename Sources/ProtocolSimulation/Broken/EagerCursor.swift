import CaseRouting

/// Moves the stored position without waiting for what is before it. Touched on the simulation's thread only.
final class EagerCursor: @unchecked Sendable {
    private let shared: SharedTables
    private let channel: String
    private let life: Life
    /// Where each message is in the stream.
    private var places: [[UInt8]: Int64] = [:]

    init(shared: SharedTables, channel: String, life: Life) {
        self.shared = shared
        self.channel = channel
        self.life = life
    }

    func received(_ event: StreamEvent) {
        if case .change(let change) = event.content { places[RequestMessage.encode(change)] = event.replayID }
    }

    func place(of body: [UInt8]) -> Int64? { places[body] }

    func move(to place: Int64) async {
        do throws(RoutingFailure) {
            try await shared.statement(life) { _ in
                var cursor = shared.ingest.cursors[channel] ?? ReplayCursor(streamEpoch: 1, replayID: 0)
                guard cursor.replayID < place else { return }
                cursor.replayID = place
                shared.ingest.cursors[channel] = cursor
                shared.movedCursor = cursor
            }
        } catch {
            // It will move with the next event.
        }
    }
}

struct CursorMovingOrg: SalesforceOrg {
    let inner: any SalesforceOrg
    let cursor: EagerCursor
    let onReceipt: Bool

    var channel: String { inner.channel }

    func subscribe(after position: ReplayCursor?) async throws(RoutingFailure) -> Subscription {
        try await inner.subscribe(after: position)
    }

    func nextEvents() async throws(RoutingFailure) -> [StreamEvent] {
        let events = try await inner.nextEvents()
        for event in events { cursor.received(event) }
        if onReceipt, let last = events.last { await cursor.move(to: last.replayID) }
        return events
    }

    func unsubscribe() async { await inner.unsubscribe() }

    func newRows(after: RecordID?, limit: Int) async throws(RoutingFailure) -> [CaseChange] {
        try await inner.newRows(after: after, limit: limit)
    }

    func openCases(
        of owners: [RecordID], changedSince: Timestamp?, after: RecordID?, limit: Int
    ) async throws(RoutingFailure) -> [SweptCase] {
        try await inner.openCases(of: owners, changedSince: changedSince, after: after, limit: limit)
    }

    func cases(_ ids: [RecordID]) async throws(RoutingFailure) -> [SweptCase] { try await inner.cases(ids) }

    func occurrences(of owners: [RecordID], since: Timestamp) async throws(RoutingFailure) -> [CaseChange] {
        try await inner.occurrences(of: owners, since: since)
    }

    func markProcessed(_ rows: [RecordID]) async throws(RoutingFailure) -> [RowResult] {
        try await inner.markProcessed(rows)
    }

    func queues() async throws(RoutingFailure) -> [SalesforceQueue] { try await inner.queues() }
    func legacyMappings() async throws(RoutingFailure) -> [LegacyMapping] { try await inner.legacyMappings() }
    func currentTime() async -> Timestamp? { await inner.currentTime() }
    func apiUsage() async -> APIUsage? { await inner.apiUsage() }
    func callCounts() async -> [String: Int] { await inner.callCounts() }
}

struct CursorMovingPublisher: RequestPublisher {
    let inner: any RequestPublisher
    let cursor: EagerCursor
    let onConfirm: Bool

    func publish(_ body: [UInt8]) async throws(RoutingFailure) {
        try await inner.publish(body)
        if onConfirm, let place = cursor.place(of: body) { await cursor.move(to: place) }
    }
}
