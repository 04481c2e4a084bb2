import Checker
import Testing

/// Users' own queues are judged like workgroups.
@Suite struct OwnQueueTests {
    private let ledgers: WrittenLedgers

    init() throws { ledgers = try WrittenLedgers() }

    @Test func `a case of a queue that is mapped to a user waits in that user's own queue`() throws {
        ledgers.changed("created", at: 0, owner: WrittenLedgers.direct)
        ledgers.interaction("1", "created", at: 1, on: "Case Holding")
        #expect(try ledgers.verdict().lost.count == 1)
        ledgers.interaction("1", "moved", at: 2, on: "user:bert")
        #expect(try ledgers.verdict().lost == [])
        ledgers.interaction("1", "disconnected", at: 3, on: "user:bert", state: "I", by: "agent")
        #expect(try ledgers.verdict().lost == [])
    }

    @Test func `a workgroup of the user's name is another place`() throws {
        ledgers.changed("created", at: 0, owner: WrittenLedgers.direct)
        ledgers.interaction("1", "moved", at: 1, on: "bert")
        #expect(try ledgers.verdict().lost.count == 1)
    }

    @Test func `a case of a user is nobody's to offer until somebody writes`() throws {
        ledgers.changed("created", at: 0, owner: WrittenLedgers.anna)
        #expect(try ledgers.verdict().lost == [])
        ledgers.commented(at: 1)
        #expect(
            try ledgers.verdict().lost.first?.reasons == [
                "at 09:00:01.000 somebody commented on it, it belongs on cic-east/user:anna, "
                    + "and CIC has no live interaction of it"
            ])
        ledgers.interaction("1", "moved", at: 2, on: "user:anna")
        ledgers.changed("skills-changed", at: 3, owner: WrittenLedgers.anna)
        #expect(try ledgers.verdict().lost == [])
        ledgers.interaction("1", "disconnected", at: 4, on: "user:anna", state: "I", by: "api")
        #expect(try ledgers.verdict().lost.count == 1)
    }

    @Test
    func `a comment on a user's case is served by the interaction that is open, and asks nothing of another owner`()
        throws
    {
        ledgers.changed("created", at: 0)
        ledgers.interaction("1", "moved", at: 1)
        ledgers.changed("owner-changed", at: 2, owner: WrittenLedgers.anna)
        ledgers.commented(at: 3)
        #expect(try ledgers.verdict().lost == [])
        ledgers.interaction("1", "disconnected", at: 4, state: "I", by: "agent")
        ledgers.commented(at: 5)
        #expect(try ledgers.verdict().lost.count == 1)
        ledgers.changed("owner-changed", at: 6, owner: WrittenLedgers.user)
        ledgers.commented(at: 7)
        #expect(try ledgers.verdict().lost == [])
    }

    @Test func `two live interactions are too many there as well`() throws {
        ledgers.changed("created", at: 0, owner: WrittenLedgers.anna)
        ledgers.interaction("1", "moved", at: 1, on: "user:anna")
        ledgers.interaction("2", "moved", at: 2, on: "Support")
        #expect(try ledgers.verdict().doubled.count == 1)
    }

    @Test func `whoever waits for the end of a fault waits for what users are to be offered as well`() throws {
        ledgers.changed("created", at: 0, owner: WrittenLedgers.anna)
        #expect(try ledgers.waiting() == [])
        ledgers.commented(at: 1)
        #expect(try ledgers.waiting() == ["500000000000001"])
        ledgers.interaction("1", "moved", at: 2, on: "user:anna")
        #expect(try ledgers.waiting() == [])
    }

    // MARK: Where the case was offered last

    @Test func `a comment on a user's case is due where the case was offered last, where the org says so`() throws {
        ledgers.changed("created", at: 0)
        ledgers.interaction("1", "moved", at: 1)
        ledgers.interaction("1", "disconnected", at: 2, state: "I", by: "agent")
        ledgers.changed("owner-changed", at: 3, owner: WrittenLedgers.user)
        ledgers.commented(at: 4)
        #expect(try ledgers.verdict().lost == [])
        ledgers.site.orgs[0].offersAgain = true
        #expect(try ledgers.verdict().lost.first?.reasons.first?.contains("it belongs on cic-east/Support") == true)
        #expect(try ledgers.waiting() == ["500000000000001"])
        ledgers.changed("skills-changed", at: 5, owner: WrittenLedgers.user)
        #expect(try ledgers.verdict().lost.count == 1)
        ledgers.interaction("2", "moved", at: 6)
        #expect(try ledgers.verdict().lost == [])
        ledgers.interaction("2", "disconnected", at: 7, state: "I", by: "api")
        #expect(try ledgers.verdict().lost.count == 1)
        ledgers.changed("owner-changed", at: 8, owner: WrittenLedgers.anna)
        #expect(try ledgers.verdict().lost == [])
    }

    @Test func `a case that was never offered has no such place`() throws {
        ledgers.site.orgs[0].offersAgain = true
        ledgers.changed("created", at: 0, owner: WrittenLedgers.user)
        ledgers.commented(at: 1)
        #expect(try ledgers.verdict().lost == [])
        ledgers.interaction("1", "moved", at: 2)
        ledgers.interaction("1", "disconnected", at: 3, state: "I", by: "api")
        // It was offered, for whatever reason, after what was asked.
        #expect(try ledgers.verdict().lost == [])
    }
}

/// One violation at a time in a run with users' own queues: exactly that is reported.
@Suite struct OwnQueueInvariantTests {
    private let run: WrittenRun
    private let id = WrittenRun.id(2)
    private let attempt = WrittenRun.attempt(2)

