import CaseRouting

/// `config apply`: makes what is stored equal to a site file. What the file does not name is left as it is.
public struct ApplySite: Sendable {
    private let store: any ConfigurationStore
    private let names: (any NameMirrors)?

    /// - Parameter names: what is known of the names of Salesforce and CIC; nil: names are not checked.
    public init(store: any ConfigurationStore, names: (any NameMirrors)? = nil) {
        self.store = store
        self.names = names
    }

    /// What applying would change, or has changed.
    public struct Outcome: Equatable, Sendable {
        public var added: [String] = []
        public var changed: [String] = []
        /// By target: what of it changes.
        public var differences: [String: [String]] = [:]
        public var unchanged = 0
        /// What could not be checked, and how old the knowledge is.
        public var notes: [String] = []
    }

    /// Times that a change by somebody else in the same instant is answered by looking again.
    private static let tries = 5

    /// - Throws: `SettingError` when the file uses an org or server that neither it nor the database defines, or a name
    ///   that Salesforce or CIC does not have; then nothing is stored.
    public func run(_ site: SiteSetup, dryRun: Bool, by author: Author) async throws -> Outcome {
        for _ in 0..<Self.tries {
            let stored = try await store.load()
            try check(site, stored)
            var (outcome, edits) = Self.compare(site, stored)
            outcome.notes = try await checkNames(edits, site, stored)
            if dryRun || edits.isEmpty { return outcome }
            if try await store.apply(edits, action: "config apply", on: stored.version, by: author) { return outcome }
        }
        throw Refusal(.notDone, "others change the configuration at this moment; nothing was changed, try again")
    }

    private static func compare(_ site: SiteSetup, _ stored: StoredConfiguration) -> (Outcome, [ConfigurationEdit]) {
        var outcome = Outcome()
        var edits: [ConfigurationEdit] = []
        func note(_ change: ConfigurationChange, before: SettingNode?) {
            if before == change.after {
                outcome.unchanged += 1
                return
            }
            edits.append(ConfigurationEdit(change, before: before))
            outcome.differences[change.target] = change.after?.differences(from: before) ?? []
            if before != nil { outcome.changed.append(change.target) } else { outcome.added.append(change.target) }
        }
        for org in site.orgs {
            let before = stored.orgs.first { $0.name == org.name }
            // Not set in the file: stays as it was when the org was added.
            var wanted = org
            if wanted.routesChangesSince == nil { wanted.routesChangesSince = before?.routesChangesSince }
            note(.org(wanted), before: before?.node)
        }
        for server in site.servers {
            note(.server(server), before: stored.servers.first { $0.name == server.name }?.node)
        }
        for mapping in site.mappings {
            let before = stored.mapping(org: mapping.org, queue: mapping.queue)
            note(.mapping(before?.id, mapping), before: before?.setup.node)
        }
        for alias in site.aliases {
            let before = stored.aliases.first {
                $0.cic == alias.cic && $0.kind == alias.kind && $0.name == alias.name
            }
            note(.alias(alias), before: before?.node)
        }
        for (name, value) in site.settings.sorted(by: { $0.key < $1.key }) {
            note(.setting(name, value), before: stored.settings[name].map { .text($0) })
        }
        return (outcome, edits)
    }

    private func check(_ site: SiteSetup, _ stored: StoredConfiguration) throws(SettingError) {
        let orgs = Set(site.orgs.map(\.name) + stored.orgs.map(\.name))
        let servers = Self.servers(site, stored)
        for (index, mapping) in site.mappings.enumerated() {
            try mapping.check(orgs: orgs, servers: servers, at: "mappings[\(index)]")
        }
        for (index, alias) in site.aliases.enumerated() where !servers.contains(where: { $0.name == alias.cic }) {
            throw SettingError("aliases[\(index)].cic", "there is no CIC server \(alias.cic)")
        }
    }

    private static func servers(_ site: SiteSetup, _ stored: StoredConfiguration) -> [CICServerSetup] {
        site.servers + stored.servers.filter { server in !site.servers.contains { $0.name == server.name } }
    }

    /// Only what is new is checked: a name that is gone since must not keep other changes from being made.
    private func checkNames(
        _ edits: [ConfigurationEdit], _ site: SiteSetup, _ stored: StoredConfiguration
    ) async throws -> [String] {
        guard let names else { return [] }
        var check = NameCheck(names: names, servers: Self.servers(site, stored), aliases: stored.aliases + site.aliases)
        for edit in edits {
            switch edit.change {
            case .mapping(_, let mapping):
                let index = site.mappings.firstIndex(of: mapping) ?? 0
                try await check.check(mapping, at: "mappings[\(index)]")
            case .server(let server):
                let index = site.servers.firstIndex(of: server) ?? 0
                try await check.check(server, at: "cic[\(index)]")
            default: break
            }
        }
        return check.notes
    }
}

extension StoredConfiguration {
    /// The mapping of a queue, by its name or id.
    public func mapping(org: String, queue: String) -> StoredMapping? {
        mappings.first {
            $0.setup.org == org && ($0.setup.queue == queue || $0.queueID?.description == queue)
        }
    }
}

extension MappingSetup {
    /// What has to be true of a mapping whatever Salesforce and CIC hold.
    func check(orgs: Set<String>, servers: [CICServerSetup], at path: String) throws(SettingError) {
        guard orgs.contains(org) else {
            throw SettingError(
                "\(path).org", "there is no org \(org); there are: \(orgs.sorted().joined(separator: ", "))")
        }
        guard let server = servers.first(where: { $0.name == cic }) else {
            let known = servers.map(\.name).sorted().joined(separator: ", ")
            throw SettingError("\(path).cic", "there is no CIC server \(cic); there are: \(known)")
        }
        guard server.holding != workgroup else {
            throw SettingError("\(path).workgroup", "is the holding workgroup of \(cic)")
        }
        try checkOwnQueue(at: path)
        guard server.creation == .handler || skills.isEmpty else {
            throw SettingError(
                "\(path).skills",
                "cannot be set on \(cic), which creates generic interactions; set creation to handler")
        }
    }

    private func checkOwnQueue(at path: String) throws(SettingError) {
        let own = UserQueue(place: workgroup)
        guard own != nil || userID == nil else {
            throw SettingError(
                "\(path).workgroup",
                "\(queue) is a user of Salesforce, so this has to be a user's own queue: \(UserQueue.prefix)NAME, with the "
                    + "user's name in CIC")
        }
        guard let own else { return }
        guard !own.user.isEmpty else {
            throw SettingError("\(path).workgroup", "lacks the user's name behind \(UserQueue.prefix)")
        }
        guard skills.isEmpty else {
            throw SettingError(
                "\(path).skills", "cannot be set for a user's own queue: nobody is chosen there by skills")
        }
    }
}
