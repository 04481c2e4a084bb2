import TestSupport
import Testing

@testable import CaseRouting

struct RetryPolicyTests {
    @Test func `delays are spread evenly below a ceiling that doubles from 2 s to 15 min`() {
        let ceilings: [Duration] = [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900].map { .seconds($0) }
        for (attempts, ceiling) in ceilings.enumerated() {
            let longest = RetryPolicy.delay(afterAttempts: Int32(attempts), random: .max)
            #expect(longest <= ceiling && longest > ceiling * 0.999)
            #expect(RetryPolicy.delay(afterAttempts: Int32(attempts), random: .max / 2) <= ceiling / 2)
        }
    }

    @Test func `no delay is shorter than a tenth of a second, whatever the count`() {
        for attempts in [-1, 0, 7, 100, Int32.max] {
            #expect(RetryPolicy.delay(afterAttempts: attempts, random: 0) == .milliseconds(100))
        }
    }
}

struct BreakerTests {
    /// Whether each of these failures opens it.
    private func openings(_ breaker: inout Breaker, at times: [Int]) -> [Bool] {
        times.map { breaker.failed(at: .seconds($0)) }
    }

    @Test func `ten failures in a row open it`() {
        var breaker = Breaker()
        let opened = openings(&breaker, at: Array(1...11))
        #expect(opened == Array(repeating: false, count: 9) + [true, false])
    }

    @Test func `a success in the last ten seconds keeps it closed`() {
        var breaker = Breaker()
        breaker.succeeded(at: .seconds(100))
        let opened = openings(&breaker, at: Array(repeating: 105, count: 20) + [110])
        #expect(opened == Array(repeating: false, count: 20) + [true])
    }

    @Test func `a success begins the count anew`() {
        var breaker = Breaker()
        _ = openings(&breaker, at: Array(repeating: 1, count: 9))
        breaker.succeeded(at: .seconds(2))
        let opened = openings(&breaker, at: Array(repeating: 50, count: 10))
        #expect(opened == Array(repeating: false, count: 9) + [true])
    }
}

struct DailyCallsTests {
    @Test func `a process that has run for weeks has used what it used today`() {
        var calls = DailyCalls()
        #expect(calls.count(10, at: .seconds(600)) == 10)
        #expect(calls.count(900, at: .seconds(86_000)) == 900)
        for day in 1...30 {
            #expect(calls.count(1_000 * day, at: .seconds(87_000 + 86_400 * day)) == 0)
            #expect(calls.count(1_000 * day + 400, at: .seconds(88_000 + 86_400 * day)) == 400)
        }
    }
}

struct ConfirmWindowTests {
    private func request(_ number: Int64) -> RecordedRequest {
        RecordedRequest(change: Sample.change(.created, number), found: .stream, body: [])
    }

    @Test func `only the contiguous confirmed prefix may be recorded`() {
        var window = ConfirmWindow()
        let numbers = (1...4).map { window.append(replayID: $0, request: request($0)) }
        window.confirm(numbers[1])
        window.confirm(numbers[3])
        #expect(window.confirmedPrefix.isEmpty)
        window.confirm(numbers[0])
        #expect(window.confirmedPrefix.map(\.replayID) == [1, 2])
        window.remove(2)
        window.confirm(numbers[2])
        #expect(window.confirmedPrefix.map(\.replayID) == [3, 4])
    }

    @Test func `an event that nothing is published for is passed in its turn`() {
        var window = ConfirmWindow()
        let first = window.append(replayID: 1, request: request(1))
        _ = window.append(replayID: 2, request: nil)
        #expect(window.confirmedPrefix.isEmpty)
        window.confirm(first)
        #expect(window.confirmedPrefix.map(\.replayID) == [1, 2])
    }

    @Test func `it is full at five hundred`() {
        var window = ConfirmWindow()
        for number in 1...500 {
            #expect(!window.isFull)
            _ = window.append(replayID: Int64(number), request: request(Int64(number)))
        }
        #expect(window.isFull)
    }
}

struct AttemptIDTests {
    @Test func `it is a UUID of version 7 that sorts by time and is read again`() throws {
        let id = AttemptID(milliseconds: 0x0192_3456_789A, random: (.max, .max))
        #expect(id.description == "01923456-789a-7fff-bfff-ffffffffffff")
        #expect(AttemptID(id.description) == id)
        let later = AttemptID(milliseconds: 0x0192_3456_789B, random: (0, 0))
        #expect(later.description > id.description)
        #expect(later.description == "01923456-789b-7000-8000-000000000000")
    }

    @Test(arguments: [
        "", "01923456789a7fffbfffffffffffffff", "01923456-789a-7fff-bfff-fffffffffff",
        "01923456-789a-7fff-bfff-fffffffffffff",
        "g1923456-789a-7fff-bfff-ffffffffffff", "01923456-789a-7fffbfff--ffffffffffff",
        "+1923456-789a-7fff-bfff-ffffffffffff",
    ])
    func `what is no UUID is refused`(_ text: String) {
        #expect(AttemptID(text) == nil)
    }
}
