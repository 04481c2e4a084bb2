import CaseRouting
import Glibc
import JSON

extension OutboxOrg {
    /// Subscribed to from now on only.
    private static let fromNow: Int64 = -1
    /// Subscribed to from the oldest event that is kept.
    private static let allKept: Int64 = -2

    public func subscribe(after cursor: ReplayCursor?) async throws(RoutingFailure) -> Subscription {
        lastReplayID = cursor?.replayID
        guard let cursor else {
            guard try await stream.subscribe(Self.fromNow) else {
                throw failures.failure(.transient, .salesforceError, "subscribing from now on is refused.")
            }
            return .fresh
        }
        if try await stream.subscribe(cursor.replayID) { return .resumed }
        // What is kept comes again, as duplicates. Where all of it is older than that, only the sweep can tell.
        // A clock that is wrong makes the way longer, no more: the gap is open either way until a sweep has closed it.
        let now = Timestamp(microseconds: Int64(time(nil)) * 1_000_000)
        let isKept = cursor.lastEventAt.map { now - $0 < settings.names.retention } ?? false
        guard try await stream.subscribeAnew(isKept ? Self.allKept : Self.fromNow) else {
            throw failures.failure(.transient, .salesforceError, "subscribing anew is refused.")
        }
        lastReplayID = nil
        return .gap(reason: "Salesforce refused replay id \(cursor.replayID)")
    }

    public func unsubscribe() async { await stream.disconnect() }

    public func nextEvents() async throws(RoutingFailure) -> [StreamEvent] {
        let announcements = try await stream.next().map { Announcement($0, eventTable) }
        guard settings.names.isTopic || !settings.names.rowsAreWhole else {
            return announcements.compactMap { event($0, $0.row, nil) }
        }
        return try await completed(announcements)
    }

    /// - Parameter row: what the event says, or what was read in its place.
    private func event(_ announcement: Announcement, _ row: RoutingRow?, _ facts: CaseFacts?) -> StreamEvent? {
        // An event whose position cannot be read must not move the stored one to nowhere.
        guard let replayID = announcement.replayID ?? lastReplayID else {
            logger.error(.eventMalformed, metadata: ["reason": "no replay id"])
            return nil
        }
        lastReplayID = replayID
        guard let row else {
            return StreamEvent(replayID: replayID, content: .malformed(reason: announcement.problem ?? "no row"))
        }
        switch row.reading(settings, facts: facts) {
        case .change(let change): return StreamEvent(replayID: replayID, content: .change(change))
        case .malformed(let reason): return StreamEvent(replayID: replayID, content: .malformed(reason: reason))
        case .nothing: return nil
        }
    }

    /// A topic's events hold the fields of its query. What is missing is read by id, of rows and then of cases.
    private func completed(_ announcements: [Announcement]) async throws(RoutingFailure) -> [StreamEvent] {
        let told = announcements.filter { !$0.isDeletion }
        let lacking = told.compactMap(\.row).filter { lacksFields($0) }.compactMap { RoutingRow.id($0.rowID) }
        var read: [RecordID: RoutingRow] = [:]
        for row in try await rows(Set(lacking).sorted()) {
            if let id = RoutingRow.id(row.rowID) { read[id] = row }
        }
        let merged = told.map { announcement in
            (
                announcement,
                announcement.row.flatMap { RoutingRow.id($0.rowID) }.flatMap { read[$0] } ?? announcement.row
            )
        }
        let facts = try await missingFacts(of: merged.compactMap(\.1))
        return merged.compactMap { announcement, row in
            event(announcement, row, row.flatMap { RoutingRow.id($0.caseID) }.flatMap { facts[$0] })
        }
    }

    private func lacksFields(_ row: RoutingRow) -> Bool {
        row.caseID == nil
            || (settings.names.hasSequence ? row.sequence == nil || row.created == nil : row.modified == nil)
    }
}
