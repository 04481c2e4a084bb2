import CaseRouting
import Postgres

/// Cases whose failure named something that was changed since are sent again by themselves, as a bulk retry.
extension PostgresHousekeepingStore {
    /// Workers take a change over within five seconds. A worker that was late has failed its case again by the second
    /// look.
    func takeRepairs() async throws(RoutingFailure) -> [String] {
        let due = try await database.ask(
            """
            SELECT id FROM caserouter.repairs
            WHERE at < now() - CASE looks WHEN 0 THEN interval '5 s' ELSE interval '30 s' END ORDER BY id LIMIT 100
            """, name: "due repairs")
        var done: [String] = []
        do throws(PostgresError) {
            for row in due {
                if let words = try await take(try row.int64(0)) { done.append(words) }
            }
        } catch {
            throw RoutingFailure(error)
        }
        return done
    }

    private func take(_ id: Int64) async throws(PostgresError) -> String? {
        try await database.transaction(name: "take repair") { transaction throws(PostgresError) in
            let rows = try await transaction.query(
                """
                SELECT what, coalesce(cic, ''), coalesce(name, ''), looks::int4 FROM caserouter.repairs
                WHERE id = $1 FOR UPDATE SKIP LOCKED
                """, [.int8(id)])
            guard let row = rows.first else { return nil }
            let (what, cic, name) = (try row.text(0), try row.text(1), try row.text(2))
            _ = try await transaction.query(
                try row.int32(3) == 0
                    ? "UPDATE caserouter.repairs SET looks = 1 WHERE id = $1"
                    : "DELETE FROM caserouter.repairs WHERE id = $1", [.int8(id)])
            if what == "mapping" { return try await Self.decideAgain(name, cic, transaction) }
            let words = Self.words(what, cic, name)
            let begun = try await transaction.query(
                """
                WITH repaired AS (
                    SELECT c.* FROM caserouter.cases c
                    WHERE c.attempts >= 8 AND c.failure_kind = 'configuration'
                        AND (c.want_cic = $2 OR c.acts_on_cic = $2) AND \(Self.condition(what))
                        -- Not what another repair has sent already.
                        AND NOT EXISTS (
                            SELECT FROM caserouter.bulk_retry_items i
                            JOIN caserouter.bulk_retries b ON b.id = i.retry AND b.state = 'running'
                            WHERE i.org = c.org AND i.case_id = c.case_id AND i.failure_number = c.failure_number
                                AND i.objection IS NULL)
                ), b AS (
                    INSERT INTO caserouter.bulk_retries (
                        asked, state, planned_by, host, rate, started_at, started_by)
                    SELECT $4, 'running', 'case router', '', \(Self.rate), now(), 'case router'
                    WHERE EXISTS (SELECT FROM repaired) RETURNING id
                )
                INSERT INTO caserouter.bulk_retry_items (retry, org, case_id, case_number, failure_number, failed_at)
                SELECT b.id, c.org, c.case_id, c.case_number, c.failure_number, coalesce(c.failed_at, now())
                FROM b CROSS JOIN repaired c
                RETURNING retry
                """, [.int8(id), .text(cic), .text(name), .text(words)])
            return begun.isEmpty ? nil : "\(try begun[0].int32(0)): \(begun.count) cases are sent again, \(words)"
        }
    }

    /// Cases a second, when nobody has said another rate.
    private static let rate = 10

    /// Which failures named the thing. `$2` is the server, `$3` the name, `$1` the repair.
    private static func condition(_ what: String) -> String {
        switch what {
        case "skill":
            // The case names the skill itself, or by an alias of it.
            """
            $1::int8 IS NOT NULL AND c.failure_cause = 'skill-unknown' AND EXISTS (
                SELECT FROM regexp_split_to_table(c.want_skills, '\\s*;\\s*') AS s (name)
                WHERE trim(s.name) = $3 OR EXISTS (
                    SELECT FROM caserouter.aliases a
                    WHERE a.cic = $2 AND a.kind = 'skill' AND a.name = trim(s.name) AND a.means = $3))
            """
        case "workgroup":
            """
            $1::int8 IS NOT NULL AND (
                c.failure_cause IN ('workgroup-unknown', 'workgroup-unusable') AND c.want_workgroup = $3
                OR c.failure_cause = 'holding-unusable' AND EXISTS (
                    SELECT FROM caserouter.cic_servers s WHERE s.name = $2 AND s.holding = $3))
            """
        case "credential":
            "$1::int8 IS NOT NULL AND $3::text IS NOT NULL AND c.failure_cause IN ('cic-credentials', 'cic-forbidden')"
        default:
            """
            $1::int8 IS NOT NULL AND $3::text IS NOT NULL AND c.failure_cause IN (
                'holding-unusable', 'skills-not-supported', 'configuration', 'attributes-missing')
            """
        }
    }

    private static func words(_ what: String, _ cic: String, _ name: String) -> String {
        switch what {
        case "skill", "workgroup": "\(what) \(name) of CIC server \(cic) was repaired"
        case "credential": "the credential of CIC server \(cic) was replaced"
        default: "CIC server \(cic) was set up anew"
        }
    }

    /// What a case wants was decided by the mapping as it was: ingest reads the case again, and it is decided anew. Skills
    /// that cannot be used are permanent as long as the mapping takes them.
    private static func decideAgain(
        _ mapping: String, _ cic: String, _ transaction: PostgresTransaction
    ) async throws(PostgresError) -> String? {
        let rows = try await transaction.query(
            """
            UPDATE caserouter.cases SET verify_at = now()
            WHERE attempts >= 8 AND want_mapping = $1::text::int
                AND (failure_kind = 'configuration' OR failure_cause IN ('skills-too-long', 'skills-malformed'))
            RETURNING 1
            """, [.text(mapping)])
        return rows.isEmpty ? nil : "mapping \(mapping) was changed: \(rows.count) cases are decided again"
    }
}
