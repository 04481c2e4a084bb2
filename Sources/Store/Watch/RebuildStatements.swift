import CaseRouting
import Postgres

/// Episodes written from what CIC shows, after rows may have been lost.
enum RebuildStatements {
    static let cases = """
        SELECT c.org, c.case_id, \(CaseColumns.list)
        FROM unnest($1::text[], $2::text[]) AS k (org, case_id)
        JOIN caserouter.cases c ON c.org = k.org AND c.case_id = k.case_id
        LEFT JOIN caserouter.episodes e ON e.org = c.org AND e.case_id = c.case_id
            AND e.number = c.episode AND e.state <> 'ended'
        """

    /// Locks the case; a row only if it is as it was read, its open episode included.
    private static let locked = """
        SELECT 1 FROM caserouter.cases c
        LEFT JOIN caserouter.episodes e ON e.org = c.org AND e.case_id = c.case_id
            AND e.number = c.episode AND e.state <> 'ended'
        WHERE c.org = $1 AND c.case_id = $2 AND c.revision = $3 AND c.episode = $4
            AND e.number IS NOT DISTINCT FROM $5::int4 AND e.state IS NOT DISTINCT FROM $6
            AND e.interaction_id IS NOT DISTINCT FROM $7 AND e.attempt_id IS NOT DISTINCT FROM $8::uuid
        FOR UPDATE OF c
        """

    /// Without facts, which the sweep brings. A routing worker may have been quicker.
    private static let insertCase = """
        INSERT INTO caserouter.cases (org, case_id, case_number, revision, applied_revision, version_epoch)
        VALUES ($1, $2, '', 0, 0, 1) ON CONFLICT (org, case_id) DO NOTHING RETURNING 1
        """

    /// A later one exists, and the next is opened only when the end of the one before was seen.
    private static let endEarlier = """
        UPDATE caserouter.episodes SET state = 'ended', ended_at = now(), end_reason = 'lost-rows'
        WHERE org = $1 AND case_id = $2 AND number < $3 AND ended_at IS NULL
        """

    private static let writeEpisode = """
        INSERT INTO caserouter.episodes AS e (
            org, case_id, number, cic, cic_epoch, state, interaction_id, attempt_id, attempt_day, attempt_deadline,
            workgroup, skills, assign_number, with_agent, placed_at, with_agent_at)
        SELECT $1, $2, $3, $4, coalesce((SELECT cic_epoch FROM caserouter.cic_servers WHERE name = $4), 1), $5, $6, $7,
            (now() AT TIME ZONE 'UTC')::date, now(), $8, NULL, $9, $10, CASE WHEN $5 = 'placed' THEN now() END,
            CASE WHEN $10 THEN now() END
        ON CONFLICT (org, case_id, number) DO UPDATE
        SET cic = excluded.cic, cic_epoch = excluded.cic_epoch, state = excluded.state,
            interaction_id = excluded.interaction_id, attempt_id = excluded.attempt_id,
            attempt_day = CASE WHEN e.attempt_id = excluded.attempt_id THEN e.attempt_day ELSE excluded.attempt_day END,
            workgroup = excluded.workgroup, skills = NULL, assign_number = excluded.assign_number,
            with_agent = excluded.with_agent, placed_at = coalesce(e.placed_at, excluded.placed_at),
            with_agent_at = coalesce(e.with_agent_at, excluded.with_agent_at)
        WHERE e.ended_at IS NULL
        """

    private static let attemptDay = """
        (SELECT e.attempt_day FROM caserouter.episodes e WHERE e.org = $1 AND e.case_id = $2 AND e.number = $4)
        """

    /// Due, so that a worker looks at it when the holds are over, and nobody's claim any more. To be read again, because what
    /// is wanted now was read off CIC: what is held of the case may be newer than that, and then no sweep finds a
    /// difference.
    private static let writeCase = """
        UPDATE caserouter.cases c
        SET revision = $3, episode = $4, acts_on_cic = $5,
            want_cic = $6, want_workgroup = $7, want_skills = coalesce($8, ''),
            want_mapping = coalesce(nullif($9::int4, 0), (
                SELECT min(p.id) FROM caserouter.mappings p
                WHERE p.newest AND p.enabled AND p.org = c.org AND p.cic = $6 AND p.workgroup = $7)),
            want_assign = $10, spares_agent = $11,
            last_cic = coalesce($6, last_cic), last_workgroup = coalesce($7, last_workgroup),
            last_mapping = CASE WHEN $6 IS NULL THEN last_mapping ELSE coalesce(nullif($9::int4, 0), (
                SELECT min(p.id) FROM caserouter.mappings p
                WHERE p.newest AND p.enabled AND p.org = c.org AND p.cic = $6 AND p.workgroup = $7)) END,
            epoch = greatest(c.epoch, \(ClaimLimits.leastEpoch)) + 1, worker = NULL, lease_until = NULL,
            claims_without_outcome = 0, next_at = now(), verify_at = now(), changed_at = now(),
            days = \(CaseDays.adding(attemptDay, to: "c.days"))
        WHERE c.org = $1 AND c.case_id = $2
        """

