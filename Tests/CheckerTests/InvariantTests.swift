import Checker
import Foundation
import Testing

/// One violation at a time, in a run that is sound otherwise: exactly that is reported, and nothing else.
@Suite struct InvariantTests {
    private let run: WrittenRun

    init() throws {
        run = try WrittenRun()
        run.served(at: 0)
        run.served(at: 100)
        run.served(at: 200)
    }

    @Test func `a sound run is without findings`() throws {
        #expect(try run.verdict().findings == [])
    }

    // MARK: I1 I5

    @Test func `I1, one lost: nobody has what came`() throws {
        run.ledgers.interaction(
            "2", "lost", at: 300, by: "system", case: WrittenRun.id(2), attempt: WrittenRun.attempt(2))
        run.change("episode", 1, "state", to: "ended")
        let verdict = try run.verdict()
        #expect(verdict.findings.map(\.invariant) == [.noLoss])
        #expect(verdict.lost.map(\.caseID) == ["500000000000002"])
        #expect(verdict.lost.first?.evidence == ["salesforce.ndjson:5"])
    }

    @Test func `I1, a row that is no request and was never marked`() throws {
        run.ledgers.row("skills-changed", at: 300, case: WrittenRun.id(2), marked: false)
        #expect(try run.broken() == ["I1 2"])
    }

    @Test func `I1, one change is two requests on two days`() throws {
        var again = try #require(run.rows["request"]?[1])
        again["day"] = "1970-01-02"
        run.rows["request"]?.append(again)
        #expect(try run.broken() == ["I1 2"])
    }

    @Test func `I1 does not count what people can see as failed or have discarded`() throws {
        run.ledgers.interaction(
            "2", "lost", at: 300, by: "system", case: WrittenRun.id(2), attempt: WrittenRun.attempt(2))
        run.change("episode", 1, "state", to: "ended")
        run.rows["discard"] = [
            ["org": "acme", "case": WrittenRun.id(2), "discarded": WrittenRun.micros(400), "restored": NSNull()]
        ]
        #expect(try run.broken() == [])
        run.change("discard", 0, "restored", to: WrittenRun.micros(500))
        #expect(try run.broken() == ["I1 2"])
    }

    @Test func `I5, the position is behind an event that is no request`() throws {
        run.ledgers.row("skills-changed", at: 300, case: WrittenRun.id(3), marked: false)
        run.ledgers.announced(at: 300, replay: 4)
        run.change("cursor", 0, "replay", to: 4)
        let verdict = try run.verdict()
        #expect(verdict.findings.map(\.invariant) == [.cursor])
        #expect(verdict.lost.map(\.caseID) == ["500000000000003"])
    }

    @Test func `I5, positions of before a reset say nothing`() throws {
        run.ledgers.row("skills-changed", at: 300, case: WrittenRun.id(3), marked: false)
        run.ledgers.announced(at: 300, replay: 900)
        run.ledgers.row("skills-changed", at: 301, case: WrittenRun.id(3), marked: true, markedAfter: 5)
        run.ledgers.announced(at: 301, replay: 3)
        run.request(WrittenRun.id(3), "skills-changed", at: 301)
        #expect(try run.broken() == ["I1 3"])
    }

    // MARK: I2 I3 I4

    @Test func `I2, one doubled`() throws {
        run.ledgers.interaction(
            "9", "copied", at: 300, by: "control", case: WrittenRun.id(1), attempt: WrittenRun.attempt(1), number: 1)
        let verdict = try run.verdict()
        #expect(verdict.findings.map(\.invariant) == [.oneRoutable])
        #expect(verdict.doubled.map(\.caseID) == ["500000000000001"])
    }

