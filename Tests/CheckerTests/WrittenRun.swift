import Checker
import Foundation

/// A whole run written by hand: ledgers, queues and database agree until a test changes a row.
///
/// Times are seconds after 09:00:00. The database was read long after everything.
final class WrittenRun {
    static let attemptOne = "01900000-0000-7000-8000-000000000001"
    private static let readAt = 10_000.0

    let ledgers: WrittenLedgers
    /// Rows of the database by kind and place: `rows["request"]?[0]["outcome"] = …`.
    var rows: [String: [[String: Any]]] = [:]
    var waiting: [String: Int] = ["caserouter.requests": 0, "caserouter.dead": 0]
    var poison: [String] = []
    var allowances = Evidence.Allowances()
    /// Replaces what follows from the rows.
    var accounting: [String: Int]?
    var listed: [String]?
    private var cases = 0

    init() throws { ledgers = try WrittenLedgers() }

    static func micros(_ seconds: Double) -> Int { 32_400_000_000 + Int(seconds * 1_000_000) }

    static func id(_ number: Int) -> String { "50000000000000" + String(number) + "EAA" }
    static func attempt(_ number: Int) -> String { attemptOne.dropLast(1) + String(number) }

    /// A case that came, was created in holding, moved to its workgroup, and waits there; everything as it should be. The
    /// first is case 1 with interaction 1, and so on.
    ///
    /// - Parameters:
    ///   - owner: a user's case is offered because of a comment.
    ///   - place: where it waits.
    func served(at: Double = 0, owner: String = WrittenLedgers.support, on place: String = "Support") {
        cases += 1
        let (id, attempt) = (Self.id(cases), Self.attempt(cases))
        ledgers.changed("created", at: at, owner: owner, case: id, markedAfter: 5)
        ledgers.announced(at: at, replay: cases)
        request(id, "created", at: at)
        if owner.hasPrefix("005") {
            ledgers.commented(at: at + 0.5, case: id, markedAfter: 5)
            request(id, "comment", at: at + 0.5)
        }
        ledgers.interaction(
            "\(cases)", "created", at: at + 1, on: "Case Holding", by: "handler", case: id, attempt: attempt)
        ledgers.interaction(
            "\(cases)", "moved", at: at + 2, on: place, by: "handler", case: id, attempt: attempt, number: 1)
        rows["case", default: []].append([
            "org": "acme", "case": id, "revision": 1, "applied": 1, "owner": owner, "closed": false,
            "skills": #"a "b" {"#, "server": "cic-east", "episode": 1, "epoch": 1, "attempts": 0, "worker": "route-1",
            "failure_kind": NSNull(), "failure_cause": NSNull(), "failure_summary": NSNull(), "failed": NSNull(),
            "failure_number": 0, "changed": Self.micros(at + 2.5),
        ])
        episode(id, 1, state: "placed", interaction: "\(cases)", attempt: attempt, at: at + 0.8)
        intention(id, attempt, at: at + 0.8)
        rows["cursor"] = [
            [
                "org": "acme", "channel": "/event/Routing_Request__e", "replay": cases, "updated": Self.micros(at + 1),
            ]
        ]
    }

    /// A request of the row that was written last.
    func request(_ id: String, _ change: String, at: Double, outcome: String? = "routed") {
        rows["request", default: []].append([
            "org": "acme", "key": "o:\(ledgers.lastRow)", "day": "1970-01-01", "case": id, "change": change,
            "row": ledgers.lastRow, "outcome": outcome as Any? ?? NSNull(), "rule": "arrived", "found": "stream",
            "received": Self.micros(at + 0.2), "seen": Self.micros(at + 0.5), "finished": Self.micros(at + 2.5),
        ])
    }

    func episode(
        _ id: String, _ number: Int, state: String, interaction: String, attempt: String, at: Double
    ) {
        rows["episode", default: []].append([
            "org": "acme", "case": id, "number": number, "server": "cic-east", "state": state,
            "interaction": interaction, "attempt": attempt, "opened": Self.micros(at),
        ])
    }

    func intention(
        _ id: String, _ attempt: String, at: Double, episode: Int = 1, revision: Int = 1, epoch: Int = 1,
        worker: String = "route-1"
    ) {
        rows["attempt", default: []].append([
            "attempt": attempt, "org": "acme", "case": id, "episode": episode, "revision": revision, "epoch": epoch,
            "worker": worker, "stage": "record", "started": Self.micros(at), "outcome": "ok",
            "failure_kind": NSNull(), "failure_cause": NSNull(), "failure_summary": NSNull(),
        ])
    }

    func change(_ kind: String, _ place: Int, _ column: String, to value: Any) { rows[kind]?[place][column] = value }

    func verdict(secrets: [Evidence.Secret] = [], searched: [String] = []) throws -> Verdict {
        let files = try ledgers.writeFiles()
        return try Judge.verdict(
            Evidence(
                site: ledgers.site, salesforce: [files.salesforce], cic: files.cic,
                database: try writeDatabase(),
                queues: try writeQueues(), secrets: secrets, searched: searched, allowances: allowances))
    }

    /// The invariants that were found broken, with the cases: `I1 1`.
    func broken() throws -> [String] {
        try verdict().findings.map { finding in
            finding.caseID.isEmpty
                ? finding.invariant.rawValue : "\(finding.invariant.rawValue) \(finding.caseID.suffix(1))"
        }
    }

    private func writeDatabase() throws -> String {
        var all = rows.sorted { $0.key < $1.key }.flatMap { kind, rows in
            rows.map { $0.merging(["kind": kind]) { _, kind in kind } }
        }
        all.append(["kind": "accounting", "org": "acme"].merging(accounting ?? sums) { _, sum in sum })
        let failed = (rows["case"] ?? []).filter { $0["attempts"] as? Int ?? 0 >= 8 }.compactMap {
            $0["case"] as? String
        }
        all += (listed ?? failed).map { ["kind": "failed", "org": "acme", "case": $0] }
        let ends: [[String: Any]] = [["kind": "end", "lines": all.count]]
        return try write([["kind": "begin", "at": Self.micros(Self.readAt)]] + all + ends, "database.ndjson")
    }

    private var sums: [String: Int] {
        var sums = [
            "received": 0, "routed": 0, "ignored": 0, "superseded": 0, "failed": 0, "discarded": 0, "pending": 0,
            "observed": 0,
        ]
        for request in rows["request"] ?? [] {
            let owner = rows["case"]?.first { $0["case"] as? String == request["case"] as? String }
            let isFailed = owner?["attempts"] as? Int ?? 0 >= 8
            sums["received", default: 0] += 1
            sums[request["outcome"] as? String ?? (isFailed ? "failed" : "pending"), default: 0] += 1
        }
        return sums
    }

    private func writeQueues() throws -> String {
        try write(
            waiting.sorted { $0.key < $1.key }.map { ["queue": $0.key, "messages": $0.value] }
                + poison.map { ["poison": $0] }, "queues.ndjson")
    }

    private func write(_ lines: [[String: Any]], _ name: String) throws -> String {
        let path = ledgers.folder.appending(path: name).path
        let text = try lines.map {
            String(decoding: try JSONSerialization.data(withJSONObject: $0, options: [.sortedKeys]), as: UTF8.self)
                + "\n"
        }
        try text.joined().write(toFile: path, atomically: false, encoding: .utf8)
        return path
    }
}
