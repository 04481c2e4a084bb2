import CaseRouting
import Operations
import Postgres

/// The story of one case. Every statement finds its rows by the case, through indexes, and of the ledgers only the
/// partitions of days on which there is something of the case are opened: it takes as long with five million cases as
/// with five, and with a year of days as with a week.
public struct PostgresCaseStoryStore: CaseStoryStore {
    private let database: PostgresDatabase

    public init(_ database: PostgresDatabase) { self.database = database }

    static let byNumber = """
        SELECT org, case_id FROM caserouter.cases WHERE case_number = $1 AND ($2::text IS NULL OR org = $2)
        ORDER BY org, case_id LIMIT 20
        """
    /// Names of orgs are few.
    static let byID = """
        SELECT o.name, $1::text FROM caserouter.orgs o
        WHERE ($2::text IS NULL OR o.name = $2)
            AND EXISTS (SELECT FROM caserouter.cases c WHERE c.org = o.name AND c.case_id = $1)
        ORDER BY 1
        """
    /// A case of which only unseen requests are known has no row of its own.
    static let byIDOfRequests = """
        SELECT o.name, $1::text FROM caserouter.orgs o
        WHERE ($2::text IS NULL OR o.name = $2)
            AND EXISTS (
                SELECT FROM caserouter.requests r
                WHERE r.org = o.name AND r.case_id = $1 AND ($3::date[] IS NULL OR r.day = ANY ($3)))
        ORDER BY 1
        """

    public func find(_ reference: CaseReference, org: String?) async throws(RoutingFailure) -> [CaseKey] {
        switch reference {
        case .number(let number): return try await find(Self.byNumber, number, org)
        case .id(let id):
            let merged = try await find(Self.byID, id.description, org)
            guard merged.isEmpty else { return merged }
            let recent = try await find(Self.byIDOfRequests, id.description, org, [try await recentDays()])
            return recent.isEmpty ? try await find(Self.byIDOfRequests, id.description, org, [.null]) : recent
        }
    }

    public func orgs() async throws(RoutingFailure) -> [String] {
        let rows = try await database.ask(
            "SELECT name FROM caserouter.orgs ORDER BY name", name: "orgs", needing: .admin)
        do throws(PostgresError) {
            return try rows.map { row throws(PostgresError) in try row.text(0) }
        } catch {
            throw RoutingFailure(error)
        }
    }

    private func recentDays() async throws(RoutingFailure) -> PostgresValue {
        let rows = try await database.ask("SELECT \(Self.today)", name: "today", needing: .admin)
        do throws(PostgresError) {
            return .dateArray(Self.recentDays(until: try rows[0].int32(0)))
        } catch {
            throw RoutingFailure(error)
        }
    }

    /// Days since 1970, as the ledgers count them.
    private static let today = "\(CaseDays.today) - date '1970-01-01'"

    /// Where a request may lie that no worker has taken up yet, so that its day is not with its case: workers that were
    /// away longer are the first line of `status`. Clocks differ, so tomorrow is one of them.
    private static func recentDays(until today: Int32) -> [Int32] { Array(today - 7...today + 1) }

    private func find(
        _ sql: String, _ name: String, _ org: String?, _ days: [PostgresValue] = []
    ) async throws(RoutingFailure) -> [CaseKey] {
        let org: PostgresValue = org.map { .text($0) } ?? .null
        let rows = try await database.ask(
            sql, [.text(name.withoutNUL), org] + days, name: "find case", needing: .admin)
        do throws(PostgresError) {
            return try rows.map { row throws(PostgresError) in
                CaseKey(org: try row.text(0), caseID: try row.recordID(1))
            }
        } catch {
            throw RoutingFailure(error)
        }
    }

    public func story(of key: CaseKey) async throws(RoutingFailure) -> CaseStory? {
        do throws(PostgresError) {
            var (story, days) = try await standing(key)
            let isKnown = story.standing.changedAt != nil
            // A request may lie there that no worker has merged; an attempt's day is always with its case.
            story.requests = try await requests(key, days.requests)
            if story.requests.isEmpty && !isKnown { story.requests = try await requests(key, .null) }
            if isKnown { story.attempts = try await attempts(key, days.attempts) }
            story.episodes = try await episodes(key)
            story.deeds = try await deeds(key)
            story.holds = try await holds(story)
            story.isCut =
                [story.requests.count, story.attempts.count, story.episodes.count, story.deeds.count]
                .contains(CaseStory.mostOfAKind) || story.isCut
            if !isKnown && story.requests.isEmpty { return nil }
            if story.caseNumber.isEmpty { story.caseNumber = story.requests.last?.record?.change.caseNumber ?? "" }
            return story
        } catch {
            throw RoutingFailure(error, needing: .admin)
        }
    }

    private func key(_ key: CaseKey) -> [PostgresValue] { [.text(key.org), .text(key.caseID.description)] }

