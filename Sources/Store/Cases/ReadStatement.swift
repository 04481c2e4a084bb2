import CaseRouting
import Postgres

/// Reading a case before a decision, and again under a claim.
enum ReadStatement {
    /// Locks the cases of a flush in the order of their keys, before anything is read under those locks: the statements
    /// behind it see what the locks protect, and two processes never wait for each other in a circle.
    static let lock = BatchLock(
        columns: [.text, .text],
        sql: """
            SELECT 1 FROM unnest($1, $2) WITH ORDINALITY AS m (org, case_id, o)
            JOIN caserouter.cases c ON c.org = m.org AND c.case_id = m.case_id
            ORDER BY m.o FOR NO KEY UPDATE OF c
            """
    ) { key, row in
        row.append(key.scope)
        row.append(key.name)
    }

    static let snapshot = BatchOperation<CaseChange, CaseSnapshot>(
        name: "read case", order: 0, writes: false, columns: [.text, .text, .int4, .text],
        sql: """
            SELECT m.o::int4, now(), r.seen_at IS NOT NULL, c.org IS NOT NULL,
                (SELECT version FROM caserouter.configuration_version WHERE only_row),
                coalesce(e.cic = ANY (ARRAY(
                    SELECT h.name FROM caserouter.holds h WHERE h.kind = 'cic' AND h.reason = 'lost-rows')), false),
                \(CaseColumns.list)
            FROM unnest($1, $2, $3, $4) WITH ORDINALITY AS m (org, case_id, day, event_key, o)
            LEFT JOIN caserouter.cases c ON c.org = m.org AND c.case_id = m.case_id
            LEFT JOIN caserouter.episodes e ON e.org = m.org AND e.case_id = m.case_id
                AND e.number = c.episode AND e.state <> 'ended'
            LEFT JOIN caserouter.requests r
                ON r.day = date '1970-01-01' + m.day AND r.org = m.org AND r.event_key = m.event_key
                    AND r.case_id = m.case_id
            """,
        encode: { change, row in
            row.append(change.org)
            row.append(change.caseID.description)
            row.append(change.occurredAt.day)
            row.append(change.key)
        },
        decode: { row throws(PostgresError) in
            let isKnown = try row.bool(3)
            return CaseSnapshot(
                state: isKnown ? try CaseColumns.decode(row, at: 6) : CaseState(),
                isMerged: try row.bool(2), now: try row.timestamp(1), configuration: try row.int64(4),
                lacksRows: try row.bool(5))
        })

    /// A claim as it is now; its lease begins anew, because whoever holds it counts from the time it is given here.
    static let refresh = BatchOperation<Claim, Claim>(
        name: "refresh claim", order: 10, writes: true, columns: [.text, .text, .int8],
        sql: """
            WITH m AS (SELECT * FROM unnest($1, $2, $3) WITH ORDINALITY AS m (org, case_id, epoch, o)),
            c AS (
                UPDATE caserouter.cases c
                SET lease_until = now() + interval '30 s', next_at = now() + interval '30 s'
                FROM m WHERE c.org = m.org AND c.case_id = m.case_id AND c.epoch = m.epoch AND c.lease_until IS NOT NULL
                RETURNING m.o, c.*)
            SELECT c.o::int4, now(), c.org, c.case_id, c.epoch, \(CaseColumns.list)
            FROM c LEFT JOIN caserouter.episodes e ON e.org = c.org AND e.case_id = c.case_id
                AND e.number = c.episode AND e.state <> 'ended'
            """,
        encode: { claim, row in
            row.append(claim.caseKey.org)
            row.append(claim.caseKey.caseID.description)
            row.append(claim.epoch)
        },
        decode: { row throws(PostgresError) in try Claim(row) })
}

extension Claim {
    /// Reads `now, org, case, epoch` and a whole case, from column 1.
    init(_ row: PostgresRow) throws(PostgresError) {
        self.init(
            caseKey: CaseKey(org: try row.text(2), caseID: try row.recordID(3)), epoch: try row.int64(4),
            state: try CaseColumns.decode(row, at: 5), now: try row.timestamp(1))
    }
}
