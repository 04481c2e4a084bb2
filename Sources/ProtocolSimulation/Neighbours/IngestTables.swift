import CaseRouting

/// Cursors, gaps and write-back in memory: what `Store` keeps of ingest beside the ledger.
public struct IngestTables: Sendable {
    public var cursors: [String: ReplayCursor] = [:]
    /// Reasons, with the time of opening.
    public var openGaps: [(reason: String, openedAt: Timestamp)] = []
    public var sweeps: [SweepResult] = []
    /// Rows that could not be marked, with the failures so far.
    public var postponed: [RequestKey: (until: Timestamp, failures: Int)] = [:]
    /// When the outcome of a request was there to be written back.
    var since: [RequestKey: Timestamp] = [:]
    public var marked: Set<RequestKey> = []
}