    init() throws {
        run = try WrittenRun()
        run.served(at: 0)
        run.served(at: 100, owner: WrittenLedgers.anna, on: "user:anna")
    }

    /// The second case gets another owner, and everybody knows.
    private func give(to owner: String) {
        run.ledgers.changed("owner-changed", at: 300, owner: owner, case: id, markedAfter: 5)
        run.request(id, "owner-changed", at: 300, outcome: "ignored")
        run.change("case", 1, "owner", to: owner)
    }

    @Test func `a sound run is without findings`() throws {
        #expect(try run.verdict().findings == [])
    }

    @Test func `I1, nobody was offered what came in about a user's case`() throws {
        run.ledgers.interaction("2", "lost", at: 300, on: "user:anna", by: "system", case: id, attempt: attempt)
        run.change("episode", 1, "state", to: "ended")
        #expect(try run.broken() == ["I1 2"])
    }

    @Test func `I2, a workgroup has it as well`() throws {
        run.ledgers.interaction("9", "recovered", at: 300, by: "system", case: id, attempt: attempt, number: 1)
        run.ledgers.interaction(
            "9", "disconnected", at: 301, state: "I", by: "handler", case: id, attempt: attempt, number: 1)
        #expect(try run.broken() == ["I2 2"])
    }

    @Test func `I3, no open episode has what rings in a user's own queue`() throws {
        run.change("episode", 1, "state", to: "ended")
        #expect(try run.broken() == ["I3 2"])
    }

    @Test func `I3, it waits for its former owner although the mapping ends that`() throws {
        give(to: WrittenLedgers.user)
        #expect(try run.broken() == [])
        run.ledgers.site.orgs[0].endingWithUser = [WrittenLedgers.anna]
        #expect(try run.broken() == ["I3 2"])
        // Once it has been taken nobody takes it away.
        run.ledgers.interaction(
            "2", "connected", at: 301, on: "user:anna", state: "C", by: "agent", case: id, attempt: attempt, number: 1)
        #expect(try run.broken() == [])
    }

    @Test func `I3, it waits although its case is where nobody monitors it`() throws {
        give(to: WrittenLedgers.unmonitored)
        #expect(try run.broken() == ["I3 2"])
        run.ledgers.site.orgs[0].keptUnmonitored = [WrittenLedgers.anna]
        #expect(try run.broken() == [])
    }

    @Test func `I3 allows what was offered again where its mapping would end it`() throws {
        run.ledgers.site.orgs[0].endingWithUser = [WrittenLedgers.support]
        run.ledgers.changed(
            "owner-changed", at: 300, owner: WrittenLedgers.user, case: WrittenRun.id(1), markedAfter: 5)
        run.request(WrittenRun.id(1), "owner-changed", at: 300, outcome: "ignored")
        run.change("case", 0, "owner", to: WrittenLedgers.user)
        run.ledgers.site.orgs[0].offersAgain = true
        #expect(try run.broken() == ["I3 1"])
        run.ledgers.commented(at: 301, case: WrittenRun.id(1), markedAfter: 5)
        run.request(WrittenRun.id(1), "comment", at: 301)
        #expect(try run.broken() == [])
    }

    @Test func `I6, it went to its owner's queue although nobody had written`() throws {
        run.ledgers.changed(
            "owner-changed", at: 300, owner: WrittenLedgers.anna, case: WrittenRun.id(1), markedAfter: 5)
        run.request(WrittenRun.id(1), "owner-changed", at: 300)
        run.change("case", 0, "owner", to: WrittenLedgers.anna)
        run.ledgers.interaction(
            "1", "moved", at: 301, on: "user:anna", by: "handler", case: WrittenRun.id(1),
            attempt: WrittenRun.attempt(1), number: 2)
        let verdict = try run.verdict()
        #expect(verdict.findings.map(\.invariant) == [.order])
        #expect(verdict.outOfOrder.first?.reasons.first?.hasSuffix("and nobody had written about it") == true)
    }

    @Test func `I6 allows a queue's cases where those of a user go who had it before`() throws {
        run.ledgers.site.orgs[0].users = [WrittenLedgers.user: .init(server: "cic-east", workgroup: "user:bert")]
        for (at, owner) in [(300, WrittenLedgers.user), (310, WrittenLedgers.direct)] as [(Double, String)] {
            run.ledgers.changed("owner-changed", at: at, owner: owner, case: WrittenRun.id(1), markedAfter: 5)
            run.request(WrittenRun.id(1), "owner-changed", at: at)
        }
        run.change("case", 0, "owner", to: WrittenLedgers.direct)
        run.ledgers.interaction(
            "1", "moved", at: 311, on: "user:bert", by: "handler", case: WrittenRun.id(1),
            attempt: WrittenRun.attempt(1), number: 2)
        #expect(try run.broken().filter { $0.hasSuffix(" 1") } == [])
    }

    @Test func `I6, it went to the queue of a user who never had it`() throws {
        run.ledgers.interaction(
            "1", "moved", at: 300, on: "user:anna", by: "handler", case: WrittenRun.id(1),
            attempt: WrittenRun.attempt(1), number: 2)
        run.ledgers.interaction(
            "1", "moved", at: 301, by: "handler", case: WrittenRun.id(1), attempt: WrittenRun.attempt(1), number: 3)
        let verdict = try run.verdict()
        #expect(verdict.findings.map(\.invariant) == [.order])
        #expect(verdict.outOfOrder.first?.reasons.first?.contains("user:anna, where it had never been") == true)
    }

    @Test func `I6, another owner is held than the one whose queue it is for`() throws {
        run.change("case", 1, "owner", to: WrittenLedgers.user)
        #expect(try run.broken() == ["I6 2"])
    }
}
