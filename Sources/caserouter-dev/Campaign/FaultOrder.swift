/// Whose turn it is: the faults of a plan in its order, but for those that stand alone.
///
/// One that stands alone comes when everything before it is settled, and what follows it when itself is. Where that takes long,
/// because triggers did not tell for a while and only the next sweeps find out, others go first until that is settled. Then it is
/// waited for once more, or others would pile up, and what comes of one could not be told from what comes of the next.
struct FaultOrder {
    private var waiting: [FaultPlan.Fault]
    private(set) var played: [FaultPlan.Fault] = []
    /// The last one whose place another has taken.
    private var deferred: Int?
    /// What it was put off for: everything that had been played then.
    private var obstacles: [Int] = []
    /// Seconds that everything is later than planned.
    private var delay = 0.0

    /// Seconds. Most recoveries are known before.
    static let settling = 25.0
    static let pauseWhileDeferred = 5.0

    init(_ faults: [FaultPlan.Fault]) { waiting = faults }

    /// Seconds until the next may come, 0 or less if that is now, or `nil` if there is none.
    ///
    /// - Parameter now: seconds after the beginning.
    func wait(at now: Double) -> Double? {
        guard let next = waiting.first else { return nil }
        let wait = next.at + delay - now
        // What was to come in between has come before.
        return deferred == nil ? wait : min(wait, Self.pauseWhileDeferred)
    }

    /// Whether everything that was played has to be settled before the next.
    var needsQuiet: Bool { waiting.first?.isAlone == true || isAfterAlone }

    /// Seconds after which another takes the place of the next if it is not quiet by then, or `nil` if none can.
    ///
    /// - Parameter isSettled: whether all of these are.
    func patience(_ isSettled: ([Int]) -> Bool) -> Double? {
        guard let next = waiting.first, standIn != nil else { return nil }
        return isPutOff(next, isSettled) ? Self.pauseWhileDeferred : Self.settling
    }

    private func isPutOff(_ fault: FaultPlan.Fault, _ isSettled: ([Int]) -> Bool) -> Bool {
        deferred == fault.number && !isSettled(obstacles)
    }

    /// The fault whose turn it is.
    ///
    /// - Parameters:
    ///   - isQuiet: whether everything that was played is settled, where that is needed.
    ///   - now: seconds after the beginning.
    ///   - isSettled: whether all of these are.
    mutating func take(isQuiet: Bool, at now: Double, _ isSettled: ([Int]) -> Bool) -> FaultPlan.Fault {
        var fault = waiting[0]
        // What follows keeps its distance.
        if needsQuiet { delay = max(delay, now - fault.at) }
        if !isQuiet, let standIn {
            if !isPutOff(fault, isSettled) { obstacles = played.map(\.number) }
            deferred = fault.number
            fault = standIn
        }
        waiting.removeAll { $0.number == fault.number }
        played.append(fault)
        return fault
    }

    private var isAfterAlone: Bool { played.last?.isAlone == true }

    /// Nothing takes the place of what follows one that stands alone: that has to be settled in any case.
    private var standIn: FaultPlan.Fault? {
        guard waiting.first?.isAlone == true, !isAfterAlone else { return nil }
        return waiting.first { !$0.isAlone }
    }
}
