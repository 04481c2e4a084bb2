import DequeModule

/// The callers of one flush, in the order of their submission.
struct BatchGroup {
    /// A deadlock or serialization failure is repeated whole so often.
    private static let maximumRepeats = 5

    var callers: [BatchCaller]
    private var repeats = 0

    init(callers: [BatchCaller]) { self.callers = callers }

    /// What to send again, in order, and whom to give the error. The flush was rolled back, or is unknown.
    ///
    /// - Parameter affected: the callers of the statement that failed; nil when it was the lock, the commit, or none.
    func afterFailure(
        _ error: PostgresError, of affected: Set<ObjectIdentifier>?
    ) -> (again: [BatchGroup], given: [BatchCaller]) {
        switch error.kind {
        case .deadlock: return repeats < Self.maximumRepeats ? ([again()], []) : ([], callers)
        case .constraint, .data:
            if callers.count == 1 { return ([], callers) }
            return (halves(), [])
        case .permission, .other:
            // Plans that no longer fit are made anew, once.
            if error.sqlState == "0A000", repeats == 0 { return ([again()], []) }
            // A statement that is wrong fails its own callers; the others' work is good.
            guard let affected, affected.count < callers.count else { return ([], callers) }
            let given = callers.filter { affected.contains(ObjectIdentifier($0)) }
            let others = callers.filter { !affected.contains(ObjectIdentifier($0)) }
            for caller in others { caller.reset() }
            return ([BatchGroup(callers: others)], given)
        case .connectionLost, .unknown, .timeout, .overloaded, .decoding, .cancelled: return ([], callers)
        }
    }

    private func again() -> BatchGroup {
        for caller in callers { caller.reset() }
        var group = self
        group.repeats += 1
        return group
    }

    /// Of neighbours in time, so that a key's work keeps its order.
    private func halves() -> [BatchGroup] {
        for caller in callers { caller.reset() }
        let middle = callers.count / 2
        return [BatchGroup(callers: Array(callers[..<middle])), BatchGroup(callers: Array(callers[middle...]))]
    }
}

/// Who goes into a flush, and in which order their rows are written.
enum BatchSelection {
    /// Callers passed over because of their key before the search ends.
    private static let maximumPassedOver = 1_000

    /// Takes callers from the front, at most so many rows. After the first that writes a key, others of that key stay
    /// where they are.
    static func take(from waiting: inout Deque<BatchCaller>, rows limit: Int) -> [BatchCaller] {
        var taken: [BatchCaller] = []
        taken.reserveCapacity(min(limit, waiting.count))
        var passedOver: [BatchCaller] = []
        var written = Set<BatchKey>(minimumCapacity: min(limit, waiting.count))
        while let caller = waiting.first, taken.count < limit, passedOver.count < maximumPassedOver {
            waiting.removeFirst()
            if caller.isOver { continue }
            if let key = caller.key {
                let isFree = caller.writes ? written.insert(key).inserted : !written.contains(key)
                if !isFree {
                    passedOver.append(caller)
                    continue
                }
            }
            taken.append(caller)
        }
        if !passedOver.isEmpty { waiting.prepend(contentsOf: passedOver) }
        return taken
    }

    /// Those without a key first.
    static func sortedByKey(_ callers: [BatchCaller]) -> [BatchCaller] {
        if callers.count < 2 { return callers }
        return callers.sorted { left, right in
            guard let rightKey = right.key else { return false }
            guard let leftKey = left.key else { return true }
            return leftKey < rightKey
        }
    }
}
