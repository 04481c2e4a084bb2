/// What was left in the queues, and what was sent to them that nobody can read.
struct QueueEvidence {
    static let requests = "caserouter.requests"
    static let dead = "caserouter.dead"

    private(set) var messages: [String: (count: Int64, source: Source)] = [:]
    /// Beginnings of unreadable messages.
    private(set) var poison: [(beginning: String, source: Source)] = []

    init(_ path: String) throws(LedgerError) {
        try EvidenceRow.read(path) { (row) throws(LineScanner.Problem) in
            if row.has("poison") {
                poison.append((try row.text("poison"), row.source))
            } else {
                messages[try row.text("queue")] = (try row.integer("messages"), row.source)
            }
        }
    }
}