    static let standing = """
        SELECT now(), c.worker, c.lease_until, c.next_at, c.failure_kind, c.failure_stage, c.failure_cause,
            c.failure_summary, c.failed_at, c.changed_at, c.case_number, q.name, \(today),
            ARRAY(SELECT d - date '1970-01-01' FROM unnest(c.days) d), \(CaseColumns.list)
        FROM (SELECT $1::text COLLATE "C" AS org, $2::text COLLATE "C" AS case_id) k
        LEFT JOIN caserouter.cases c ON c.org = k.org AND c.case_id = k.case_id
        LEFT JOIN caserouter.episodes e ON e.org = k.org AND e.case_id = k.case_id AND e.number = c.episode
            AND e.state <> 'ended'
        LEFT JOIN caserouter.salesforce_queues q ON q.org = k.org AND q.queue_id = c.owner
        """

    /// The days on which there may be something of a case.
    private struct Days {
        let requests, attempts: PostgresValue
    }

    /// The case's row, and where to look for the rest.
    private func standing(_ key: CaseKey) async throws(PostgresError) -> (story: CaseStory, days: Days) {
        let row = try await database.query(Self.standing, self.key(key), name: "standing of case")[0]
        let isKnown = !row.isNull(9)
        var standing = CaseStory.Standing(state: isKnown ? try CaseColumns.decode(row, at: 14) : CaseState())
        standing.leaseUntil = try row.optionalTimestamp(2)
        let now = try row.timestamp(0)
        // Whose lease is over does not hold the case.
        standing.worker = (standing.leaseUntil ?? now) > now ? try row.optionalText(1) : nil
        standing.nextAt = try row.optionalTimestamp(3)
        if let kind = try row.optionalText(4) {
            standing.failure = CaseStory.Failure(
                kind: kind, stage: try row.optionalText(5) ?? "", cause: try row.optionalText(6) ?? "",
                summary: try row.optionalText(7) ?? "", at: try row.optionalTimestamp(8))
        }
        standing.changedAt = try row.optionalTimestamp(9)
        standing.ownerName = try row.optionalText(11)
        var story = CaseStory(key: key, caseNumber: try row.optionalText(10) ?? "", asOf: now, standing: standing)
        let days = try row.int32Array(13)
        story.isCut = days.count >= CaseDays.most
        let recent = Self.recentDays(until: try row.int32(12))
        return (story, Days(requests: .dateArray(Array(Set(days + recent))), attempts: .dateArray(days)))
    }

    static let requests = """
        SELECT r.event_key, r.number, r.change, r.found, r.occurred_at, r.received_at, r.seen_at, r.outcome, r.rule,
            r.finished_at, CASE WHEN r.write_back = 'done' THEN r.write_back_at END, r.write_back_error, r.inputs, r.body,
            m.id, m.version, m.org, m.queue_id, m.queue_name, m.cic, m.workgroup, m.skills, m.takes_skills, m.on_reply,
            m.on_unmonitored, m.on_user_owner, m.enabled, m.changed_by, m.changed_at,
            (SELECT n.version FROM caserouter.mappings n WHERE n.id = r.mapping AND n.newest)
        FROM caserouter.requests r
        LEFT JOIN caserouter.mappings m ON m.id = r.mapping AND m.version = r.mapping_version
        WHERE r.case_id = $2 AND r.org = $1 AND ($3::date[] IS NULL OR r.day = ANY ($3))
        ORDER BY coalesce(r.seen_at, r.received_at) DESC, r.number DESC LIMIT \(CaseStory.mostOfAKind)
        """

    /// - Parameter days: null: all that are kept.
    private func requests(
        _ key: CaseKey, _ days: PostgresValue
    ) async throws(PostgresError) -> [CaseStory.Request] {
        let rows = try await database.query(Self.requests, self.key(key) + [days], name: "requests of case")
        return try rows.map { row throws(PostgresError) in try request(row) }.reversed()
    }

    private func request(_ row: PostgresRow) throws(PostgresError) -> CaseStory.Request {
        var request = CaseStory.Request(
            eventKey: try row.text(0), number: try row.int64(1), change: try row.text(2), found: try row.text(3),
            occurredAt: try row.timestamp(4), receivedAt: try row.timestamp(5))
        request.seenAt = try row.optionalTimestamp(6)
        request.outcome = try row.optionalText(7)
        request.rule = try row.optionalText(8).flatMap { Decision.Rule(rawValue: $0) }
        request.finishedAt = try row.optionalTimestamp(9)
        request.markedAt = try row.optionalTimestamp(10)
        request.markError = try row.optionalText(11)
        request.record = DecisionRecord.read(
            body: try row.bytes(13), inputs: try row.optionalJSON(12), rule: request.rule, at: request.seenAt)
        if !row.isNull(14), let mapping = try PostgresConfigurationStore.mapping(row, at: 14).mapping {
            request.mapping = CaseStory.UsedMapping(
                mapping: mapping, queueName: try row.text(18), changedBy: try row.text(27),
                changedAt: try row.timestamp(28), newestVersion: try row.optionalInt32(29))
        }
        return request
    }

