import CaseRouting
import Polling
import Testing

@testable import CIC

struct ExchangeTests {
    private static let asked = "11111111-2222-7333-8444-555555555555"

    /// Whether an answer reaches who asked for this assign of interaction 7.
    private func reaches(_ data: [String], number: Int64 = 5) async -> HandlerExchanges.Answer? {
        var exchanges = HandlerExchanges()
        let key = HandlerExchanges.Key(operation: .assign, attempt: Self.asked, number: number)
        let awaited = exchanges.expect(key, InteractionID("7"))
        exchanges.received(data)
        exchanges.forget(key, awaited)
        return await awaited.wait(.zero, on: TestSite.loop)
    }

    @Test(
        arguments: [
            (["Assigned", asked, "7", "5"], HandlerExchanges.Answer.assigned),
            (["Stale", asked, "7", "5"], .stale(inForce: 5)), (["Stale", asked, "7", "6"], .stale(inForce: 6)),
            (["Gone", asked, "7"], .gone), (["Elsewhere", asked, "7", "4", "Sales"], .elsewhere(workgroup: "Sales")),
            (["Failed", asked, "Assign", "unknown-skill", "x", "5"], .failed(code: "unknown-skill", text: "x")),
            (["Failed", asked, "Assign", "unknown-skill", "x"], .failed(code: "internal", text: "x")),
            (["Failed", asked, "Assign", "unknown-skill", "x", ""], .failed(code: "internal", text: "x")),
            (["Failed", asked, "Assign"], .failed(code: "internal", text: "")),
        ] as [([String], HandlerExchanges.Answer)])
    func `an answer that fits reaches who asked`(_ data: [String], _ answer: HandlerExchanges.Answer) async {
        #expect(await reaches(data) == answer)
    }

    @Test(arguments: [
        [], ["Assigned"], ["Assigned", asked, "7"], ["Assigned", asked, "7", "x"], ["Assigned", asked, "7", "4"],
        ["Assigned", asked, "8", "5"], ["Assigned", "another", "7", "5"], ["Stale", asked, "7", "4"],
        ["Created", asked, "7"], ["Disconnected", asked, "7"], ["Gone", asked, "8"],
        ["Failed", asked, "Create", "x", "y"], ["Failed", asked, "Assign", "unknown-skill", "x", "4"],
        ["Failed", asked, "Nonsense"], ["assigned", asked, "7", "5"], ["Pong", asked, "1"],
    ])
    func `an answer to something else does not`(_ data: [String]) async {
        #expect(await reaches(data) == nil)
    }
}