    /// The attempt may be known: then what is known of it stays.
    private static let writeAttempt = """
        INSERT INTO caserouter.attempts (
            day, attempt_id, org, case_id, episode, revision, epoch, stage, worker, deadline_at, ended_at, outcome, summary)
        SELECT attempt_day, attempt_id, org, case_id, number, $4, 0, 'rebuild', $5, now(), now(), 'ok',
            'Found in CIC after rows of the database had been lost.'
        FROM caserouter.episodes WHERE org = $1 AND case_id = $2 AND number = $3
        ON CONFLICT (day, attempt_id) DO NOTHING
        """

    private static let writeAudit = """
        INSERT INTO caserouter.audit (actor, host, action, target, after)
        VALUES ($1, coalesce(host(inet_client_addr()), 'local'), 'episode rebuilt', $2, jsonb_build_object(
            'episode', $3::int4, 'cic', $4::text, 'interaction', $5::text, 'attempt', $6::uuid, 'state', $7::text,
            'workgroup', $8::text, 'assign_number', $9::int8))
        """

    /// - Returns: whether it was written; false when the guard refused.
    static func run(
        _ rebuilt: RebuiltEpisode, worker: String, in transaction: PostgresTransaction
    ) async throws(PostgresError) -> Bool {
        let key: [PostgresValue] = [
            .text(rebuilt.key.caseKey.org), .text(rebuilt.key.caseKey.caseID.description),
        ]
        let episode = rebuilt.episode
        let interaction = episode.interaction.map { PostgresValue.text($0.description) } ?? .null
        if let before = rebuilt.before {
            let open = before.episode
            let guarded: [PostgresValue] = [
                .int8(before.revision), .int4(before.lastEpisode), open.map { .int4($0.number) } ?? .null,
                open.map { .text($0.state.rawValue) } ?? .null,
                open?.interaction.map { .text($0.description) } ?? .null, open.map { .uuid($0.attempt.bits) } ?? .null,
            ]
            guard try await !transaction.query(locked, key + guarded, name: "lock rebuilt").isEmpty else {
                return false
            }
        } else {
            guard try await !transaction.query(insertCase, key, name: "insert rebuilt").isEmpty else { return false }
        }
        let number = PostgresValue.int4(rebuilt.key.number)
        let workgroup = episode.workgroup.map { PostgresValue.text($0) } ?? .null
        _ = try await transaction.query(endEarlier, key + [number], name: "end earlier")
        _ = try await transaction.query(
            writeEpisode,
            key + [
                number, .text(episode.cic), .text(episode.state.rawValue), interaction, .uuid(episode.attempt.bits),
                workgroup, .int8(episode.assignNumber), .bool(episode.isWithAgent),
            ], name: "write rebuilt")
        let wanted = rebuilt.wanted
        _ = try await transaction.query(
            writeCase,
            key + [
                .int8(rebuilt.revision), number, .text(episode.cic), wanted.map { .text($0.cic) } ?? .null,
                wanted.map { .text($0.workgroup) } ?? .null, wanted.map { .text($0.skills) } ?? .null,
                wanted.map { .int4($0.mapping) } ?? .null, .int8(rebuilt.wantedAssign), .bool(rebuilt.sparesAgent),
            ], name: "write rebuilt case")
        _ = try await transaction.query(
            writeAttempt, key + [number, .int8(rebuilt.revision), .text(worker)], name: "write rebuilt attempt")
        _ = try await transaction.query(
            writeAudit,
            [
                .text(worker), .text("case:\(rebuilt.key.caseKey)"), number, .text(episode.cic), interaction,
                .uuid(episode.attempt.bits), .text(episode.state.rawValue), workgroup, .int8(episode.assignNumber),
            ], name: "audit rebuilt")
        return true
    }
}

extension PostgresWatchStore {
    public func cases(_ keys: [CaseKey]) async throws(RoutingFailure) -> [CaseKey: CaseState] {
        guard !keys.isEmpty else { return [:] }
        let rows = try await database.ask(
            RebuildStatements.cases,
            [.textArray(keys.map(\.org)), .textArray(keys.map(\.caseID.description))], name: "cases to rebuild")
        do throws(PostgresError) {
            var states: [CaseKey: CaseState] = [:]
            for row in rows {
                states[CaseKey(org: try row.text(0), caseID: try row.recordID(1))] = try CaseColumns.decode(row, at: 2)
            }
            return states
        } catch {
            throw RoutingFailure(error)
        }
    }

    public func rebuild(_ episode: RebuiltEpisode) async throws(RoutingFailure) -> Bool {
        do throws(PostgresError) {
            return try await database.transaction(name: "rebuild") { [worker] transaction throws(PostgresError) in
                try await RebuildStatements.run(episode, worker: worker, in: transaction)
            }
        } catch {
            // Another open episode has this interaction: its end is seen first.
            if case .constraint("episodes_one_open_per_interaction") = error.kind { return false }
            throw RoutingFailure(error)
        }
    }

    public func liftLostRows(cic: String, since: CaseRouting.Timestamp) async throws(RoutingFailure) -> Bool {
        let rows = try await database.ask(
            """
            DELETE FROM caserouter.holds
            WHERE kind = 'cic' AND name = $1 AND reason = 'lost-rows' AND since = $2 AND coalesce(until, now()) <= now()
            RETURNING 1
            """, [.text(cic), .timestamptz(since.microseconds)], name: "lift lost rows")
        return !rows.isEmpty
    }
}