    static let attempts = """
        SELECT episode, started_at, ended_at, stage, outcome, cause, summary, status, response, worker
        FROM caserouter.attempts WHERE org = $1 AND case_id = $2 AND day = ANY ($3::date[])
        ORDER BY started_at DESC, ended_at DESC LIMIT \(CaseStory.mostOfAKind)
        """

    private func attempts(
        _ key: CaseKey, _ days: PostgresValue
    ) async throws(PostgresError) -> [CaseStory.Attempt] {
        let rows = try await database.query(Self.attempts, self.key(key) + [days], name: "attempts of case")
        return try rows.map { row throws(PostgresError) in
            var attempt = CaseStory.Attempt(
                episode: try row.int32(0), startedAt: try row.timestamp(1), stage: try row.text(3),
                worker: try row.text(9))
            attempt.endedAt = try row.optionalTimestamp(2)
            attempt.outcome = try row.optionalText(4)
            attempt.cause = try row.optionalText(5)
            attempt.summary = try row.optionalText(6)
            attempt.status = try row.optionalInt32(7)
            attempt.response = try row.optionalText(8)
            return attempt
        }.reversed()
    }

    static let episodes = """
        SELECT number, cic, state, interaction_id, workgroup, opened_at, placed_at, with_agent_at, ended_at, end_reason
        FROM caserouter.episodes WHERE org = $1 AND case_id = $2 ORDER BY number DESC LIMIT \(CaseStory.mostOfAKind)
        """

    private func episodes(_ key: CaseKey) async throws(PostgresError) -> [CaseStory.Episode] {
        let rows = try await database.query(Self.episodes, self.key(key), name: "episodes of case")
        return try rows.map { row throws(PostgresError) in
            var episode = CaseStory.Episode(
                number: try row.int32(0), cic: try row.text(1), state: try row.text(2), openedAt: try row.timestamp(5))
            episode.interaction = try row.optionalText(3)
            episode.workgroup = try row.optionalText(4)
            episode.placedAt = try row.optionalTimestamp(6)
            episode.withAgentAt = try row.optionalTimestamp(7)
            episode.endedAt = try row.optionalTimestamp(8)
            episode.endReason = try row.optionalText(9)
            return episode
        }.reversed()
    }

    static let deeds = """
        SELECT at, action, actor, CASE WHEN action = 'discard' THEN after ->> 'reason' END FROM caserouter.audit
        WHERE target = $1 || '/' || $2 AND action IN ('failed retry', 'discard', 'restore')
        ORDER BY at DESC LIMIT \(CaseStory.mostOfAKind)
        """

    private func deeds(_ key: CaseKey) async throws(PostgresError) -> [CaseStory.Deed] {
        let rows = try await database.query(Self.deeds, self.key(key), name: "deeds of case")
        return try rows.map { row throws(PostgresError) in
            CaseStory.Deed(
                at: try row.timestamp(0), action: try row.text(1), actor: try row.text(2),
                reason: try row.optionalText(3))
        }.reversed()
    }

    private func holds(_ story: CaseStory) async throws(PostgresError) -> [PlacedHold] {
        let wanted = story.standing.state.wanted
        let server = story.standing.state.episode?.cic ?? wanted?.cic
        let rows = try await database.query(
            """
            SELECT kind, name, reason, detail, since, placed_by FROM caserouter.holds
            WHERE kind = 'org' AND name = $1 OR kind = 'cic' AND name = $2 OR kind = 'workgroup' AND name = $3
            ORDER BY since
            """,
            [
                .text(story.key.org), .text(server ?? ""),
                .text(wanted.map { "\($0.cic)/\($0.workgroup)" } ?? ""),
            ], name: "holds of case")
        return try rows.map { row throws(PostgresError) in try PlacedHold(row) }
    }
}

extension PlacedHold {
    /// Reads `kind, name, reason, detail, since, placed_by`.
    init(_ row: PostgresRow) throws(PostgresError) {
        guard let kind = Hold.Kind(rawValue: try row.text(0)), let reason = Hold.Reason(rawValue: try row.text(2))
        else {
            throw row.unreadable("a hold is of a kind that this version does not know")
        }
        self.init(
            kind: kind, name: try row.text(1), reason: reason, detail: try row.text(3), since: try row.timestamp(4),
            placedBy: try row.text(5))
    }
}

/// A decision from the columns of its request.
enum DecisionRecord {
    /// Nil for what was not decided, and for what another version of the program wrote and this one cannot read.
    static func read(
        body: [UInt8], inputs: String?, rule: Decision.Rule?, at: CaseRouting.Timestamp?
    ) -> RecordedDecision? {
        guard let inputs, let rule, let at else { return nil }
        let message: RequestMessage
        do throws(UnreadableMessage) {
            message = try RequestMessage(body)
        } catch {
            return nil
        }
        guard case .change(let change) = message, let read = DecisionInputs.read(inputs, change) else { return nil }
        return RecordedDecision(change: change, before: read.before, rule: rule, becomes: read.becomes, at: at)
    }
}
