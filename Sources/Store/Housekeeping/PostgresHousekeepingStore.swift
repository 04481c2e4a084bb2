import CaseRouting
import Postgres

/// Handles and partitions, as housekeeping uses them.
public struct PostgresHousekeepingStore: HousekeepingStore {
    let database: PostgresDatabase
    private let retention: HousekeepingRetention

    public init(_ database: PostgresDatabase, retention: HousekeepingRetention = HousekeepingRetention()) {
        self.database = database
        self.retention = retention
    }

    /// The broker drops a handle after five minutes; it is renewed one minute before that, so that queue tooling never
    /// finds a case without. Retried and failed anew, a case has another failure number and no handle yet.
    public func takeDueHandles(limit: Int) async throws(RoutingFailure) -> [DueHandle] {
        let rows = try await database.ask(
            """
            UPDATE caserouter.cases c SET handle_at = now()
            FROM (
                SELECT org, case_id FROM caserouter.cases
                WHERE attempts >= 8 AND (handle_at IS NULL OR handle_at < now() - interval '4 minutes')
                ORDER BY failed_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
            ) due
            WHERE c.org = due.org AND c.case_id = due.case_id
            RETURNING c.org, c.case_id, c.failure_number, c.failure_cause, coalesce(c.failed_at, c.changed_at)
            """, [.int4(Int32(clamping: limit))], name: "take due handles")
        do throws(PostgresError) {
            return try rows.map { row throws(PostgresError) in
                DueHandle(
                    handle: RetryHandle(
                        caseKey: CaseKey(org: try row.text(0), caseID: try row.recordID(1)),
                        failureNumber: try row.int32(2)),
                    cause: FailureCause(rawValue: try row.optionalText(3) ?? ""), failedAt: try row.timestamp(4))
            }
        } catch {
            throw RoutingFailure(error)
        }
    }

    /// A request that nobody can merge (its worker dies of it, its org was removed) does not keep the others waiting.
    public func liftSweptOrgs() async throws(RoutingFailure) -> [String] {
        let rows = try await database.ask(
            """
            DELETE FROM caserouter.holds h
            WHERE h.kind = 'org' AND h.reason = 'lost-rows' AND coalesce(h.until, now()) <= now()
                AND NOT EXISTS (
                    SELECT FROM caserouter.gaps g
                    WHERE g.org = h.name AND g.channel = 'database' AND g.closed_at IS NULL)
                AND NOT EXISTS (
                    SELECT FROM caserouter.requests r
                    WHERE r.seen_at IS NULL AND r.org = h.name AND r.found = 'sweep' AND r.received_at >= h.since
                        AND r.received_at > now() - interval '2 minutes')
            RETURNING h.name
            """, name: "lift swept orgs")
        do throws(PostgresError) {
            return try rows.map { row throws(PostgresError) in try row.text(0) }
        } catch {
            throw RoutingFailure(error)
        }
    }

    public func accountingDifferences() async throws(RoutingFailure) -> [AccountingDifference] {
        let rows = try await database.ask(
            """
            SELECT org, count(*), min(coalesce(nullif(case_number, ''), case_id)) FROM caserouter.unaccounted_requests
            GROUP BY org ORDER BY org
            """, name: "accounting differences")
        do throws(PostgresError) {
            return try rows.map { row throws(PostgresError) in
                AccountingDifference(
                    org: try row.text(0), requests: Int(try row.int64(1)), example: try row.text(2))
            }
        } catch {
            throw RoutingFailure(error)
        }
    }

    public func maintainPartitions() async throws(RoutingFailure) -> [String] {
        var done: [String] = []
        for (parent, setting, days) in [
            ("requests", "request_retention_days", retention.requestDays),
            ("attempts", "attempt_retention_days", retention.attemptDays),
        ] {
            let rows = try await database.ask(
                """
                SELECT caserouter.maintain_partitions($1, greatest(8, least(36500, caserouter.setting_number($2, $3)))::int)
                """, [.text(parent), .text(setting), .float8(Double(days))], name: "maintain partitions")
            do throws(PostgresError) {
                for row in rows { done.append(try row.text(0)) }
            } catch {
                throw RoutingFailure(error)
            }
        }
        // What was asked for so long ago concerns nobody any more; its single retries stand in the audit.
        _ = try await database.ask(
            """
            DELETE FROM caserouter.bulk_retries
            WHERE state <> 'running' AND coalesce(ended_at, planned_at) < now() - interval '90 days'
            """, name: "drop old retries")
        return done
    }
}

/// How many days of the ledger are kept, counted by the Salesforce day of a request and the day of an attempt, where
/// nobody has set `request_retention_days` or `attempt_retention_days`. What is set below 8 is 8.
public struct HousekeepingRetention: Equatable, Sendable {
    /// Open requests are kept whatever their age. At least 8.
    public var requestDays: Int
    /// At least 8.
    public var attemptDays: Int

    public init(requestDays: Int = 90, attemptDays: Int = 90) {
        self.requestDays = requestDays
        self.attemptDays = attemptDays
    }
}
