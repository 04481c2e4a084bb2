import Checker
import Foundation
import Testing

/// One violation at a time, in a run that is sound otherwise: exactly that is reported, and nothing else.
@Suite struct InvariantTests {
    let run: WrittenRun

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

    @Test(arguments: [("api", ["I4"]), ("handler", ["I4"]), ("agent", []), ("system", [])])
    func `I4, the product ended a customer's call, on an id that was ours or on another`(
        by: String, broken: [String]
    ) throws {
        run.ledgers.interaction(
            "9", "created", at: -5, on: "Case Holding", by: "handler", attempt: WrittenRun.attempt(9))
        run.intention(WrittenRun.id(1), WrittenRun.attempt(9), at: -6)
        run.ledgers.interaction(
            "9", "disconnected", at: -4, on: "Case Holding", state: "I", by: "handler", attempt: WrittenRun.attempt(9))
        for id in ["9", "10"] {
            run.ledgers.foreign(id, "created", at: 300, by: "control")
            run.ledgers.foreign(id, "connected", at: 301, state: "C", by: "agent")
            run.ledgers.foreign(id, "disconnected", at: 302, state: "I", by: by)
        }
        #expect(try run.broken() == broken)
    }

    @Test func `I4, the product moved what another program had made`() throws {
        run.ledgers.foreign("10", "created", at: 300, by: "control")
        run.ledgers.foreign("10", "moved", at: 301, by: "api")
        #expect(try run.broken() == ["I4"])
    }
}
