import CaseRouting
import Postgres

/// Episodes, holds and the directory of CIC servers, as their watch writes them. What ends an episode is the same
/// statement that workers use.
public struct PostgresWatchStore: WatchStore {
    let database: PostgresDatabase
    private let cases: PostgresCaseStore
    let worker: String

    public init(_ database: PostgresDatabase, cases: PostgresCaseStore, worker: String) {
        self.database = database
        self.cases = cases
        self.worker = worker
    }

    // MARK: Episodes

    public func openEpisodes(cic: String, after: CaseKey?) async throws(RoutingFailure) -> [WatchedEpisode] {
        try await episodes(
            """
            \(Self.columns) FROM caserouter.episodes e
            WHERE e.ended_at IS NULL AND (e.org, e.case_id) > ($2, $3) AND e.cic = $1
            ORDER BY e.org, e.case_id LIMIT 2000
            """,
            [.text(cic), .text(after?.org ?? ""), .text(after?.caseID.description ?? "")], name: "open episodes")
    }

    public func episodes(_ keys: [EpisodeKey]) async throws(RoutingFailure) -> [WatchedEpisode] {
        guard !keys.isEmpty else { return [] }
        return try await episodes(
            """
            \(Self.columns) FROM unnest($1::text[], $2::text[], $3::int[]) AS k (org, case_id, number)
            JOIN caserouter.episodes e ON e.org = k.org AND e.case_id = k.case_id AND e.number = k.number
            """,
            [
                .textArray(keys.map(\.caseKey.org)), .textArray(keys.map(\.caseKey.caseID.description)),
                .int4Array(keys.map(\.number)),
            ], name: "episodes")
    }

    private static let columns = """
        SELECT e.org, e.case_id, e.number, e.ended_at IS NULL, e.state, e.interaction_id, e.attempt_id, e.with_agent,
            e.end_reason,
            coalesce((SELECT c.want_assign FROM caserouter.cases c WHERE c.org = e.org AND c.case_id = e.case_id), 0),
            extract(epoch FROM now() - e.placed_at)::float8
        """

    private func episodes(
        _ sql: String, _ parameters: [PostgresValue], name: String
    ) async throws(RoutingFailure) -> [WatchedEpisode] {
        let rows = try await database.ask(sql, parameters, name: name)
        do throws(PostgresError) {
            var episodes: [WatchedEpisode] = []
            episodes.reserveCapacity(rows.count)
            for row in rows {
                episodes.append(
                    WatchedEpisode(
                        key: EpisodeKey(
                            CaseKey(org: try row.text(0), caseID: try row.recordID(1)), try row.int32(2)),
                        isOpen: try row.bool(3), state: Episode.State(rawValue: try row.text(4)) ?? .ending,
                        interaction: try row.optionalText(5).map { InteractionID($0) }, attempt: try row.attemptID(6),
                        isWithAgent: try row.bool(7), wantedAssign: try row.int64(9),
                        endReason: try row.optionalText(8).flatMap { EpisodeEnd.Reason(rawValue: $0) },
                        placedFor: try row.optionalDouble(10).map { .seconds($0) }))
            }
            return episodes
        } catch {
            throw RoutingFailure(error)
        }
    }

    public func adopt(
        _ episode: EpisodeKey, _ interaction: InteractionID, _ attempt: AttemptID
    ) async throws(RoutingFailure) -> Bool {
        try await wrote(
            """
            WITH locked AS (
                SELECT 1 FROM caserouter.cases WHERE org = $1 AND case_id = $2 FOR UPDATE
            ), won AS (
                UPDATE caserouter.episodes e SET interaction_id = $4, attempt_id = $5, state = 'held', assign_number = 0,
                    workgroup = NULL, skills = NULL
                WHERE e.org = $1 AND e.case_id = $2 AND e.number = $3 AND e.state = 'creating'
                    AND e.interaction_id IS NULL AND e.ended_at IS NULL AND EXISTS (SELECT FROM locked)
                    -- Of a case that has lost rows a routable one may be out there: that one goes first.
                    AND NOT EXISTS (
                        SELECT FROM caserouter.holds h
                        WHERE h.kind = 'cic' AND h.name = e.cic AND h.reason = 'lost-rows')
                RETURNING 1
            ), due AS (
                UPDATE caserouter.cases SET next_at = now(), changed_at = now()
                WHERE org = $1 AND case_id = $2 AND EXISTS (SELECT FROM won)
            )
            SELECT EXISTS (SELECT FROM won)
            """, key(episode) + [.text(interaction.description), .uuid(attempt.bits)], name: "adopt")
    }

