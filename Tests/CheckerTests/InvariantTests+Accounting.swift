import Checker
import Foundation
import Testing

/// I11 to I14 and the accounting.
extension InvariantTests {
    @Test func `I11, a message that nobody can read is gone without a word`() throws {
        run.poison = ["{\"specversion\":", "not JSON"]
        run.waiting["caserouter.dead"] = 2
        let reason = Data("not JSON at all".utf8).map { String(format: "%02x", $0) }.joined()
        run.rows["undecodable"] = [["digest": "d", "reason": "no JSON", "beginning": reason, "seen": 1]]
        let verdict = try run.verdict()
        #expect(verdict.findings.map(\.invariant) == [.queues])
        #expect(
            verdict.findings.first?.reasons == ["the message that begins with {\"specversion\": is gone without a word"]
        )
        run.allowances.rowsLost = [0]
        #expect(try run.broken() == [])
        run.waiting["caserouter.dead"] = 1
        #expect(try run.broken() == ["I11"])
    }

    @Test func `I11, a dead message without a reason`() throws {
        run.waiting["caserouter.dead"] = 1
        #expect(try run.broken() == ["I11"])
    }

    @Test func `I12, a failed case that does not say why, or is on no list`() throws {
        run.change("case", 0, "attempts", to: 8)
        #expect(try run.broken() == ["I12 1"])
        for (column, value) in [
            "failure_kind": "permanent", "failure_cause": "skill-unknown", "failure_summary": "There is none.",
        ] {
            run.change("case", 0, column, to: value)
        }
        run.change("case", 0, "failed", to: WrittenRun.micros(3))
        run.change("case", 0, "failure_number", to: 1)
        #expect(try run.broken() == [])
        run.listed = []
        #expect(try run.broken() == ["I12 1"])
    }

    @Test func `I12, an attempt that failed does not say why`() throws {
        run.change("attempt", 0, "outcome", to: "retry")
        #expect(try run.broken() == ["I12 1"])
    }

    @Test func `I13, a case is due and nobody comes`() throws {
        run.change("case", 0, "revision", to: 2)
        #expect(try run.broken() == ["I13 1"])
    }

    @Test func `I13, a request was merged and has no outcome`() throws {
        run.request(WrittenRun.id(1), "observed", at: 300, outcome: nil)
        for (column, value) in ["row": NSNull(), "finished": NSNull()] { run.change("request", 3, column, to: value) }
        run.change("request", 3, "key", to: "s:1")
        #expect(try run.broken() == ["I13 1"])
    }

    @Test(arguments: ["gap", "hold", "sweep", "bulk-retry"])
    func `I13, something is not over`(kind: String) throws {
        let since = WrittenRun.micros(300)
        run.rows[kind] = [
            [
                "org": "acme", "channel": "c", "reason": "paused", "opened": since, "of": "cic", "name": "cic-east",
                "detail": "", "since": since, "asked_by": "ann", "asked": since, "id": 1, "started": since,
            ]
        ]
        #expect(try run.broken() == ["I13"])
    }

    @Test(arguments: ["s3cr\"t/ä", "czNjciJ0L8Ok", "7333637222742fc3a4", "s3cr%22t%2F%C3%A4", #"s3cr\"t\/ä"#])
    func `I14, a secret stands in a log, however it is written`(written: String) throws {
        let log = run.ledgers.folder.appending(path: "route-1.log").path
        try "first\nthe password is \(written).\n".write(toFile: log, atomically: false, encoding: .utf8)
        let verdict = try run.verdict(secrets: [.init(name: "the password", value: "s3cr\"t/ä")], searched: [log])
        #expect(verdict.findings.map(\.invariant) == [.secrets])
        #expect(verdict.findings.first?.reasons == ["the password stands in it"])
        #expect(verdict.findings.first?.evidence == ["route-1.log:2"])
    }

    @Test func `the product's sums do not agree with its rows`() throws {
        run.accounting = [
            "received": 4, "routed": 3, "ignored": 0, "superseded": 0, "failed": 0, "discarded": 0, "pending": 0,
            "observed": 0,
        ]
        let verdict = try run.verdict()
        #expect(verdict.findings.map(\.invariant) == [.accounting])
        #expect(verdict.findings.first?.reasons == ["the accounting says 4 received, and the requests are 3"])
    }

    @Test func `a database that was read only in part is no verdict`() throws {
        _ = try run.verdict()
        let path = run.ledgers.folder.appending(path: "database.ndjson").path
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        try lines.dropLast().joined(separator: "\n").appending("\n").write(
            toFile: path, atomically: false, encoding: .utf8)
        let files = try run.ledgers.writeFiles()
        #expect(throws: LedgerError.self) {
            try Judge.verdict(
                Evidence(site: WrittenLedgers.site, salesforce: [files.salesforce], cic: files.cic, database: path))
        }
    }
}
