import JSON
import Testing

@Suite struct TimingTests {
    /// Prints, and asserts no time: a debug build on a busy machine says nothing about the product.
    @Test func `the time for a request is printed`() throws {
        let request = SampleRequest(
            id: "0b8f1c34-3c3e-4c5e-9d6f-000000000001", subject: "500000000000001AAA", owner: "00G000000000001AAA",
            skills: ["French", "Gold"], priority: 50)
        let bytes = request.bytes
        let rounds = 2_000
        var priorities = 0
        let reading = try ContinuousClock().measure {
            for _ in 0..<rounds { priorities += try SampleRequest(parsing: bytes).priority }
        }
        let writing = ContinuousClock().measure {
            for _ in 0..<rounds { priorities += request.bytes.count - bytes.count }
        }
        print("JSON: \(bytes.count) bytes, read in \(reading / rounds), written in \(writing / rounds)")
        #expect(priorities == 50 * rounds)
    }
}
