import Checker
import Foundation
import Synchronization

/// How far the cases of a benchmark are, by the ledgers of both neighbours.
final class PathWatch: Sendable {
    struct Counts: Sendable {
        /// Interactions that left holding.
        var routed = 0
        /// Rows marked as processed.
        var marked = 0
        /// Calls to Salesforce's API that count against the org's limit, ours included.
        var apiCalls = 0
        var cicCalls = 0
    }

    private struct Tails {
        let salesforce: LedgerTail
        let cic: [LedgerTail]
    }

    let salesforceLedger: String
    let cicLedgers: [String]
    private let tails: Mutex<Tails>
    /// For latencies; reads every line, so it is asked between the stretches only.
    // Unsafe only for the compiler: the benchmark asks it from one task.
    nonisolated(unsafe) let follower: RunFollower

    init(_ neighbours: Neighbours, site: Site) throws {
        salesforceLedger = neighbours.salesforceLedger
        cicLedgers = neighbours.cicLedgers
        follower = try RunFollower(
            site: site, salesforce: [neighbours.salesforceLedger], cic: neighbours.cicLedgers)
        let salesforce = try LedgerTail(
            path: neighbours.salesforceLedger, [#""status":"Processed""#, #""path":"/services/data/"#])
        let cic = try neighbours.cicLedgers.map {
            try LedgerTail(path: $0, [#""event":"moved""#, #""kind":"request""#])
        }
        tails = Mutex(Tails(salesforce: salesforce, cic: cic))
    }

    func look() throws -> Counts {
        try tails.withLock { tails in
            var counts = Counts()
            let salesforce = try tails.salesforce.look()
            (counts.marked, counts.apiCalls) = (salesforce[0], salesforce[1])
            for tail in tails.cic {
                let lines = try tail.look()
                counts.routed += lines[0]
                counts.cicCalls += lines[1]
            }
            return counts
        }
    }
}
