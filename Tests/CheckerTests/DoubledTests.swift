import Checker
import Testing

@Suite struct DoubledTests {
    private static let two = "500000000000002EAA"
    private let ledgers: WrittenLedgers

    init() throws { ledgers = try WrittenLedgers() }

    @Test func `two live interactions of one case on workgroups are doubled, and the reason names both`() throws {
        ledgers.interaction("1", "moved", at: 1)
        ledgers.interaction("2", "moved", at: 2)
        let doubled = try ledgers.verdict().doubled
        #expect(doubled.map(\.caseID) == ["500000000000001"])
        #expect(
            doubled.first?.reasons == [
                "at 09:00:02.000 it had 2 live interactions: cic-east/Support (1) and cic-east/Support (2)"
            ])
    }

    @Test func `doubled for one instant is doubled, whatever was cleaned up later`() throws {
        ledgers.interaction("1", "moved", at: 1)
        ledgers.interaction("2", "moved", at: 2)
        ledgers.interaction("2", "disconnected", at: 2.1, state: "I")
        #expect(try ledgers.verdict().doubled.count == 1)
    }

    @Test func `two servers together double a case`() throws {
        ledgers.interaction("1", "moved", at: 1)
        ledgers.interaction("1", "moved", at: 2, on: "Sales", server: "cic-west")
        #expect(try ledgers.verdict().doubled.count == 1)
    }

    @Test func `servers are compared by time, not one ledger after the other`() throws {
        ledgers.interaction("1", "moved", at: 1)
        ledgers.interaction("1", "disconnected", at: 2, state: "I")
        ledgers.interaction("1", "moved", at: 3, on: "Sales", server: "cic-west")
        ledgers.interaction("1", "disconnected", at: 4, on: "Sales", server: "cic-west", state: "I")
        ledgers.interaction("2", "moved", at: 5)
        #expect(try ledgers.verdict().doubled == [])
    }

    /// Who follows the one server of a pair cannot know what the other has recovered.
    @Test(arguments: [("cic-west", "both", 0), ("cic-east", "both", 1), ("cic-west", "one", 1)])
    func `what is recovered while both of a pair answer doubles nothing on another server, where it is removed then`(
        server: String, event: String, expected: Int
    ) throws {
        ledgers.interaction("1", "moved", at: 1)
        ledgers.interaction("1", "lost", at: 2, by: "system")
        ledgers.pair("both", at: 2)
        if event == "one" { ledgers.pair("one", at: 2.5) }
        ledgers.interaction("2", "recovered", at: 3, by: "system")
        ledgers.interaction("3", "moved", at: 4, server: server)
        ledgers.pair("one", at: 5)
        #expect(try ledgers.verdict().doubled.count == 1)
        ledgers.interaction("2", "disconnected", at: 6, state: "I")
        #expect(try ledgers.verdict().doubled.count == expected)
    }

    @Test func `what waits in holding doubles nothing until it is moved`() throws {
        ledgers.interaction("1", "moved", at: 1)
        ledgers.interaction("2", "created", at: 2, on: "Case Holding")
        ledgers.interaction("3", "created", at: 2, on: "Workgroup Queue:Case Holding")
        #expect(try ledgers.verdict().doubled == [])
        ledgers.interaction("2", "moved", at: 3)
        #expect(try ledgers.verdict().doubled.count == 1)
    }

    @Test func `one with an agent and one that waits are doubled`() throws {
        ledgers.interaction("1", "connected", at: 1, state: "C", by: "agent")
        ledgers.interaction("2", "moved", at: 2)
        #expect(try ledgers.verdict().doubled.count == 1)
    }

    @Test func `one after the other is not doubled`() throws {
        ledgers.interaction("1", "moved", at: 1)
        ledgers.interaction("1", "disconnected", at: 2, state: "I", by: "agent")
        ledgers.interaction("2", "moved", at: 3)
        ledgers.interaction("2", "lost", at: 4, by: "system")
        ledgers.interaction("3", "recovered", at: 5, by: "system")
        #expect(try ledgers.verdict().doubled == [])
    }

    @Test func `a state that says disconnected ends as much as the event does`() throws {
        ledgers.interaction("1", "moved", at: 1)
        ledgers.interaction("1", "attributes", at: 2, state: "E")
        ledgers.interaction("2", "moved", at: 3)
        #expect(try ledgers.verdict().doubled == [])
    }

    @Test func `an id that is used again for another case belongs to that one`() throws {
        ledgers.interaction("1", "moved", at: 1)
        ledgers.interaction("1", "attributes", at: 2, case: Self.two)
        ledgers.interaction("2", "moved", at: 3)
        #expect(try ledgers.verdict().doubled == [])
        ledgers.interaction("3", "moved", at: 4, case: Self.two)
        #expect(try ledgers.verdict().doubled.map(\.caseID) == ["500000000000002"])
    }

    @Test func `a copy made through the control API is doubled`() throws {
        ledgers.interaction("1", "moved", at: 1)
        ledgers.interaction("2", "copied", at: 2, by: "control")
        #expect(try ledgers.verdict().doubled.count == 1)
    }

    @Test func `the org may be named or numbered, and both are the same case`() throws {
        ledgers.interaction("1", "moved", at: 1, org: "acme")
        ledgers.interaction("2", "moved", at: 2, org: WrittenLedgers.org)
        #expect(try ledgers.verdict().doubled.count == 1)
    }

    @Test func `interactions without our attributes are somebody else's`() throws {
        ledgers.interaction("1", "moved", at: 1, org: "")
        ledgers.interaction("2", "moved", at: 2, org: "")
        #expect(try ledgers.verdict().doubled == [])
    }

    @Test func `equal case ids of two orgs are two cases`() throws {
        ledgers.interaction("1", "moved", at: 1)
        ledgers.interaction("2", "moved", at: 2, org: "globex")
        #expect(try ledgers.verdict().doubled == [])
    }
}
