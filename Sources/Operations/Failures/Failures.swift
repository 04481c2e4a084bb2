import CaseRouting

/// What people do about failed cases: look, send again, give up, bring back.
public struct Failures: Sendable {
    public let store: any FailureStore

    public init(store: any FailureStore) { self.store = store }

    public func list(_ filter: FailureFilter) async throws -> [FailedCase] {
        try await check(filter)
        return try await store.failed(filter)
    }

    public func groups(by grouping: FailureGrouping, _ filter: FailureFilter) async throws -> [FailureGroup] {
        try await check(filter)
        return try await store.groups(by: grouping, filter)
    }

    public func show(_ reference: String, org: String?) async throws -> FailureStory {
        let key = try await find(reference, org: org)
        guard let story = try await store.story(of: key) else { throw Self.unknown(reference, org) }
        return story
    }

    // MARK: Single cases

    /// What became of one of the cases that somebody named.
    public struct Answer: Equatable, Sendable {
        public let reference: String
        public let key: CaseKey
        /// Nil: done.
        public let objection: String?
    }

    /// Names are looked up first, so that a misspelt one changes nothing.
    public func retry(_ references: [String], org: String?, by author: Author) async throws -> [Answer] {
        try await each(references, org) { key throws(RoutingFailure) in try await store.retry(key, by: author) }
    }

    public func discard(
        _ references: [String], org: String?, reason: String, by author: Author
    ) async throws -> [Answer] {
        let reason = reason.trimmed
        guard !reason.isEmpty, reason.utf8.count <= Self.longestReason else {
            throw Refusal(.usage, "--reason says why in 1 to \(Self.longestReason) bytes")
        }
        return try await each(references, org) { key throws(RoutingFailure) in
            try await store.discard(key, reason: reason, by: author)
        }
    }

    public func restore(_ references: [String], org: String?, by author: Author) async throws -> [Answer] {
        try await each(references, org) { key throws(RoutingFailure) in try await store.restore(key, by: author) }
    }

    private static let longestReason = 500
    /// More are retried by filters.
    public static let mostNamed = 1_000

    private func each(
        _ references: [String], _ org: String?, _ act: (CaseKey) async throws(RoutingFailure) -> String?
    ) async throws -> [Answer] {
        guard (1...Self.mostNamed).contains(references.count) else {
            throw Refusal(.usage, "name 1 to \(Self.mostNamed) cases, or use filters")
        }
        var keys: [(reference: String, key: CaseKey)] = []
        for reference in references {
            let key = try await find(reference, org: org)
            if !keys.contains(where: { $0.key == key }) { keys.append((reference, key)) }
        }
        var answers: [Answer] = []
        for (reference, key) in keys {
            answers.append(Answer(reference: reference, key: key, objection: try await act(key)))
        }
        return answers
    }

    private func find(_ reference: String, org: String?) async throws -> CaseKey {
        let found = try await store.find(CaseReference(reference), org: org)
        guard let key = found.first else { throw Self.unknown(reference, org) }
        guard found.count == 1 else {
            throw Refusal(
                .usage,
                "\(reference.quoted) is a case in several orgs (\(found.map(\.description).joined(separator: ", "))); "
                    + "say which with --org, or use its id")
        }
        return key
    }

    private static func unknown(_ reference: String, _ org: String?) -> Refusal {
        Refusal(
            .notDone,
            "there is no case \(reference.quoted)\(org.map { " in org \($0.quoted)" } ?? ""): give its number or its id "
                + "with 15 or 18 characters; 'caserouter failed list' lists those that failed")
    }

    // MARK: Filters

    /// Refuses names that do not exist, and says which do.
    func check(_ filter: FailureFilter) async throws {
        if let cause = filter.cause, !FailureCause.all.contains(cause) {
            throw Refusal.unknown("cause", cause.rawValue, among: FailureCause.all.map(\.rawValue))
        }
        guard filter.limit > 0 else { throw Refusal(.usage, "--limit is a number of cases, 1 or more") }
        if let from = filter.from, let to = filter.to, to <= from {
            throw Refusal(
                .usage, "nothing lies between --from \(from.inSentence) and --to \(to.inSentence): --to has to be later"
            )
        }
        let known = try await store.known()
        if let org = filter.org, !known.orgs.contains(org) { throw Refusal.unknown("org", org, among: known.orgs) }
        if let cic = filter.cic, !known.servers.contains(cic) {
            throw Refusal.unknown("CIC server", cic, among: known.servers)
        }
        if let workgroup = filter.workgroup, !known.workgroups.contains(workgroup) {
            throw Refusal.unknown("workgroup", workgroup, among: known.workgroups)
        }
    }
}

extension String {
    var trimmed: String {
        var text = Substring(self)
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
