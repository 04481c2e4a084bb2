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
}
