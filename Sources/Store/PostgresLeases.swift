import CaseRouting
import Postgres

/// Leases as rows, by the database's clock.
public struct PostgresLeases: Leases {
    private let database: PostgresDatabase
    /// Unique per process, not per machine: two owners of one name would both hold a lease.
    private let owner: String

    public init(_ database: PostgresDatabase, owner: String) {
        self.database = database
        self.owner = owner
    }

    /// The time is the one before a wait for the row, so that a lease is never longer than its holder thinks.
    private static let take = """
        INSERT INTO caserouter.leases AS l (kind, name, owner, term, until)
        VALUES ($1, $2, $3, 1, now() + interval '30 s')
        ON CONFLICT (kind, name) DO UPDATE
        SET owner = excluded.owner, until = excluded.until,
            term = l.term + CASE WHEN l.owner = excluded.owner THEN 0 ELSE 1 END
        WHERE l.until <= now() OR l.owner = excluded.owner
        RETURNING term
        """

    public func take(_ kind: Lease.Kind, _ name: String) async throws(RoutingFailure) -> Lease? {
        let parameters: [PostgresValue] = [.text(kind.rawValue), .text(name), .text(owner)]
        let rows = try await database.ask(Self.take, parameters, name: "take lease")
        guard let row = rows.first else { return nil }
        do throws(PostgresError) {
            return Lease(kind: kind, name: name, term: try row.int64(0))
        } catch {
            throw RoutingFailure(error)
        }
    }

    public func release(_ lease: Lease) async throws(RoutingFailure) {
        let parameters: [PostgresValue] = [
            .text(lease.kind.rawValue), .text(lease.name), .text(owner), .int8(lease.term),
        ]
        _ = try await database.ask(
            """
            UPDATE caserouter.leases SET until = '-infinity'
            WHERE kind = $1 AND name = $2 AND owner = $3 AND term = $4
            """, parameters, name: "release lease")
    }
}
