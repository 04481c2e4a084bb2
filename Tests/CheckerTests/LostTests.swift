import Checker
import Testing

@Suite struct LostTests {
    private let ledgers: WrittenLedgers

    init() throws { ledgers = try WrittenLedgers() }

    @Test func `a new case whose interaction waits on its workgroup is not lost`() throws {
        ledgers.changed("created", at: 0)
        ledgers.interaction("1", "created", at: 1, on: "Case Holding")
        ledgers.interaction("1", "moved", at: 2)
        #expect(try ledgers.verdict().lost == [])
    }

    @Test func `a new case without an interaction is lost, and the reason says where it belongs`() throws {
        ledgers.changed("created", at: 0)
        let lost = try ledgers.verdict().lost
        #expect(lost.map(\.caseID) == ["500000000000001"])
        #expect(lost.first?.number == "0000001")
        #expect(
            lost.first?.reasons == [
                "at 09:00:00.000 it came into a monitored queue (created), it belongs on cic-east/Support, "
                    + "and CIC has no live interaction of it"
            ])
    }

    @Test func `what a deposed server shows with an agent counts as delivered until it steps down`() throws {
        ledgers.changed("created", at: 0)
        ledgers.interaction("1", "connected", at: 1, state: "C", by: "agent", agent: "agent1")
        ledgers.pair("both", at: 2)
        ledgers.interaction("1", "lost", at: 2, state: "C", by: "system", agent: "agent1")
        ledgers.commented(at: 4)
        #expect(try ledgers.verdict().lost.count == 1)
        ledgers.pair("one", at: 5)
        #expect(try ledgers.verdict().lost == [])
        ledgers.commented(at: 6)
        #expect(try ledgers.verdict().lost.count == 1)
    }

    @Test func `a case that stays in holding is lost`() throws {
        ledgers.changed("created", at: 0)
        ledgers.interaction("1", "created", at: 1, on: "Case Holding")
        #expect(
            try ledgers.verdict().lost.first?.reasons.first?.hasSuffix(
                "its live interaction is on cic-east/Case Holding (1), which is holding") == true)
    }

    @Test func `a case on the workgroup of its former queue is lost`() throws {
        ledgers.changed("created", at: 0)
        ledgers.interaction("1", "moved", at: 1)
        ledgers.changed("queue-changed", at: 2, owner: WrittenLedgers.sales)
        #expect(try ledgers.verdict().lost.count == 1)
    }

    @Test func `a workgroup of the same name on another server does not count`() throws {
        ledgers.changed("created", at: 0)
        ledgers.interaction("1", "moved", at: 1, server: "cic-west")
        #expect(try ledgers.verdict().lost.count == 1)
    }

    @Test func `an interaction that an agent has is live on the workgroup it was taken from`() throws {
        ledgers.changed("created", at: 0)
        ledgers.interaction("1", "moved", at: 1, on: "Workgroup Queue:Support")
        ledgers.interaction("1", "connected", at: 2, state: "C", by: "agent")
        #expect(try ledgers.verdict().lost == [])
    }

    @Test func `an interaction that an agent ended after the case came is work done`() throws {
        ledgers.changed("created", at: 0)
        ledgers.interaction("1", "moved", at: 1)
        ledgers.interaction("1", "disconnected", at: 2, state: "I", by: "agent")
        ledgers.interaction("1", "deallocated", at: 3, state: "I", by: "system")
        #expect(try ledgers.verdict().lost == [])
    }

    @Test(arguments: ["api", "handler", "control", "system"])
    func `an interaction that somebody else than an agent ended leaves the case lost`(by: String) throws {
        ledgers.changed("created", at: 0)
        ledgers.interaction("1", "moved", at: 1)
        ledgers.interaction("1", "disconnected", at: 2, state: "E", by: by)
        #expect(try ledgers.verdict().lost.count == 1)
    }

    @Test func `an interaction lost at a switchover is not live until it is recovered`() throws {
        ledgers.changed("created", at: 0)
        ledgers.interaction("1", "moved", at: 1)
        ledgers.interaction("1", "lost", at: 2, by: "system")
        #expect(try ledgers.verdict().lost.count == 1)
        ledgers.interaction("2", "recovered", at: 3, by: "system")
        #expect(try ledgers.verdict().lost == [])
    }

    @Test func `a comment after the agent's end asks again`() throws {
        ledgers.changed("created", at: 0)
        ledgers.interaction("1", "moved", at: 1)
        ledgers.interaction("1", "disconnected", at: 2, state: "I", by: "agent")
        ledgers.commented(at: 3)
        #expect(try ledgers.verdict().lost.first?.reasons.first?.contains("somebody commented on it") == true)
    }

    @Test func `a comment before the agent's end is served by it`() throws {
        ledgers.changed("created", at: 0)
        ledgers.interaction("1", "moved", at: 1)
        ledgers.commented(at: 2)
        ledgers.interaction("1", "disconnected", at: 3, state: "I", by: "agent")
        #expect(try ledgers.verdict().lost == [])
    }

    @Test func `an e-mail that arrives asks, and one that is sent answers`() throws {
        ledgers.changed("created", at: 0)
        ledgers.emailed(at: 1, incoming: false, status: "3")
        #expect(try ledgers.verdict().lost == [])
        ledgers.emailed(at: 2, incoming: true)
        #expect(try ledgers.verdict().lost.first?.reasons.first?.contains("an e-mail about it arrived") == true)
    }

    @Test func `a draft answers nobody`() throws {
        ledgers.changed("created", at: 0)
        ledgers.emailed(at: 1, incoming: false, status: "5")
        #expect(try ledgers.verdict().lost.count == 1)
        ledgers.emailed(at: 2, incoming: false, status: "3")
        #expect(try ledgers.verdict().lost == [])
    }

    @Test func `a draft that is sent later answers by its row`() throws {
        ledgers.changed("created", at: 0)
        ledgers.emailed(at: 1, incoming: false)
        #expect(try ledgers.verdict().lost.count == 1)
        ledgers.row("agent-replied", at: 2, marked: true)
        #expect(try ledgers.verdict().lost == [])
    }

    @Test func `a published comment by the owner answers, an internal one does not`() throws {
        ledgers.changed("created", at: 0)
        ledgers.commented(at: 1, by: WrittenLedgers.support, published: false)
        #expect(try ledgers.verdict().lost.count == 1)
        ledgers.commented(at: 2, by: WrittenLedgers.support)
        #expect(try ledgers.verdict().lost == [])
    }

    @Test(arguments: [WrittenLedgers.user, WrittenLedgers.unmonitored])
    func `a case with a user or an unmonitored queue asks nothing, and asks when it comes back`(owner: String) throws {
        ledgers.changed("created", at: 0)
        ledgers.changed("owner-changed", at: 1, owner: owner)
        ledgers.commented(at: 2)
        ledgers.emailed(at: 3, incoming: true)
        #expect(try ledgers.verdict().lost == [])
        ledgers.changed("owner-changed", at: 4)
        #expect(try ledgers.verdict().lost.count == 1)
    }

    @Test func `a closed case asks nothing, even when somebody comments, and asks when it is reopened`() throws {
        ledgers.changed("created", at: 0)
        ledgers.changed("closed", at: 1, closed: true)
        ledgers.commented(at: 2)
        #expect(try ledgers.verdict().lost == [])
        ledgers.changed("reopened", at: 3)
        #expect(try ledgers.verdict().lost.count == 1)
    }

    @Test(arguments: ["deleted", "merged"])
    func `a case that is gone asks nothing`(change: String) throws {
        ledgers.changed("created", at: 0)
        ledgers.changed(change, at: 1, deleted: true)
        #expect(try ledgers.verdict().lost == [])
    }

    @Test func `changed skills ask nothing by themselves`() throws {
        ledgers.changed("created", at: 0)
        ledgers.emailed(at: 1, incoming: false, status: "3")
        ledgers.changed("skills-changed", at: 2)
        #expect(try ledgers.verdict().lost == [])
    }

    @Test func `a case whose row was never marked is lost, however well its interaction waits`() throws {
        ledgers.changed("created", at: 0, marked: false)
        ledgers.interaction("1", "moved", at: 1)
        #expect(
            try ledgers.verdict().lost.first?.reasons == [
                "its outbox row a0X000000000001 (created) was never marked as processed"
            ])
    }

    @Test func `a case with two reasons is counted once`() throws {
        ledgers.changed("created", at: 0, marked: false)
        ledgers.row("comment", at: 1, marked: false)
        let verdict = try ledgers.verdict()
        #expect(verdict.lost.map(\.reasons.count) == [3])
    }

    @Test func `rows are counted by what changed and by org`() throws {
        ledgers.changed("created", at: 0)
        ledgers.changed("closed", at: 1, closed: true)
        ledgers.commented(at: 2)
        ledgers.commented(at: 3)
        let verdict = try ledgers.verdict()
        #expect(verdict.rowsByChange == ["created": 1, "closed": 1, "comment": 2])
        #expect(verdict.rowsByOrg == ["00D000000000001": 4])
        #expect(verdict.rows == 4)
        #expect(verdict.cases == 1)
    }
}
