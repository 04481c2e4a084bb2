import Testing

@testable import AMQP

@Suite struct ConfirmTrackerTests {
    /// What the broker says to publishes 1 to 6, and what each caller hears, in the order of hearing.
    struct Case: Sendable, CustomTestStringConvertible {
        enum Step: Sendable {
            case ack(UInt64, multiple: Bool = false)
            case nack(UInt64, multiple: Bool = false)
            case back(UInt64)
        }

        let name: String
        let steps: [Step]
        let heard: [String]
        /// Slots left between the oldest without an answer and the newest.
        let span: Int
        /// Whether the last step is an error of the broker.
        var errs = false
        var testDescription: String { name }
    }

    static let cases = [
        Case(name: "one by one in order", steps: [.ack(1), .ack(2)], heard: ["1 ok", "2 ok"], span: 4),
        Case(
            name: "one by one backwards", steps: [.ack(3), .ack(2), .ack(1)], heard: ["3 ok", "2 ok", "1 ok"], span: 3),
        Case(name: "a gap stays open", steps: [.ack(1), .ack(3), .ack(4)], heard: ["1 ok", "3 ok", "4 ok"], span: 5),
        Case(
            name: "multiple closes gaps and repeats nobody", steps: [.ack(2), .ack(4), .ack(5, multiple: true)],
            heard: ["2 ok", "4 ok", "1 ok", "3 ok", "5 ok"], span: 1),
        Case(
            name: "multiple with zero means all", steps: [.ack(3), .ack(0, multiple: true)],
            heard: ["3 ok", "1 ok", "2 ok", "4 ok", "5 ok", "6 ok"], span: 0),
        Case(
            name: "multiple up to what is answered already", steps: [.ack(2, multiple: true), .ack(1, multiple: true)],
            heard: ["1 ok", "2 ok"], span: 4),
        Case(name: "one is refused", steps: [.nack(2), .ack(1)], heard: ["2 nacked", "1 ok"], span: 4),
        Case(
            name: "several are refused", steps: [.ack(2), .nack(3, multiple: true)],
            heard: ["2 ok", "1 nacked", "3 nacked"], span: 3),
        Case(name: "sent back, then confirmed", steps: [.back(1), .ack(1)], heard: ["1 back"], span: 5),
        Case(
            name: "sent back, then confirmed with others", steps: [.back(2), .ack(3, multiple: true)],
            heard: ["1 ok", "2 back", "3 ok"], span: 3),
        Case(name: "sent back, then refused", steps: [.back(1), .nack(1)], heard: ["1 back"], span: 5),
        Case(name: "sent back and never confirmed", steps: [.back(1)], heard: [], span: 6),
        Case(name: "something unknown comes back", steps: [.back(99), .ack(1)], heard: ["1 ok"], span: 5),
        Case(name: "never published", steps: [.ack(7)], heard: [], span: 6, errs: true),
        Case(name: "never published, multiple", steps: [.ack(7, multiple: true)], heard: [], span: 6, errs: true),
        Case(name: "confirmed twice", steps: [.ack(1), .ack(1)], heard: ["1 ok"], span: 5, errs: true),
        Case(name: "confirmed twice behind a gap", steps: [.ack(3), .ack(3)], heard: ["3 ok"], span: 6, errs: true),
        Case(name: "number zero", steps: [.ack(0)], heard: [], span: 6, errs: true),
    ]

    @Test(arguments: cases) func `each publish hears its own answer once`(_ example: Case) {
        var tracker = ConfirmTracker<Int>()
        let numbers = (1...6).map { tracker.sent($0) }
        #expect(numbers == [1, 2, 3, 4, 5, 6])
        var heard: [String] = []
        var isKnown = true
        func answer(_ number: UInt64, _ multiple: Bool, nacked: Bool) {
            isKnown = tracker.answered(number, multiple: multiple, nacked: nacked) { waiter, outcome in
                switch outcome {
                case .confirmed: heard.append("\(waiter) ok")
                case .nacked: heard.append("\(waiter) nacked")
                case .returned(let code, let text): heard.append("\(waiter) \(text)\(code == 312 ? "" : "?")")
                }
            }
        }
        for step in example.steps {
            #expect(isKnown)
            switch step {
            case .ack(let number, let multiple): answer(number, multiple, nacked: false)
            case .nack(let number, let multiple): answer(number, multiple, nacked: true)
            case .back(let number): tracker.returned(number, code: 312, text: "back")
            }
        }
        #expect(heard == example.heard)
        #expect(tracker.span == example.span)
        #expect(isKnown == !example.errs)
    }

    @Test func `whoever gives up keeps the slot until the broker answers`() {
        var tracker = ConfirmTracker<Int>()
        for waiter in 1...3 { _ = tracker.sent(waiter) }
        let abandoned = [tracker.abandon(1), tracker.abandon(1), tracker.abandon(9)]
        #expect(abandoned == [1, nil, nil])
        #expect(tracker.span == 3)
        #expect(tracker.oldestWaiting(from: 1)?.number == 2)
        var heard: [Int] = []
        let isKnown = tracker.answered(2, multiple: true, nacked: false) { waiter, _ in heard.append(waiter) }
        #expect(isKnown && heard == [2])
        #expect(tracker.span == 1)
        #expect(tracker.next == 4)
        let rest = tracker.abandonAll()
        #expect(rest == [3])
        #expect(tracker.oldestWaiting(from: 1) == nil)
    }
}
