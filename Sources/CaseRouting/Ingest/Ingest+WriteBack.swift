import FaultPoints
import Logging

extension Ingest {
    /// Marks outbox rows in Salesforce: 200 a call, or fewer when the oldest has waited a minute, so that calls are few
    /// and rows are never New for long.
    func writeBack() async {
        while !Task.isCancelled {
            do throws(RoutingFailure) {
                let isDue = try await store.errands(org: org).contains(.writeBack)
                let due = isDue ? try await store.dueWriteBacks(org: org, limit: Self.rowsPerCall) : []
                if due.count == Self.rowsPerCall || due.contains(where: { $0.waiting >= Self.longestWait }) {
                    try await mark(due)
                    if due.count == Self.rowsPerCall { continue }
                }
            } catch {
                logger.warning(.writeBackFailed, metadata: ["cause": "\(error.cause)", "summary": "\(error.summary)"])
                await pause(error.kind == .configuration ? .seconds(60) : .seconds(5))
            }
            await pause(.seconds(1))
        }
    }

    /// Salesforce answers 200 even if every row failed: each row's own result counts, and a row that keeps failing backs
    /// off by itself.
    private func mark(_ due: [DueWriteBack]) async throws(RoutingFailure) {
        let byRow = Dictionary(due.map { ($0.row, $0.request) }, uniquingKeysWith: { first, _ in first })
        let results = try await source.markProcessed(due.map(\.row))
        failpoint("ingest.marked")
        var done: [RequestKey] = []
        var failed: [(request: RequestKey, failure: RoutingFailure)] = []
        for result in results {
            guard let request = byRow[result.row] else { continue }
            if let failure = result.failure { failed.append((request, failure)) } else { done.append(request) }
        }
        if !done.isEmpty { try await store.markWrittenBack(done) }
        if let first = failed.first {
            try await store.postponeWriteBack(failed)
            logger.warning(
                .writeBackFailed,
                metadata: [
                    "rows": "\(failed.count)", "cause": "\(first.failure.cause)", "summary": "\(first.failure.summary)",
                ])
        }
    }

    private static let rowsPerCall = 200
    private static let longestWait: Duration = .seconds(60)
}
