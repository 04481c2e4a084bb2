import CaseRouting

/// Aliases as `aliases` keeps them, one by one. Errors are of kind `own`, or `configuration` when a right is missing.
public protocol AliasStore: Sendable {
    func aliases() async throws(RoutingFailure) -> [AliasSetup]
    func servers() async throws(RoutingFailure) -> [String]

    /// Whether the server had a skill of this name when its directory was read last, and when that was; nil: never read.
    func hasSkill(_ name: String, cic: String) async throws(RoutingFailure) -> (isThere: Bool, at: Timestamp)?

    /// False: there is one of that name.
    func add(_ alias: AliasSetup, by author: Author) async throws(RoutingFailure) -> Bool

    /// What it meant; nil: there is none of that name.
    func remove(_ kind: AliasSetup.Kind, _ name: String, cic: String, by author: Author)
        async throws(RoutingFailure) -> String?
}

/// What Salesforce calls a skill, and what a CIC server calls it.
public struct Aliases: Sendable {
    public let store: any AliasStore

    public init(store: any AliasStore) { self.store = store }

    public func list(cic: String?) async throws -> [AliasSetup] {
        if let cic { try await check(cic) }
        return try await store.aliases().filter { cic == nil || $0.cic == cic }
    }

    /// - Returns: when the server's directory was read last, if the skill was not in it.
    public func add(_ alias: AliasSetup, by author: Author) async throws -> Timestamp? {
        try await check(alias.cic)
        for (what, name) in [("NAME", alias.name), ("MEANS", alias.means)] {
            let isSound =
                !name.isEmpty && name.utf8.count <= RequiredSkills.maximumLength && name == name.trimmed
                && !name.contains { $0 == ";" || $0 == "|" || $0.isNewline }
            guard isSound else {
                throw Refusal(
                    .usage,
                    "\(what) \(name.quoted) cannot be a skill's name: 1 to \(RequiredSkills.maximumLength) bytes, without "
                        + "; and |, no blanks around it")
            }
        }
        guard alias.name != alias.means else {
            throw Refusal(.usage, "an alias means something else than its own name")
        }
        let seen = try await store.hasSkill(alias.means, cic: alias.cic)
        guard try await store.add(alias, by: author) else {
            throw Refusal(
                .notDone, "CIC server \(alias.cic) has an alias \(alias.name.quoted) already; remove that one first")
        }
        return seen.flatMap { $0.isThere ? nil : $0.at }
    }

    /// - Returns: what it meant.
    public func remove(_ name: String, cic: String, kind: AliasSetup.Kind, by author: Author) async throws -> String {
        try await check(cic)
        guard let meant = try await store.remove(kind, name, cic: cic, by: author) else {
            let known = try await store.aliases().filter { $0.cic == cic && $0.kind == kind }.map(\.name)
            throw Refusal(
                .notDone,
                "CIC server \(cic) has no alias \(name.quoted); "
                    + (known.isEmpty ? "it has none" : "it has: \(known.joined(separator: ", "))"))
        }
        return meant
    }

    private func check(_ cic: String) async throws {
        let known = try await store.servers()
        guard known.contains(cic) else {
            throw Refusal.unknown("CIC server", cic, among: known)
        }
    }
}
