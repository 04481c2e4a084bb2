import Checker
import Testing

@Suite struct FollowerTests {
    @Test func `a run that goes on is read piece by piece`() throws {
        let ledgers = try WrittenLedgers()
        ledgers.changed("created", at: 0, marked: false)
        ledgers.interaction("1", "created", at: 1, on: "Case Holding")
        let follower = try ledgers.follower()
        #expect(
            try follower.look() == .init(cases: 1, rows: 1, rowsByChange: ["created": 1], unmarked: 1, latencies: []))
        ledgers.interaction("1", "moved", at: 3)
        ledgers.commented(at: 4)
        try ledgers.writeFiles()
        let second = try follower.look()
        #expect(second.latencies == [3_000_000])
        #expect(second.latency(0.99) == 3_000_000)
        #expect(second.rowsByChange == ["created": 1, "comment": 1])
        #expect(try follower.look() == second)
    }
}
