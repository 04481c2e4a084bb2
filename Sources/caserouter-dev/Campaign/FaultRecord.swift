import Foundation

/// One fault as it happened, and how long it took until cases flowed again.
struct FaultRecord: Codable, Sendable {
    let number: Int
    let kind: FaultKind
    let target: String
    let form: String
    /// Seconds after the first case.
    let planned: Double
    var start: Double
    var end: Double
    /// Seconds from the end until a case of every server that was made then was offered; nil: not before the run ended.
    var recovered: Double?
    /// Seconds from the end until every case that was asked for before was offered.
    var backlog: Double?
    var note = ""

    /// What is judged.
    var judged: Double? {
        guard kind.judgesBacklog else { return recovered }
        guard let recovered, let backlog else { return nil }
        return max(recovered, backlog)
    }
}

extension [FaultRecord] {
    /// Those after which cases flowed too late.
    ///
    /// A fault that happens before another one has been recovered from disturbs that: then the time counts from the
    /// end of the later one, and what is allowed is the longer bound of the two.
    var late: [FaultRecord] {
        filter { fault in
            guard let judged = fault.judged else { return true }
            let recovered = fault.end + judged
            let allowed = filter { $0.start < recovered && $0.end + $0.kind.bound > fault.end }
                .map { $0.end + Swift.max($0.kind.bound, $0.end >= fault.end ? fault.kind.bound : 0) }
            return recovered > Swift.max(fault.end + fault.kind.bound, allowed.max() ?? 0)
        }
    }
}
