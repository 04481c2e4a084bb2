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

    private static func settled(_ numbers: [Int]) -> Bool { true }

    private static func unsettled(_ numbers: [Int]) -> Bool { false }

    @Test func `faults come in the order and at the times of the plan`() {
        var order = Self.order(false, false)
        #expect(order.wait(at: 0) == 0)
        #expect(!order.needsQuiet)
        #expect(order.take(isQuiet: true, at: 0, Self.settled).number == 1)
        #expect(order.wait(at: 4) == 6)
        #expect(order.take(isQuiet: true, at: 10, Self.settled).number == 2)
        #expect(order.wait(at: 10) == nil)
    }

    @Test func `one that stands alone comes when it is quiet, and what follows it keeps its distance`() {
        var order = Self.order(false, true, false, false)
        _ = order.take(isQuiet: true, at: 0, Self.settled)
        #expect(order.needsQuiet)
        #expect(order.patience(Self.settled) == FaultOrder.settling)
        #expect(order.take(isQuiet: true, at: 17, Self.settled).number == 2)
        // What follows waits for it, however long that takes, and nothing takes its place.
        #expect(order.needsQuiet)
        #expect(order.patience(Self.settled) == nil)
        #expect(order.wait(at: 17) == 10)
        #expect(order.take(isQuiet: true, at: 60, Self.settled).number == 3)
        #expect(!order.needsQuiet)
        #expect(order.wait(at: 60) == 10)
    }

    @Test func `others go before one that stands alone while what it waits for is unsettled, soon after one another`() {
        var order = Self.order(false, true, false, true, false)
        _ = order.take(isQuiet: true, at: 0, Self.unsettled)
        #expect(order.take(isQuiet: false, at: 35, Self.unsettled).number == 3)
        #expect(order.wait(at: 35) == 0)
        #expect(order.patience(Self.unsettled) == FaultOrder.pauseWhileDeferred)
        #expect(order.take(isQuiet: false, at: 40, Self.unsettled).number == 5)
        // Nobody is left who could go before it.
        #expect(order.patience(Self.unsettled) == nil)
        #expect(order.take(isQuiet: true, at: 90, Self.settled).number == 2)
        #expect(order.wait(at: 90) == FaultOrder.pauseWhileDeferred)
        #expect(order.take(isQuiet: true, at: 95, Self.settled).number == 4)
        #expect(order.wait(at: 95) == nil)
        #expect(order.played.map(\.number) == [1, 3, 5, 2, 4])
    }

    @Test func `what has gone first meanwhile is given time to settle as well`() {
        var order = Self.order(false, true, false, false, false)
        _ = order.take(isQuiet: true, at: 0, Self.unsettled)
        _ = order.take(isQuiet: false, at: 35, Self.unsettled)
        let isFirstSettled: ([Int]) -> Bool = { $0 == [1] }
        #expect(order.patience(isFirstSettled) == FaultOrder.settling)
        // If that takes long too, it is what the next wait for.
        #expect(order.take(isQuiet: false, at: 60, isFirstSettled).number == 4)
        #expect(order.patience(isFirstSettled) == FaultOrder.pauseWhileDeferred)
        #expect(order.patience { $0 == [1, 3] } == FaultOrder.settling)
    }
}
