import CaseRouting

/// Takes what identifies one person's case out of the database and the queues; what is counted stays.
///
/// Only a case at rest can be erased. Messages of it that still lie in `caserouter.requests` go first, because a worker
/// that took one would hear of the case anew.
public struct CaseErasure: Sendable {
    private let store: any ErasureStore
    private let queues: any CaseMessages

    public init(store: any ErasureStore, queues: any CaseMessages) {
        self.store = store
        self.queues = queues
    }

    /// What was done.
    public struct Outcome: Sendable {
        public let org: String
        /// What stands in place of the case's id from now on.
        public let token: RecordID
        /// Rows changed, by table; none that had nothing of the case.
        public let rows: [(table: String, count: Int64)]
        public let messages: Int
    }

    /// - Parameter name: a case number, or an id with 15 or 18 characters.
    /// - Throws: `Refusal` when there is no such case, or several orgs have one; `RoutingFailure`, also with the
    ///   sentence that says why the case cannot be erased yet.
    public func erase(_ name: String, org: String?, reason: String, by author: Author) async throws -> Outcome {
        let found = try await store.cases(named: name, org: org)
        guard let key = found.first else {
            throw Refusal(
                .usage,
                "there is no case \(name.prefix(40))\(org.map { " of org \($0)" } ?? ""); give its number or its id")
        }
        guard found.count == 1 else {
            throw Refusal(
                .usage,
                "several orgs have a case \(name.prefix(40)): say which with --org \(found.map(\.org).joined(separator: " | "))"
            )
        }
        try await store.checkErasable(key)
        var messages = try await queues.remove(naming: key, from: .requests)
        let token = Self.makeToken()
        let rows = try await store.erase(key, as: token, reason: reason, by: author)
        messages += try await queues.remove(naming: key, from: .failed)
        messages += try await queues.remove(naming: key, from: .dead)
        guard try await store.cases(named: key.caseID.description, org: key.org).isEmpty else {
            throw RoutingFailure(
                .transient, at: .store, cause: .database,
                "The case was erased, but a message of it arrived at the same moment and it is there again. Erase it again."
            )
        }
        return Outcome(org: key.org, token: token, rows: rows.filter { $0.count > 0 }, messages: messages)
    }

    /// Reads like an id, because workers read ids of that column, and is none that Salesforce gives.
    private static func makeToken() -> RecordID {
        let letters = Array("0123456789abcdefghijkmnpqrstuvwxyz")
        let random = String((0..<9).map { _ in letters[Int.random(in: letters.indices)] })
        do throws(InvalidRecordID) {
            return try RecordID("ERASED" + random)
        } catch {
            preconditionFailure("fifteen letters and digits are no id: \(error)")
        }
    }
}

/// The database's part of an erasure.
public protocol ErasureStore: Sendable {
    /// The cases with this number or id; one per org at most when it is an id.
    func cases(named name: String, org: String?) async throws(RoutingFailure) -> [CaseKey]

    /// - Throws: kind `permanent` with the reason when the case is not at rest.
    func checkErasable(_ key: CaseKey) async throws(RoutingFailure)

    /// Replaces the case's id by the token and drops what else identifies it, in one transaction, with an audit row.
    func erase(
        _ key: CaseKey, as token: RecordID, reason: String, by author: Author
    ) async throws(RoutingFailure) -> [(table: String, count: Int64)]
}

/// Messages of one case on the broker.
public protocol CaseMessages: Sendable {
    /// Removes the messages that name the case; all others stay where they are, those of another org's case with the same
    /// id among them. Returns how many there were.
    ///
    /// - Throws: kind `own` when the broker cannot be reached, or more messages wait than can be looked through.
    func remove(naming key: CaseKey, from queue: MessageQueue) async throws(RoutingFailure) -> Int
}

/// Our queues on the broker.
public enum MessageQueue: Sendable { case requests, failed, dead }
