import CaseRouting
import Operations
import Postgres

/// One failed case, whole.
extension PostgresFailureStore {
    public func story(of key: CaseKey) async throws(RoutingFailure) -> FailureStory? {
        let place: [PostgresValue] = [.text(key.org), .text(key.caseID.description)]
        return try await asked { database throws(PostgresError) in
            guard var story = try await Self.standing(database, key, place) else { return nil }
            story.waiting = try await Self.waiting(database, place)
            story.tries = try await Self.tries(database, place)
            story.discards = try await Self.discards(database, place)
            return story
        }
    }

    private static func standing(
        _ database: PostgresDatabase, _ key: CaseKey, _ place: [PostgresValue]
    ) async throws(PostgresError) -> FailureStory? {
        let rows = try await database.query(
            """
            SELECT c.case_number, c.attempts >= 8, c.failure_number, c.failure_kind, c.failure_stage, c.failure_cause,
                c.failure_summary, c.failed_at, caserouter.retry_objection(c), c.attempts::int4, c.owner, c.want_cic,
                c.want_workgroup, c.want_skills, e.interaction_id, e.state, now()
            FROM caserouter.cases c
            LEFT JOIN caserouter.episodes e ON e.org = c.org AND e.case_id = c.case_id AND e.number = c.episode
                AND e.state <> 'ended'
            WHERE c.org = $1 AND c.case_id = $2
            """, place)
        return try rows.first.map { row throws(PostgresError) in
            FailureStory(
                key: key, caseNumber: try row.text(0), failure: try row.bool(1) ? try row.failure(at: 2) : nil,
                standing: try row.optionalText(8), attempts: try row.int32(9), owner: try row.optionalText(10),
                cic: try row.optionalText(11), workgroup: try row.optionalText(12), skills: try row.text(13),
                interaction: try row.optionalText(14), episodeState: try row.optionalText(15),
                asOf: try row.timestamp(16))
        }
    }

    private static func waiting(
        _ database: PostgresDatabase, _ place: [PostgresValue]
    ) async throws(PostgresError) -> [(change: String, at: CaseRouting.Timestamp)] {
        try await database.query(
            """
            SELECT change, occurred_at FROM caserouter.requests
            WHERE org = $1 AND case_id = $2 AND outcome IS NULL ORDER BY occurred_at LIMIT 50
            """, place
        ).map { row throws(PostgresError) in (try row.text(0), try row.timestamp(1)) }
    }

    private static func tries(
        _ database: PostgresDatabase, _ place: [PostgresValue]
    ) async throws(PostgresError) -> [AttemptRecord] {
        try await database.query(
            """
            SELECT started_at, ended_at, outcome, kind, stage, cause, summary, status, response, worker, mapping,
                mapping_version
            FROM caserouter.attempts WHERE org = $1 AND case_id = $2
            ORDER BY started_at DESC, ended_at DESC LIMIT \(FailureStory.mostTries)
            """, place
        ).map { row throws(PostgresError) in
            AttemptRecord(
                startedAt: try row.timestamp(0), endedAt: try row.optionalTimestamp(1),
                outcome: try row.optionalText(2), kind: try row.optionalText(3), stage: try row.text(4),
                cause: try row.optionalText(5).map { FailureCause(rawValue: $0) }, summary: try row.optionalText(6),
                status: try row.optionalInt32(7), response: try row.optionalText(8), worker: try row.text(9),
                mapping: try row.optionalInt32(10), mappingVersion: try row.optionalInt32(11))
        }
    }

    private static func discards(
        _ database: PostgresDatabase, _ place: [PostgresValue]
    ) async throws(PostgresError) -> [Discard] {
        try await database.query(
            """
            SELECT reason, discarded_at, discarded_by, restored_at, restored_by FROM caserouter.discards
            WHERE org = $1 AND case_id = $2 ORDER BY id DESC LIMIT 20
            """, place
        ).map { row throws(PostgresError) in
            Discard(
                reason: try row.text(0), at: try row.timestamp(1), by: try row.text(2),
                restoredAt: try row.optionalTimestamp(3), restoredBy: try row.optionalText(4))
        }
    }
}
