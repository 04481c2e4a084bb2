/// What is thought of the recovery from one fault.
struct FaultJudgement: Encodable, Sendable {
    let fault: FaultRecord
    /// Numbers of those faults that were in the way of the recovery.
    let others: [Int]
    /// Seconds from the end of the fault within which cases had to flow: its kind's bound, and more where others were in
    /// the way.
    let allowed: Double

    var isLate: Bool { fault.judged.map { $0 > allowed } ?? true }

    /// Nothing else was broken until it had been recovered from, or until its own bound was over.
    var isByOwnBound: Bool { others.isEmpty }

    private enum Key: String, CodingKey { case others, allowed, isLate }

    func encode(to encoder: any Encoder) throws {
        try fault.encode(to: encoder)
        var values = encoder.container(keyedBy: Key.self)
        try values.encode(others, forKey: .others)
        try values.encode(allowed, forKey: .allowed)
        try values.encode(isLate, forKey: .isLate)
    }
}

extension [FaultRecord] {
    /// What is thought of each.
    ///
    /// A fault has its own bound, unless another one was in the way: one that was there when it struck, or from whose end
    /// cases did not flow yet; or one that struck before it was recovered from and before its own bound was over. Then the
    /// time counts from the end of the later of the two, and the longer bound of the two is allowed. Those that are in the
    /// way of the others do not count: whatever comes after them, cases have to flow in time. But where cases did not flow
    /// yet after an earlier one, they may flow as late as after that one, whatever was in the way of it.
    var judgements: [FaultJudgement] {
        map { fault in
            let others = inTheWay(of: fault)
            let inherited = others.filter { $0.start < fault.start }.map { $0.allowedUntil(despite: inTheWay(of: $0)) }
            let until = inherited.reduce(fault.allowedUntil(despite: others), Swift.max)
            return FaultJudgement(fault: fault, others: others.map(\.number), allowed: until - fault.end)
        }
    }

    private func inTheWay(of fault: FaultRecord) -> [FaultRecord] { filter { $0.isInTheWay(of: fault) } }
}

extension FaultRecord {
    /// When cases flowed again, and nothing of it was left.
    private var recoveredAt: Double {
        guard let judged else { return .infinity }
        return max(end + max(judged, kind.lingers), kind.leavesDuties ? start + Self.dutiesAreTaken : 0)
    }

    /// Seconds until somebody else has what a dead worker alone did: its leases last 30 s, and the next asks within six. Cases
    /// flow meanwhile; but nobody sees what ends in CIC, and an id that CIC gives again is not bound before that.
    private static let dutiesAreTaken = 36.0

    /// Until when cases have to flow, by its own bound and by what was in the way.
    fileprivate func allowedUntil(despite others: [FaultRecord]) -> Double {
        others.map { other in other.end + (other.end < end ? other.bound : max(other.bound, bound)) }
            .reduce(end + bound, max)
    }

    fileprivate func isInTheWay(of fault: FaultRecord) -> Bool {
        guard number != fault.number, start < min(fault.recoveredAt, fault.end + fault.bound) else { return false }
        // What is late itself is an excuse for as long as it had time.
        return end >= fault.start || min(recoveredAt, end + bound) > fault.start
    }
}
