import CaseRouting
import Operations
import Postgres

/// Holds that people place.
public struct PostgresPauseStore: PauseStore {
    private let database: PostgresDatabase

    public init(_ database: PostgresDatabase) { self.database = database }

    public func holds() async throws(RoutingFailure) -> [PlacedHold] {
        let rows = try await database.ask(
            "SELECT kind, name, reason, detail, since, placed_by FROM caserouter.holds ORDER BY since, kind, name",
            name: "holds", needing: .admin)
        do throws(PostgresError) {
            return try rows.map { row throws(PostgresError) in try PlacedHold(row) }
        } catch {
            throw RoutingFailure(error)
        }
    }

    public func pause(
        _ target: PauseTarget, why: String, by author: Author
    ) async throws(RoutingFailure) -> Bool {
        let rows = try await database.ask(
            """
            WITH placed AS (
                INSERT INTO caserouter.holds (kind, name, reason, detail, placed_by) VALUES ($1, $2, 'paused', $3, $4)
                ON CONFLICT (kind, name, reason) DO NOTHING
                RETURNING 1
            ), noted AS (
                INSERT INTO caserouter.audit (actor, host, action, target, after)
                SELECT $4, $5, 'pause', $1 || ':' || $2, jsonb_build_object('why', $3::text) FROM placed
            )
            SELECT EXISTS (SELECT FROM placed)
            """,
            [
                .text(target.kind.rawValue), .text(target.name), .text(why.withoutNUL), .text(author.name),
                .text(author.host),
            ], name: "pause", needing: .admin)
        return try isTrue(rows)
    }

    public func resume(_ target: PauseTarget, by author: Author) async throws(RoutingFailure) -> Bool {
        let rows = try await database.ask(
            """
            WITH lifted AS (
                DELETE FROM caserouter.holds WHERE kind = $1 AND name = $2 AND reason = 'paused'
                RETURNING detail, since, placed_by
            ), noted AS (
                INSERT INTO caserouter.audit (actor, host, action, target, before)
                SELECT $3, $4, 'resume', $1 || ':' || $2,
                    jsonb_build_object('why', detail, 'since', since, 'by', placed_by)
                FROM lifted
            )
            SELECT EXISTS (SELECT FROM lifted)
            """,
            [.text(target.kind.rawValue), .text(target.name), .text(author.name), .text(author.host)], name: "resume",
            needing: .admin)
        return try isTrue(rows)
    }

    public func waiting(behind target: PauseTarget) async throws(RoutingFailure) -> Int {
        let rows = try await database.ask(
            """
            SELECT count(*) FROM caserouter.cases c
            WHERE c.applied_revision < c.revision AND c.attempts < 8 AND CASE $1
                WHEN 'org' THEN c.org = $2
                WHEN 'cic' THEN c.acts_on_cic = $2
                ELSE c.want_cic || '/' || c.want_workgroup = $2 END
            """, [.text(target.kind.rawValue), .text(target.name)], name: "waiting behind hold", needing: .admin)
        do throws(PostgresError) {
            return Int(try rows[0].int64(0))
        } catch {
            throw RoutingFailure(error)
        }
    }

    private func isTrue(_ rows: PostgresRows) throws(RoutingFailure) -> Bool {
        do throws(PostgresError) {
            return try rows[0].bool(0)
        } catch {
            throw RoutingFailure(error)
        }
    }
}
