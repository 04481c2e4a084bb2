/// Follows the ledgers of a run that is going on: which cases wait for an interaction at this moment.
///
/// The words are those of `Verdict`: a case waits while it has something to work on, and nobody has it or has worked on it since.
public final class ServiceFollower {
    /// What a case waits with.
    public struct Wait: Sendable {
        /// µs since 1970.
        public let since: Int64
        /// Rows tell what is asked for, and where the case is: what they do not tell is found out by comparing only.
        public let isTold: Bool
    }

    private let salesforce: [LedgerReader]
    private let cic: [LedgerReader]
    private let places: SitePlaces
    private var asked: SalesforceEvidence
    private var seen: CICEvidence

    public init(site: Site, salesforce: [String], cic: [String]) throws(LedgerError) {
        places = SitePlaces(site)
        asked = SalesforceEvidence(places: places)
        seen = CICEvidence(places: places)
        self.salesforce = try salesforce.map { path throws(LedgerError) in try LedgerReader(path: path) }
        self.cic = try cic.map { path throws(LedgerError) in try LedgerReader(path: path) }
    }

    /// Reads what is new.
    ///
    /// - Returns: every case that waits, by the first 15 characters of its id.
    public func look() throws(LedgerError) -> [String: Wait] {
        for reader in salesforce {
            while try reader.advance(), let current = reader.current {
                try reader.naming { () throws(LineScanner.Problem) in
                    _ = try asked.take(current.line, at: current.at)
                }
            }
        }
        for reader in cic {
            while try reader.advance(), let current = reader.current {
                try reader.naming { () throws(LineScanner.Problem) in try seen.take(current.line, at: current.at) }
            }
        }
        var waiting: [String: Wait] = [:]
        for (key, state) in asked.cases {
            guard let due = ServiceDue(key, state, seen, places) else { continue }
            let isTold =
                state.told.map {
                    $0.ask?.at == due.ask.at && $0.owner == state.owner && $0.isOpen == state.isOpen
                } ?? false
            waiting[key.id] = Wait(since: due.ask.at, isTold: isTold)
        }
        return waiting
    }
}
