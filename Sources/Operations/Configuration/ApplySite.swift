import CaseRouting

/// `config apply`: makes what is stored equal to a site file. What the file does not name is left as it is.
public struct ApplySite: Sendable {
    public let store: any ConfigurationStore

    public init(store: any ConfigurationStore) { self.store = store }

    /// What applying would change, or has changed.
    public struct Outcome: Equatable, Sendable {
        public var added: [String] = []
        public var changed: [String] = []
        public var unchanged = 0
    }

    /// - Throws: `SettingError` when the file uses an org or server that neither it nor the database defines; then
    ///   nothing is stored.
    public func run(
        _ site: SiteSetup, dryRun: Bool, by author: Author
    ) async throws -> Outcome {
        let stored = try await store.load()
        try check(site, stored)
        var outcome = Outcome()
        var changes: [ConfigurationChange] = []
        func note(_ change: ConfigurationChange, exists: Bool, isEqual: Bool) {
            if isEqual {
                outcome.unchanged += 1
                return
            }
            changes.append(change)
            if exists { outcome.changed.append(change.target) } else { outcome.added.append(change.target) }
        }
        for org in site.orgs {
            let before = stored.orgs.first { $0.name == org.name }
            // Not set in the file: stays as it was when the org was added.
            var wanted = org
            if wanted.routesChangesSince == nil { wanted.routesChangesSince = before?.routesChangesSince }
            note(.org(wanted), exists: before != nil, isEqual: before == wanted)
        }
        for server in site.servers {
            let before = stored.servers.first { $0.name == server.name }
            note(.server(server), exists: before != nil, isEqual: before == server)
        }
        for mapping in site.mappings {
            let before = stored.mappings.first {
                $0.setup.org == mapping.org
                    && ($0.setup.queue == mapping.queue || $0.queueID?.description == mapping.queue)
            }
            note(.mapping(before?.id, mapping), exists: before != nil, isEqual: before?.setup == mapping)
        }
        for alias in site.aliases {
            let before = stored.aliases.first {
                $0.cic == alias.cic && $0.kind == alias.kind && $0.name == alias.name
            }
            note(.alias(alias), exists: before != nil, isEqual: before == alias)
        }
        if !dryRun && !changes.isEmpty { try await store.apply(changes, by: author) }
        return outcome
    }

    private func check(_ site: SiteSetup, _ stored: StoredConfiguration) throws(SettingError) {
        let orgs = Set(site.orgs.map(\.name) + stored.orgs.map(\.name))
        let servers =
            site.servers + stored.servers.filter { server in !site.servers.contains { $0.name == server.name } }
        for (index, mapping) in site.mappings.enumerated() {
            guard orgs.contains(mapping.org) else {
                throw SettingError("mappings[\(index)].org", "there is no org \(mapping.org)")
            }
            guard let server = servers.first(where: { $0.name == mapping.cic }) else {
                throw SettingError("mappings[\(index)].cic", "there is no CIC server \(mapping.cic)")
            }
            guard server.holding != mapping.workgroup else {
                throw SettingError("mappings[\(index)].workgroup", "is the holding workgroup of \(mapping.cic)")
            }
            guard server.creation == .handler || mapping.skills.isEmpty else {
                throw SettingError(
                    "mappings[\(index)].skills",
                    "cannot be set on \(mapping.cic), which creates generic interactions; set creation to handler")
            }
        }
        for (index, alias) in site.aliases.enumerated() where !servers.contains(where: { $0.name == alias.cic }) {
            throw SettingError("aliases[\(index)].cic", "there is no CIC server \(alias.cic)")
        }
    }
}