    public func note(
        _ episode: EpisodeKey, _ interaction: InteractionID, _ attempt: AttemptID, isWithAgent: Bool
    ) async throws(RoutingFailure) -> Bool {
        try await wrote(
            """
            WITH locked AS (
                SELECT 1 FROM caserouter.cases WHERE NOT $6 AND org = $1 AND case_id = $2 FOR UPDATE
            ), noted AS (
                UPDATE caserouter.episodes SET with_agent = $6,
                    with_agent_at = CASE WHEN $6 THEN coalesce(with_agent_at, now()) ELSE with_agent_at END
                WHERE org = $1 AND case_id = $2 AND number = $3 AND interaction_id = $4 AND attempt_id = $5
                    AND ended_at IS NULL AND ($6 OR EXISTS (SELECT FROM locked))
                RETURNING cic
            ), due AS (
                UPDATE caserouter.cases c
                SET revision = c.revision + 1, acts_on_cic = n.cic, next_at = now(), changed_at = now()
                FROM noted n
                WHERE NOT $6 AND c.org = $1 AND c.case_id = $2 AND c.want_cic IS NULL AND c.spares_agent
            )
            SELECT EXISTS (SELECT FROM noted)
            """, key(episode) + [.text(interaction.description), .uuid(attempt.bits), .bool(isWithAgent)], name: "note")
    }

    public func end(_ end: EpisodeEnd) async throws(RoutingFailure) -> Bool { try await cases.end(end) }

    public func rebind(
        _ episode: EpisodeKey, _ attempt: AttemptID, from: InteractionID, to: InteractionID
    ) async throws(RoutingFailure) -> Bool {
        try await wrote(
            """
            WITH bound AS (
                UPDATE caserouter.episodes e SET interaction_id = $6,
                    cic_epoch = (SELECT cic_epoch FROM caserouter.cic_servers WHERE name = e.cic)
                WHERE org = $1 AND case_id = $2 AND number = $3 AND interaction_id = $4 AND attempt_id = $5
                    AND ended_at IS NULL
                RETURNING 1)
            SELECT EXISTS (SELECT FROM bound)
            """, key(episode) + [.text(from.description), .uuid(attempt.bits), .text(to.description)], name: "rebind")
    }

    public func deliveredAfterAll(_ episode: EpisodeKey) async throws(RoutingFailure) -> Bool {
        try await wrote(
            """
            WITH locked AS (
                SELECT 1 FROM caserouter.cases WHERE org = $1 AND case_id = $2 FOR UPDATE
            ), given AS (
                UPDATE caserouter.episodes SET end_reason = 'lost-with-agent'
                WHERE org = $1 AND case_id = $2 AND number = $3 AND ended_at IS NOT NULL AND end_reason = 'lost'
                    AND EXISTS (SELECT FROM locked)
                RETURNING 1
            ), withdrawn AS (
                UPDATE caserouter.cases c
                SET revision = c.revision + 1, want_cic = NULL, want_workgroup = NULL, want_skills = '',
                    want_mapping = NULL, spares_agent = false, next_at = now(), changed_at = now(),
                    acts_on_cic = (
                        SELECT e.cic FROM caserouter.episodes e
                        WHERE e.org = $1 AND e.case_id = $2 AND e.ended_at IS NULL)
                WHERE c.org = $1 AND c.case_id = $2 AND c.want_cic IS NOT NULL AND EXISTS (SELECT FROM given)
                    AND NOT EXISTS (
                        SELECT FROM caserouter.episodes e
                        WHERE e.org = $1 AND e.case_id = $2 AND e.ended_at IS NULL AND e.with_agent)
            )
            SELECT EXISTS (SELECT FROM given)
            """, key(episode), name: "delivered after all")
    }

