import CaseRouting
import Operations
import Postgres

/// Decisions from the ledger, by case.
public struct PostgresDecisionHistory: DecisionHistory {
    private let database: PostgresDatabase

    public init(_ database: PostgresDatabase) { self.database = database }

    public func now() async throws(RoutingFailure) -> CaseRouting.Timestamp {
        let rows = try await database.ask("SELECT now()", name: "now", needing: .admin)
        do throws(PostgresError) {
            return try rows[0].timestamp(0)
        } catch {
            throw RoutingFailure(error)
        }
    }

    /// The cases of a page first, so that no case is cut in two. Each partition gives its share by index in the order of
    /// cases.
    static let page = """
        WITH page AS (
            SELECT max(r.case_id) AS last FROM (
                SELECT case_id FROM caserouter.requests
                WHERE org = $1 AND case_id > $2 AND day >= ($3::timestamptz AT TIME ZONE 'UTC')::date - 1
                    AND seen_at >= $3
                ORDER BY case_id LIMIT $4) r
        )
        SELECT r.case_id, r.body, r.inputs, r.rule, r.seen_at
        FROM page JOIN caserouter.requests r ON r.case_id > $2 AND r.case_id <= page.last
        WHERE r.org = $1 AND r.day >= ($3::timestamptz AT TIME ZONE 'UTC')::date - 1 AND r.seen_at >= $3
        ORDER BY r.case_id, r.seen_at, r.number
        """

    public func decisions(
        org: String, from: CaseRouting.Timestamp, after: RecordID?, limit: Int
    ) async throws(RoutingFailure) -> [(caseID: RecordID, decisions: [RecordedDecision])] {
        let rows = try await database.ask(
            Self.page,
            [
                .text(org), .text(after?.description ?? ""), .timestamptz(from.microseconds), .int8(Int64(limit)),
            ], name: "decisions of cases", needing: .admin)
        do throws(PostgresError) {
            var cases: [(caseID: RecordID, decisions: [RecordedDecision])] = []
            for row in rows {
                let caseID = try row.recordID(0)
                if cases.last?.caseID != caseID { cases.append((caseID, [])) }
                let record = DecisionRecord.read(
                    body: try row.bytes(1), inputs: try row.optionalJSON(2),
                    rule: try row.optionalText(3).flatMap { Decision.Rule(rawValue: $0) },
                    at: try row.optionalTimestamp(4))
                if let record { cases[cases.count - 1].decisions.append(record) }
            }
            return cases
        } catch {
            throw RoutingFailure(error)
        }
    }
}