    @Test func `I2, what is recovered later than it was given time for is told apart while it is put right`() throws {
        let (id, attempt) = (WrittenRun.id(1), WrittenRun.attempt(1))
        run.ledgers.interaction("1", "lost", at: 300, by: "system", case: id, attempt: attempt, number: 1)
        run.ledgers.interaction(
            "8", "created", at: 370, on: "Case Holding", by: "handler", case: id, attempt: WrittenRun.attempt(8),
            episode: 2)
        run.ledgers.interaction(
            "8", "moved", at: 371, by: "handler", case: id, attempt: WrittenRun.attempt(8), number: 2, episode: 2)
        run.ledgers.interaction("7", "recovered", at: 400, by: "system", case: id, attempt: attempt, number: 1)
        #expect(try run.verdict().lateRecoveries == [])
        #expect(try run.verdict().doubled.map(\.caseID) == ["500000000000001"])
        run.ledgers.interaction(
            "7", "disconnected", at: 402, state: "I", by: "handler", case: id, attempt: attempt, number: 1)
        run.change("episode", 0, "state", to: "ended")
        run.episode(id, 2, state: "placed", interaction: "8", attempt: WrittenRun.attempt(8), at: 369)
        run.intention(id, WrittenRun.attempt(8), at: 369, episode: 2, revision: 2, epoch: 2)
        for (column, value) in ["episode": 2, "epoch": 2, "revision": 2, "applied": 2] {
            run.change("case", 0, column, to: value)
        }
        #expect(try run.broken() == [])
        #expect(try run.verdict().lateRecoveries.map(\.caseID) == ["500000000000001"])
    }

    @Test func `I3, a live interaction of no case`() throws {
        run.ledgers.interaction("9", "created", at: 300, on: "Case Holding", by: "handler", case: WrittenRun.id(9))
        #expect(try run.broken() == ["I3 9"])
        #expect(try run.verdict().orphans.count == 1)
    }

    @Test func `I3, a live interaction that no episode has`() throws {
        let attempt = WrittenRun.attempt(9)
        run.ledgers.interaction(
            "9", "created", at: 300, on: "Case Holding", by: "handler", case: WrittenRun.id(1), attempt: attempt)
        run.intention(WrittenRun.id(1), attempt, at: 299)
        #expect(try run.broken() == ["I3 1"])
    }

    @Test func `I3, an open episode whose interaction does not live`() throws {
        run.ledgers.interaction(
            "1", "disconnected", at: 300, state: "I", by: "agent", case: WrittenRun.id(1),
            attempt: WrittenRun.attempt(1),
            number: 1)
        #expect(try run.broken() == ["I3 1"])
    }

    @Test func `I3 gives what has just ended the time to be heard of`() throws {
        run.ledgers.interaction(
            "1", "disconnected", at: 9_990, state: "I", by: "agent", case: WrittenRun.id(1),
            attempt: WrittenRun.attempt(1), number: 1)
        #expect(try run.broken() == [])
    }

    @Test func `I3, a closed case that still waits for an agent`() throws {
        run.ledgers.changed("closed", at: 300, closed: true, case: WrittenRun.id(1), markedAfter: 5)
        run.request(WrittenRun.id(1), "closed", at: 300)
        run.change("case", 0, "closed", to: true)
        #expect(try run.broken() == ["I3 1"])
    }

    @Test func `I3, rows that point to nothing`() throws {
        run.episode(WrittenRun.id(8), 1, state: "ended", interaction: "77", attempt: WrittenRun.attempt(8), at: 300)
        run.intention(WrittenRun.id(7), WrittenRun.attempt(7), at: 300)
        run.change("case", 1, "episode", to: 2)
        #expect(try run.broken() == ["I3 2", "I3 7", "I3 8"])
    }

    @Test func `I4, an interaction was routable that had not won`() throws {
        let attempt = WrittenRun.attempt(9)
        run.intention(WrittenRun.id(1), attempt, at: -2)
        run.ledgers.interaction("9", "created", at: -1, on: "Case Holding", by: "handler", attempt: attempt)
        run.ledgers.interaction("9", "moved", at: 0.1, by: "handler", attempt: attempt, number: 1)
        run.ledgers.interaction("9", "disconnected", at: 0.2, state: "I", by: "handler", attempt: attempt, number: 1)
        // The ledger is read in the order of its lines.
        #expect(try run.broken() == ["I2 1", "I4 1"])
        let alone = try WrittenRun()
        alone.intention(WrittenRun.id(1), attempt, at: -2)
        alone.ledgers.changed("created", at: -3, markedAfter: 9)
        alone.request(WrittenRun.id(1), "created", at: -3, outcome: "superseded")
        alone.ledgers.interaction("9", "created", at: -1, on: "Case Holding", by: "handler", attempt: attempt)
        alone.ledgers.interaction("9", "moved", at: -0.5, by: "handler", attempt: attempt, number: 1)
        alone.ledgers.interaction("9", "disconnected", at: -0.2, state: "I", by: "handler", attempt: attempt, number: 1)
        alone.served(at: 0)
        #expect(try alone.broken() == ["I4 1"])
    }

