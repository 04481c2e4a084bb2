import Checker
import Foundation
import Testing

/// I6 to I10: order, attempts, claims and marks.
extension InvariantTests {
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
        // What the database has forgotten is walked again.
        run.allowances.rowsLost = [Int64(WrittenRun.micros(304.5))]
        #expect(try !run.broken().contains("I6 1"))
        run.allowances.rowsLost = [Int64(WrittenRun.micros(302.5))]
        #expect(try run.broken().contains("I6 1"))
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
        run.allowances.rowsLost = [Int64(WrittenRun.micros(150))]
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
}
