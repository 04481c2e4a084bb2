import Checker
import Testing

/// What is due of what happened while the triggers did not run.
@Suite struct RowlessTests {
    private let ledgers: WrittenLedgers

    init() throws { ledgers = try WrittenLedgers() }

    private func served(at: Double, _ interaction: String = "1") {
        ledgers.interaction(interaction, "moved", at: at)
        ledgers.interaction(interaction, "disconnected", at: at + 1, state: "I", by: "agent")
    }

    @Test func `a case that came without a row is due, because a comparison finds it`() throws {
        ledgers.changed("created", at: 0, rowless: true)
        #expect(try ledgers.verdict().lost.count == 1)
        #expect(try ledgers.waiting().count == 1)
        served(at: 1)
        #expect(try ledgers.verdict().lost == [])
    }

    @Test func `whoever waits for the end of a fault can tell what no row has told`() throws {
        ledgers.changed("created", at: 0)
        #expect(try ledgers.waits().values.map(\.isTold) == [true])
        ledgers.changed("queue-changed", at: 3, owner: WrittenLedgers.sales, rowless: true)
        #expect(try ledgers.waits().values.map(\.isTold) == [false])
        // Told, but not that the case is elsewhere by now.
        ledgers.commented(at: 4)
        #expect(try ledgers.waits().values.map(\.isTold) == [false])
        ledgers.changed("queue-changed", at: 5)
        #expect(try ledgers.waits().values.map(\.isTold) == [true])
    }

    @Test func `a case that went to another queue without a row is due there`() throws {
        ledgers.changed("created", at: 0)
        served(at: 1)
        ledgers.changed("queue-changed", at: 3, owner: WrittenLedgers.sales, rowless: true)
        #expect(try ledgers.verdict().lost.count == 1)
    }

    @Test(arguments: [true, false])
    func `a case that went away and came back without a row was never elsewhere for anybody who compares`(
        isServed: Bool
    ) throws {
        ledgers.changed("created", at: 0)
        if isServed { served(at: 1) }
        ledgers.changed("owner-changed", at: 3, owner: WrittenLedgers.user, rowless: true)
        ledgers.changed("owner-changed", at: 4, rowless: true)
        // What was asked for before still counts.
        #expect(try ledgers.verdict().lost.count == (isServed ? 0 : 1))
    }

    @Test func `a case that came back is due where a row told that it had gone, or tells that it is back`() throws {
        ledgers.changed("created", at: 0)
        served(at: 1)
        ledgers.changed("owner-changed", at: 3, owner: WrittenLedgers.user)
        ledgers.changed("owner-changed", at: 4, rowless: true)
        #expect(try ledgers.verdict().lost.count == 1)
        served(at: 5, "2")
        ledgers.changed("closed", at: 7, closed: true, rowless: true)
        ledgers.changed("reopened", at: 8)
        #expect(try ledgers.verdict().lost.count == 1)
    }

    @Test func `a comment without a row is due in a monitored queue, and on a user's case it is not`() throws {
        ledgers.changed("created", at: 0)
        served(at: 1)
        ledgers.commented(at: 3, rowless: true)
        #expect(try ledgers.verdict().lost.count == 1)
        served(at: 4, "2")
        ledgers.changed("owner-changed", at: 6, owner: WrittenLedgers.anna)
        ledgers.commented(at: 7, rowless: true)
        #expect(try ledgers.verdict().lost == [])
        ledgers.commented(at: 8)
        #expect(try ledgers.verdict().lost.count == 1)
    }
}
