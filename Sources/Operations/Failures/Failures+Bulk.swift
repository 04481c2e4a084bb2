import CaseRouting

/// Bulk retries: planned, looked at, started, cancelled. Housekeeping carries them out.
extension Failures {
    /// Stores what would be sent again, and why some of what failed would not. Nothing is sent before it is started.
    public func plan(_ filter: FailureFilter, by author: Author) async throws -> BulkRetry {
        try await check(filter)
        let since: Timestamp?
        if let from = filter.from { since = from } else { since = try await store.known().now - Self.looksBack }
        return try await bulkRetry(try await store.plan(filter, since: since, by: author))
    }

    /// How far back what is not failed any more is listed as not eligible, if no time is given.
    private static let looksBack: Duration = .seconds(24 * 3_600)

    public func bulkRetries(limit: Int) async throws -> [BulkRetry] { try await store.bulkRetries(limit: limit) }

    public func bulkRetry(_ id: Int32) async throws -> BulkRetry {
        guard let retry = try await store.bulkRetry(id) else {
            let known = try await store.bulkRetries(limit: 10).map { "\($0.id)" }
            throw Refusal(
                .notDone,
                "there is no bulk retry \(id); "
                    + (known.isEmpty ? "there are none" : "the newest are \(known.joined(separator: ", "))"))
        }
        return retry
    }

    public func items(of id: Int32, limit: Int) async throws -> [BulkRetryItem] {
        try await store.items(of: id, limit: limit)
    }

    /// Starts a bulk retry that is planned. A second start changes nothing.
    ///
    /// - Returns: the retry, and whether this call started it.
    public func start(_ id: Int32, rate: Double, by author: Author) async throws -> (retry: BulkRetry, isNew: Bool) {
        guard BulkRetry.rates.contains(rate) else {
            throw Refusal(
                .usage, "--rate is \(BulkRetry.rates.lowerBound) to \(BulkRetry.rates.upperBound) cases a second")
        }
        let before = try await bulkRetry(id)
        guard before.state != .planned || before.counts.eligible > 0 else {
            throw Refusal(.notDone, "bulk retry \(id) has no eligible case; 'caserouter retries show \(id)' says why")
        }
        let isNew = try await store.start(id, rate: rate, by: author)
        let retry = try await bulkRetry(id)
        switch retry.state {
        case .running, .done: return (retry, isNew)
        case .planned, .stopped, .cancelled:
            if isNew { return (retry, true) }
            throw Refusal(
                .notDone,
                "bulk retry \(id) is \(retry.state.rawValue)\(retry.endReason.map { " (\($0))" } ?? "") and does not "
                    + "start again: plan a new one with 'caserouter failed retry'")
        }
    }

    /// - Returns: the retry, and whether this call ended it.
    public func cancel(_ id: Int32, by author: Author) async throws -> (retry: BulkRetry, isNew: Bool) {
        _ = try await bulkRetry(id)
        let isNew = try await store.cancel(id, by: author)
        return (try await bulkRetry(id), isNew)
    }
}
