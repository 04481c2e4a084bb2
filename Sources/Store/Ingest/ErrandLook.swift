import CaseRouting
import Polling
import Postgres

/// One look a second at what there is to do for all orgs, whoever of them asks: a process may hold a thousand, and most
/// have nothing to do.
actor ErrandLook {
    nonisolated let database: PostgresDatabase
    nonisolated var unownedExecutor: UnownedSerialExecutor { database.unownedExecutor }

    private var found: [String: OrgErrands] = [:]
    private var lookedAt: MonotonicTime?
    private var isLooking = false

    init(_ database: PostgresDatabase) { self.database = database }

    func errands(of org: String) async throws(RoutingFailure) -> OrgErrands {
        if isLooking { return lookedAt == nil ? .all : found[org] ?? [] }
        if let lookedAt, MonotonicTime.now - lookedAt < Self.age { return found[org] ?? [] }
        isLooking = true
        defer { isLooking = false }
        let rows = try await database.ask(Self.sql, name: "errands")
        do throws(PostgresError) {
            var found: [String: OrgErrands] = [:]
            for row in rows { found[try row.text(0)] = OrgErrands(rawValue: try row.int32(1)) }
            self.found = found
        } catch {
            throw RoutingFailure(error)
        }
        lookedAt = .now
        return found[org] ?? []
    }

    /// Whatever the number of cases, requests and sweeps: each part reads an index of nothing but what is to be done, and
    /// of rows to be marked, which may be many, one for each org.
    private static let sql = """
        SELECT org, bit_or(what) FROM (
            SELECT org, \(OrgErrands.verify.rawValue) AS what FROM caserouter.cases WHERE verify_at <= now()
            UNION ALL
            SELECT org, \(OrgErrands.gap.rawValue) FROM caserouter.gaps WHERE closed_at IS NULL AND opened_at <= now()
            UNION ALL
            SELECT org, \(OrgErrands.askedSweep.rawValue) FROM caserouter.sweeps WHERE finished_at IS NULL
            UNION ALL
            SELECT o.name, \(OrgErrands.writeBack.rawValue) FROM caserouter.orgs o
            WHERE EXISTS (
                SELECT FROM caserouter.requests r
                WHERE r.org = o.name AND r.write_back = 'due' AND r.write_back_at <= now())) e
        GROUP BY org
        """

    /// A little less than the pause of who asks, so that it hears of something at its next look.
    private static let age: Duration = .milliseconds(900)
}

extension PostgresIngestStore {
    public func errands(org: String) async throws(RoutingFailure) -> OrgErrands { try await look.errands(of: org) }
}
