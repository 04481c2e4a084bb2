import Testing

@testable import caserouter_dev

/// In which order a campaign breaks things.
struct FaultOrderTests {
    /// Faults ten seconds apart.
    private static func order(_ isAlone: Bool...) -> FaultOrder {
        FaultOrder(
            isAlone.enumerated().map { index, isAlone in
                FaultPlan.Fault(
                    number: index + 1, at: Double(10 * index), kind: .workerKilled, target: "", seconds: 0, form: "",
                    seed: 0, isAlone: isAlone)
            })
    }

    @Test func `faults come in the order and at the times of the plan`() {
        var order = Self.order(false, false)
        #expect(order.wait(at: 0) == 0)
        #expect(!order.needsQuiet)
        #expect(order.take(isQuiet: true, at: 0).number == 1)
        #expect(order.wait(at: 4) == 6)
        #expect(order.take(isQuiet: true, at: 10).number == 2)
        #expect(order.wait(at: 10) == nil)
    }

    @Test func `one that stands alone comes when it is quiet, and what follows it keeps its distance`() {
        var order = Self.order(false, true, false, false)
        _ = order.take(isQuiet: true, at: 0)
        #expect(order.needsQuiet)
        #expect(order.patience == FaultOrder.settling)
        #expect(order.take(isQuiet: true, at: 17).number == 2)
        // What follows waits for it, however long that takes, and nothing takes its place.
        #expect(order.needsQuiet)
        #expect(order.patience == nil)
        #expect(order.wait(at: 17) == 10)
        #expect(order.take(isQuiet: true, at: 60).number == 3)
        #expect(!order.needsQuiet)
        #expect(order.wait(at: 60) == 10)
    }

    @Test func `others go before one that stands alone while it is not quiet, and soon after one another`() {
        var order = Self.order(false, true, false, true, false)
        _ = order.take(isQuiet: true, at: 0)
        #expect(order.take(isQuiet: false, at: 35).number == 3)
        #expect(order.wait(at: 35) == 0)
        #expect(order.patience == FaultOrder.pauseWhileDeferred)
        #expect(order.take(isQuiet: false, at: 40).number == 5)
        // Nobody is left who could go before it.
        #expect(order.patience == nil)
        #expect(order.take(isQuiet: true, at: 90).number == 2)
        #expect(order.wait(at: 90) == FaultOrder.pauseWhileDeferred)
        #expect(order.take(isQuiet: true, at: 95).number == 4)
        #expect(order.wait(at: 95) == nil)
        #expect(order.played.map(\.number) == [1, 3, 5, 2, 4])
    }
}
