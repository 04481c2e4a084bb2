import Foundation

/// One fault as it happened, and how long it took until cases flowed again.
struct FaultRecord: Codable, Sendable {
    let number: Int
    let kind: FaultKind
    let target: String
    var form: String
    /// Whether the plan keeps everything else whole until it is recovered from.
    var isAlone = false
    /// Seconds after the first case.
    let planned: Double
    var start: Double
    /// From when cases have to flow: when it was over, or when it struck where others have to go on without the victim.
    var end: Double
    /// Seconds from the end until a case of every server that was made then was offered; nil: not before the run ended.
    var recovered: Double?
    /// Seconds from the end until every case that was asked for before was offered.
    var backlog: Double?
    /// Ids of some cases that were waited for last.
    var awaited: [String] = []
    var note = ""
    /// How often it was tried until it struck something.
    var tries = 1
    /// Whether it did.
    var hasStruck = true

    /// Within how many seconds cases have to flow if nothing else is in the way.
    var bound: Double { max(kind.bound, Failpoints.causes[form]?.bound ?? 0) }

    /// What is judged.
    var judged: Double? {
        guard kind.judgesBacklog else { return recovered }
        guard let recovered, let backlog else { return nil }
        return max(recovered, backlog)
    }
}