    private func key(_ episode: EpisodeKey) -> [PostgresValue] {
        [.text(episode.caseKey.org), .text(episode.caseKey.caseID.description), .int4(episode.number)]
    }

    /// Whether the statement wrote. It also did not where another open episode has the id: CIC gave it again, and nobody
    /// may have both.
    private func wrote(
        _ sql: String, _ parameters: [PostgresValue], name: String
    ) async throws(RoutingFailure) -> Bool {
        do throws(PostgresError) {
            return try await database.query(sql, parameters, name: name)[0].bool(0)
        } catch {
            if case .constraint("episodes_one_open_per_interaction") = error.kind { return false }
            throw RoutingFailure(error)
        }
    }

    // MARK: The server

    public func server(cic: String) async throws(RoutingFailure) -> WatchedServer? {
        let rows = try await database.ask(
            """
            SELECT s.identity, ARRAY(SELECT h.reason FROM caserouter.holds h WHERE h.kind = 'cic' AND h.name = s.name),
                (SELECT h.since FROM caserouter.holds h
                    WHERE h.kind = 'cic' AND h.name = s.name AND h.reason = 'lost-rows'),
                greatest(0, extract(epoch FROM now() - coalesce(
                    (SELECT f.seen_at FROM caserouter.queue_figures f WHERE f.cic = s.name),
                    (SELECT min(e.placed_at) FROM caserouter.episodes e WHERE e.ended_at IS NULL AND e.cic = s.name)
                )))::float8
            FROM caserouter.cic_servers s WHERE s.name = $1
            """, [.text(cic)], name: "watched server")
        do throws(PostgresError) {
            return try rows.first.map { row throws(PostgresError) in
                WatchedServer(
                    identity: try row.optionalText(0),
                    holds: Set(try row.textArray(1).compactMap { Hold.Reason(rawValue: $0) }),
                    lostRowsSince: try row.optionalTimestamp(2),
                    unwatched: .seconds(try row.double(3)))
            }
        } catch {
            throw RoutingFailure(error)
        }
    }

    public func raiseEpoch(cic: String, identity: String) async throws(RoutingFailure) {
        _ = try await database.ask(
            """
            UPDATE caserouter.cic_servers
            SET identity = $2, cic_epoch = cic_epoch + CASE WHEN identity IS NULL THEN 0 ELSE 1 END
            WHERE name = $1 AND identity IS DISTINCT FROM $2
            """, [.text(cic), .text(identity)], name: "raise epoch")
    }

    public func replaceDirectory(cic: String, _ directory: CICDirectory) async throws(RoutingFailure) {
        try await PostgresDirectory(database).replace(cic: cic, directory)
    }

    public func placeHold(_ hold: Hold) async throws(RoutingFailure) { try await cases.placeHold(hold) }

    public func liftHold(_ kind: Hold.Kind, _ name: String, _ reason: Hold.Reason) async throws(RoutingFailure) {
        _ = try await database.ask(
            "DELETE FROM caserouter.holds WHERE kind = $1 AND name = $2 AND reason = $3 AND coalesce(until, now()) <= now()",
            [.text(kind.rawValue), .text(name), .text(reason.rawValue)], name: "lift hold")
    }

    public func saveQueueFigures(cic: String, _ figures: QueueFigures) async throws(RoutingFailure) {
        _ = try await database.ask(
            """
            INSERT INTO caserouter.queue_figures (cic, waiting, with_agents, in_holding) VALUES ($1, $2, $3, $4)
            ON CONFLICT (cic) DO UPDATE SET waiting = excluded.waiting, with_agents = excluded.with_agents,
                in_holding = excluded.in_holding, seen_at = now()
            """,
            [
                .text(cic), .int4(Int32(clamping: figures.waiting)), .int4(Int32(clamping: figures.withAgents)),
                .int4(Int32(clamping: figures.inHolding)),
            ], name: "save queue figures")
    }
}
