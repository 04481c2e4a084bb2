/// Follows the ledgers of a run that is going on: how far it is, and how long cases take.
///
/// It reads only what was written since it last looked, so that a demo may ask every second.
public final class RunFollower {
    /// How far a run is.
    public struct Snapshot: Sendable, Equatable {
        public var cases: Int
        public var rows: Int
        public var rowsByChange: [String: Int]
        /// Rows that wait to be marked as processed.
        public var unmarked: Int
        /// From the commit of a new case to the instant in which an agent could first have it, in microseconds, sorted.
        public var latencies: [Int64]

        public init(
            cases: Int = 0, rows: Int = 0, rowsByChange: [String: Int] = [:], unmarked: Int = 0, latencies: [Int64] = []
        ) {
            self.cases = cases
            self.rows = rows
            self.rowsByChange = rowsByChange
            self.unmarked = unmarked
            self.latencies = latencies
        }

        /// The latency that `share` of the cases did not exceed; nil while there is none.
        public func latency(_ share: Double) -> Int64? {
            guard !latencies.isEmpty else { return nil }
            return latencies[min(latencies.count - 1, Int(Double(latencies.count) * share))]
        }
    }

    private let salesforce: [LedgerReader]
    private let cic: [LedgerReader]
    private let places: SitePlaces
    private var evidence: SalesforceEvidence
    private var made: [CaseKey: Int64] = [:]
    private var offered: [CaseKey: Int64] = [:]
    private var latencies: [Int64] = []

    public init(site: Site, salesforce: [String], cic: [String]) throws(LedgerError) {
        places = SitePlaces(site)
        evidence = SalesforceEvidence(places: places)
        self.salesforce = try salesforce.map { path throws(LedgerError) in try LedgerReader(path: path) }
        self.cic = try cic.map { path throws(LedgerError) in try LedgerReader(path: path) }
    }

    /// Reads what is new and tells how far the run is.
    public func look() throws(LedgerError) -> Snapshot {
        for reader in salesforce {
            while try reader.advance(), let current = reader.current {
                try reader.naming { () throws(LineScanner.Problem) in try takeSalesforce(current.line, at: current.at) }
            }
        }
        for reader in cic {
            while try reader.advance(), let current = reader.current {
                try reader.naming { () throws(LineScanner.Problem) in try takeCIC(current.line, at: current.at) }
            }
        }
        latencies.sort()
        return Snapshot(
            cases: evidence.cases.count, rows: evidence.rowsByChange.values.reduce(0, +),
            rowsByChange: evidence.rowsByChange, unmarked: evidence.unmarked.count, latencies: latencies)
    }

    /// Forgets the latencies so far, those of a warm-up.
    public func forgetLatencies() { latencies = [] }

    private func takeSalesforce(_ line: LedgerLine, at: Int64) throws(LineScanner.Problem) {
        guard let key = try evidence.take(line, at: at), evidence.cases[key]?.ask?.at == at, made[key] == nil else {
            return
        }
        made[key] = at
        measure(key)
    }

    private func takeCIC(_ line: LedgerLine, at: Int64) throws(LineScanner.Problem) {
        guard let (key, workgroup, server) = try CICEvidence.whereabouts(line, places),
            !places.isHolding(server: server, workgroup: workgroup), offered[key] == nil
        else { return }
        offered[key] = at
        measure(key)
    }

    /// The two ledgers are read one after the other, so either end may be known first.
    private func measure(_ key: CaseKey) {
        if let from = made[key], let to = offered[key] { latencies.append(max(0, to - from)) }
    }
}