    // MARK: I6

    @Test func `I6, one order swap: it was moved back to where it had been before its last move`() throws {
        let (id, attempt) = (WrittenRun.id(1), WrittenRun.attempt(1))
        // Owner Support, then Sales; its interactions went to Sales first and to Support afterwards.
        run.ledgers.changed("queue-changed", at: 300, owner: WrittenLedgers.sales, case: id, markedAfter: 9)
        run.request(id, "queue-changed", at: 300)
        run.change("case", 0, "owner", to: WrittenLedgers.sales)
        run.change("case", 0, "episode", to: 2)
        run.change("episode", 0, "state", to: "ended")
        run.change("case", 0, "epoch", to: 2)
        let second = WrittenRun.attempt(8)
        run.intention(id, second, at: 300.5, episode: 2, revision: 2, epoch: 2)
        run.ledgers.interaction(
            "1", "disconnected", at: 301, state: "I", by: "handler", case: id, attempt: attempt, number: 1)
        run.ledgers.interaction(
            "8", "created", at: 302, on: "Case Holding", server: "cic-west", case: id, attempt: second, episode: 2)
        run.ledgers.interaction(
            "8", "moved", at: 303, on: "Sales", server: "cic-west", case: id, attempt: second, number: 2, episode: 2)
        run.episode(id, 2, state: "placed", interaction: "8", attempt: second, at: 300.5)
        run.change("episode", 3, "server", to: "cic-west")
        #expect(try run.broken() == [])

        let third = WrittenRun.attempt(7)
        run.ledgers.interaction("7", "created", at: 299, on: "Case Holding", case: id, attempt: third, episode: 3)
        run.intention(id, third, at: 298, episode: 3, revision: 2, epoch: 2)
        run.ledgers.interaction(
            "8", "disconnected", at: 304, on: "Sales", server: "cic-west", state: "I", case: id, attempt: second,
            number: 2, episode: 2)
        run.ledgers.interaction("7", "moved", at: 305, case: id, attempt: third, number: 3, episode: 3)
        run.ledgers.interaction(
            "7", "disconnected", at: 306, state: "I", case: id, attempt: third, number: 3, episode: 3)
        run.ledgers.interaction(
            "6", "created", at: 307, on: "Case Holding", server: "cic-west", case: id, attempt: WrittenRun.attempt(6),
            episode: 4)
        run.ledgers.interaction(
            "6", "moved", at: 308, on: "Sales", server: "cic-west", case: id, attempt: WrittenRun.attempt(6), number: 4,
            episode: 4)
        run.intention(id, WrittenRun.attempt(6), at: 306, episode: 4, revision: 2, epoch: 2)
        run.change("episode", 3, "state", to: "ended")
        run.episode(id, 3, state: "ended", interaction: "7", attempt: third, at: 298)
        run.episode(id, 4, state: "placed", interaction: "6", attempt: WrittenRun.attempt(6), at: 306)
        run.change("episode", 5, "server", to: "cic-west")
        run.change("case", 0, "episode", to: 4)
        let verdict = try run.verdict()
        #expect(verdict.findings.map(\.invariant) == [.order])
        #expect(
            verdict.outOfOrder.first?.reasons.first?.hasSuffix("where it had been before, and its last move was newer")
                == true)
    }

    @Test func `I6, what is held is older than what Salesforce has`() throws {
        run.ledgers.changed("skills-changed", at: 300, case: WrittenRun.id(1), markedAfter: 5)
        run.request(WrittenRun.id(1), "skills-changed", at: 300)
        run.change("case", 0, "skills", to: "old")
        #expect(try run.broken() == ["I6 1"])
    }

    @Test func `I6, the number of a wish falls`() throws {
        run.ledgers.interaction(
            "1", "attributes", at: 300, by: "handler", case: WrittenRun.id(1), attempt: WrittenRun.attempt(1), number: 0
        )
        #expect(try run.broken() == ["I6 1"])
    }

    @Test func `I6, a later claim acts on an earlier revision`() throws {
        run.change("case", 0, "epoch", to: 2)
        run.change("case", 0, "revision", to: 2)
        run.change("case", 0, "applied", to: 2)
        run.change("attempt", 0, "revision", to: 2)
        run.intention(WrittenRun.id(1), WrittenRun.attempt(9), at: 300, epoch: 2)
        #expect(try run.broken() == ["I6 1"])
    }

    // MARK: I7 I8 I9 I10

    /// Its message is gone, and nobody has merged it: only the row knows.
    private func forgetTheSecond() {
        for column in ["seen", "outcome", "finished", "rule"] { run.change("request", 1, column, to: NSNull()) }
    }

    @Test func `I7, one acknowledged before the commit`() throws {
        forgetTheSecond()
        let verdict = try run.verdict()
        // Its row says that it was done, and the database does not.
        #expect(verdict.findings.map(\.invariant) == [.acknowledged, .mark])
    }

    @Test func `I7, a row of which nothing but its unmerged request is left`() throws {
        run.ledgers.row("comment", at: 300, case: WrittenRun.id(1), marked: false)
        run.request(WrittenRun.id(1), "comment", at: 300, outcome: nil)
        run.change("request", 3, "seen", to: NSNull())
        #expect(try run.broken() == ["I1 1", "I7 1"])
    }

    @Test func `I7, a swept change is gone from the queue and no worker has merged it`() throws {
        run.request(WrittenRun.id(1), "observed", at: 300, outcome: nil)
        for (column, value) in ["seen": NSNull(), "row": NSNull(), "rule": NSNull(), "finished": NSNull()] {
            run.change("request", 3, column, to: value)
        }
        run.change("request", 3, "key", to: "s:1")
        #expect(try run.broken() == ["I7 1"])
        run.allowances.purged = true
        #expect(try run.broken() == [])
        run.allowances.purged = false
        run.waiting["caserouter.requests"] = 1
        #expect(try run.broken() == ["I13"])
    }

    @Test func `I8, an attempt id is seen twice`() throws {
        run.ledgers.interaction(
            "9", "created", at: 300, on: "Case Holding", by: "handler", case: WrittenRun.id(1),
            attempt: WrittenRun.attempt(1))
        run.ledgers.interaction(
            "9", "disconnected", at: 301, on: "Case Holding", state: "I", by: "handler", case: WrittenRun.id(1),
            attempt: WrittenRun.attempt(1))
        let verdict = try run.verdict()
        #expect(verdict.findings.map(\.invariant) == [.intention])
        #expect(
            verdict.findings.first?.reasons == ["attempt \(WrittenRun.attempt(1)) created 2 interactions: 1 and 9"])
    }

    @Test func `I8, a create without an intention`() throws {
        run.rows["attempt"]?.remove(at: 1)
        #expect(try run.broken() == ["I8 2"])
        run.allowances.rowsLostBefore = Int64(WrittenRun.micros(150))
        #expect(try run.broken() == [])
    }

    @Test func `I8, an intention that came after the create`() throws {
        run.change("attempt", 1, "started", to: WrittenRun.micros(101.5))
        #expect(try run.broken() == ["I8 2"])
    }

    @Test func `I9, two workers held one claim`() throws {
        run.intention(WrittenRun.id(1), WrittenRun.attempt(9), at: 1, worker: "route-2")
        #expect(try run.broken() == ["I9 1"])
    }

    @Test func `I9, a claim was given out that the case does not know`() throws {
        run.intention(WrittenRun.id(1), WrittenRun.attempt(9), at: 1, epoch: 2)
        #expect(try run.broken() == ["I9 1"])
    }

    @Test func `what was rebuilt from CIC after rows were lost is no claim`() throws {
        for (attempt, worker) in [(8, "route-2"), (9, "route-3")] {
            run.intention(WrittenRun.id(1), WrittenRun.attempt(attempt), at: 1, revision: 4, epoch: 0, worker: worker)
        }
        #expect(try run.broken() == [])
    }

    @Test func `I10, a row was marked before its request had an outcome`() throws {
        run.change("request", 1, "finished", to: WrittenRun.micros(106))
        #expect(try run.broken() == ["I10 2"])
        run.rows["request"]?.remove(at: 1)
        #expect(try run.broken() == ["I10 2"])
    }

    // MARK: I11 to I14, accounting

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
