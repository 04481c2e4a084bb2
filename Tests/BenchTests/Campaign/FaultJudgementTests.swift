import Testing

@testable import caserouter_dev

/// How long recoveries may take.
struct FaultJudgementTests {
    private static func fault(
        _ number: Int, _ kind: FaultKind, from start: Double, to end: Double, recovered: Double?
    ) -> FaultRecord {
        FaultRecord(
            number: number, kind: kind, target: "", form: "", planned: start, start: start, end: end,
            recovered: recovered, backlog: recovered)
    }

    @Test func `a recovery that nothing was in the way of has the bound of its kind`() {
        let judgements = [
            Self.fault(1, .brokerKilled, from: 0, to: 1, recovered: 9.9),
            Self.fault(2, .brokerKilled, from: 100, to: 101, recovered: 10.1),
            Self.fault(3, .brokerKilled, from: 200, to: 201, recovered: nil),
        ].judgements
        #expect(judgements.map(\.allowed) == [10, 10, 10])
        #expect(judgements.map(\.isLate) == [false, true, true])
        #expect(judgements.allSatisfy { $0.isByOwnBound })
    }

    @Test func `the time counts from the end of the later of two, and the longer bound of the two is allowed`() {
        let judgements = [
            Self.fault(1, .brokerKilled, from: 0, to: 1, recovered: 45),
            Self.fault(2, .cicSlow, from: 5, to: 20, recovered: 26),
            // Comes when the bound of the first is over, and neither excuses the other.
            Self.fault(3, .cicSlow, from: 30, to: 40, recovered: 6),
        ].judgements
        #expect(judgements[0].others == [2])
        #expect(judgements[0].allowed == 49)
        #expect(!judgements[0].isLate)
        #expect(judgements[2].others == [2])
    }

    @Test func `where cases did not flow yet when it struck, they may flow as late as after what was there before`() {
        let judgements = [
            Self.fault(1, .requestLimit, from: 175, to: 188, recovered: 73),
            Self.fault(2, .brokerKilled, from: 185, to: 206, recovered: 79),
            Self.fault(3, .handlerUnpublished, from: 271, to: 280, recovered: 3),
        ].judgements
        #expect(judgements[0].others == [2])
        #expect(judgements[1].others == [1])
        #expect(judgements[0].allowed == 206 + 90 - 188)
        #expect(judgements[1].allowed == 90)
        #expect(!judgements[1].isLate)
        // Both have had their time by then.
        #expect(judgements[2].allowed == 30)
    }
}
