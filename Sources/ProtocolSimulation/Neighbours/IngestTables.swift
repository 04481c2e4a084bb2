import CaseRouting

/// Cursors, gaps and write-back in memory: what `Store` keeps of ingest beside the ledger.
public struct IngestTables: Sendable {
    /// Why the gap is open that a database leaves which has lost rows.
    static let databaseGap = "the database has lost rows"

    public var cursors: [String: ReplayCursor] = [:]
    /// With the time from which changes may be missing, and the time of opening, which may be still to come.
    public var openGaps: [(reason: String, from: Timestamp?, openedAt: Timestamp)] = []
    public var sweeps: [SweepResult] = []
    /// Rows that could not be marked, with the failures so far.
    public var postponed: [RequestKey: (until: Timestamp, failures: Int)] = [:]
    /// When the outcome of a request was there to be written back.
    var since: [RequestKey: Timestamp] = [:]
    public var marked: Set<RequestKey> = []
}
