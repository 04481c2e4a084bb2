import CaseRouting

/// `orgs`, `cic` and `mappings`: one thing added, set or removed at a time.
///
/// What is given as FIELD=VALUE is put into the section as a site file would hold it and read from there, so that a file
/// and a command line know the same fields, values and errors.
public struct KeepSetup: Sendable {
    let store: any ConfigurationStore
    let names: (any NameMirrors)?
    private let check: Check?

    /// What only the adapters know of values; throws the first thing that is wrong.
    public typealias Check = @Sendable (SiteSetup) throws(SettingError) -> Void

    /// - Parameter names: nil: names are not checked.
    public init(store: any ConfigurationStore, names: (any NameMirrors)?, check: Check? = nil) {
        self.store = store
        self.names = names
        self.check = check
    }

    /// What was done: the change, what was there before, and what could not be checked.
    public struct Done: Sendable {
        public let change: ConfigurationChange
        public let before: SettingNode?
        public var notes: [String] = []

        public var differences: [String] { change.after?.differences(from: before) ?? [] }
    }

    private static let tries = 5

    /// Makes one edit on what is stored; on the newest again when somebody else was quicker.
    func edit(
        _ action: String, by author: Author,
        _ make: (StoredConfiguration) async throws -> (edits: [ConfigurationEdit], notes: [String])
    ) async throws -> Done {
        for _ in 0..<Self.tries {
            let stored = try await store.load()
            let (edits, notes) = try await make(stored)
            guard let first = edits.first else { throw Refusal(.notDone, "nothing would change") }
            let done = Done(change: first.change, before: first.before, notes: notes)
            if first.before == first.change.after { throw Refusal(.notDone, "\(first.change.target) is so already") }
            var site = SiteSetup()
            for edit in edits {
                switch edit.change {
                case .org(let org): site.orgs.append(org)
                case .server(let server): site.servers.append(server)
                default: break
                }
            }
            try check?(site)
            if try await store.apply(edits, action: action, on: stored.version, by: author) { return done }
        }
        throw Refusal(.notDone, "others change the configuration at this moment; nothing was changed, try again")
    }

    // MARK: Orgs

    public func addOrg(_ name: String, _ words: [String], by author: Author) async throws -> Done {
        try await edit("orgs add", by: author) { stored in
            guard !stored.orgs.contains(where: { $0.name == name }) else {
                throw Refusal(
                    .notDone, "there is an org \(name) already; change it: caserouter orgs set \(name) FIELD=VALUE")
            }
            return ([try Self.org(.section([("name", .text(name))]), words, before: nil)], [])
        }
    }

    public func setOrg(_ name: String, _ words: [String], by author: Author) async throws -> Done {
        try await edit("orgs set", by: author) { stored in
            let org = try stored.org(name)
            return ([try Self.org(org.node, words, before: org.node)], [])
        }
    }

    public func setMode(_ name: String, _ mode: OrgSettings.Mode, by author: Author) async throws -> Done {
        try await edit("orgs set-mode", by: author) { stored in
            var org = try stored.org(name)
            let before = org.node
            guard org.mode != mode else {
                throw Refusal(.notDone, "org \(name) is in mode \(mode.rawValue) already")
            }
            org.mode = mode
            return ([ConfigurationEdit(.org(org), before: before)], [])
        }
    }

    public func removeOrg(_ name: String, by author: Author) async throws -> Done {
        try await edit("orgs remove", by: author) { stored in
            let org = try stored.org(name)
            try Self.refuseUsed(stored.mappings.filter { $0.setup.org == name }, "org \(name)")
            return ([ConfigurationEdit(.removeOrg(name), before: org.node)], [])
        }
    }

    private static func org(
        _ node: SettingNode, _ words: [String], before: SettingNode?
    ) throws -> ConfigurationEdit {
        let node = try words.reduce(node) { node, word throws(Refusal) in try node.setting(word) }
        return ConfigurationEdit(.org(try OrgSetup(node, "")), before: before)
    }

    // MARK: CIC servers

    public func addServer(_ name: String, _ words: [String], by author: Author) async throws -> Done {
        try await edit("cic add", by: author) { stored in
            guard !stored.servers.contains(where: { $0.name == name }) else {
                throw Refusal(
                    .notDone, "there is a CIC server \(name) already; change it: caserouter cic set \(name) FIELD=VALUE"
                )
            }
            return try await server(.section([("name", .text(name))]), words, before: nil, stored)
        }
    }

    public func setServer(_ name: String, _ words: [String], by author: Author) async throws -> Done {
        try await edit("cic set", by: author) { stored in
            let server = try stored.server(name)
            return try await self.server(server.node, words, before: server.node, stored)
        }
    }

    public func removeServer(_ name: String, by author: Author) async throws -> Done {
        try await edit("cic remove", by: author) { stored in
            let server = try stored.server(name)
            try Self.refuseUsed(stored.mappings.filter { $0.setup.cic == name }, "CIC server \(name)")
            return ([ConfigurationEdit(.removeServer(name), before: server.node)], [])
        }
    }

    private func server(
        _ node: SettingNode, _ words: [String], before: SettingNode?, _ stored: StoredConfiguration
    ) async throws -> (edits: [ConfigurationEdit], notes: [String]) {
        let node = try words.reduce(node) { node, word throws(Refusal) in try node.setting(word) }
        let server = try CICServerSetup(node, "")
        for mapping in stored.mappings where mapping.setup.cic == server.name && mapping.setup.isEnabled {
            guard mapping.setup.workgroup != server.holding else {
                throw SettingError("holding", "mapping \(mapping.id) offers cases on \(server.holding)")
            }
            guard server.creation == .handler || mapping.setup.skills.isEmpty else {
                throw SettingError("creation", "mapping \(mapping.id) has skills, which need creation handler")
            }
        }
        var notes: [String] = []
        if let names {
            var check = NameCheck(names: names, servers: [server], aliases: [])
            try await check.check(server, at: "")
            notes = check.notes
        }
        return ([ConfigurationEdit(.server(server), before: before)], notes)
    }

    // MARK: Settings

    /// - Parameter word: NAME=VALUE; without a value the usual one counts again.
    public func setSetting(_ word: String, by author: Author) async throws -> Done {
        guard let equals = word.firstIndex(of: "=") else { throw Refusal(.usage, "\(word.quoted) is no NAME=VALUE") }
        let name = String(word[..<equals])
        let value = String(word[word.index(after: equals)...])
        guard let known = KnownSetting.all.first(where: { $0.name == name }) else {
            throw Refusal.unknown("setting", name, among: KnownSetting.all.map(\.name))
        }
        if !value.isEmpty { try KnownSetting.check(name, value, at: known.name) }
        return try await edit("config settings", by: author) { stored in
            let change = ConfigurationChange.setting(name, value.isEmpty ? nil : value)
            return ([ConfigurationEdit(change, before: stored.settings[name].map { .text($0) })], [])
        }
    }

    private static func refuseUsed(_ mappings: [StoredMapping], _ what: String) throws(Refusal) {
        guard !mappings.isEmpty else { return }
        throw Refusal(
            .notDone,
            "\(what) is used by mappings \(mappings.map { "\($0.id)" }.joined(separator: ", ")); remove those first: caserouter "
                + "mappings remove ID")
    }
}

extension StoredConfiguration {
    public func org(_ name: String) throws(Refusal) -> OrgSetup {
        guard let org = orgs.first(where: { $0.name == name }) else {
            throw Refusal.unknown("org", name, among: orgs.map(\.name).sorted())
        }
        return org
    }

    public func server(_ name: String) throws(Refusal) -> CICServerSetup {
        guard let server = servers.first(where: { $0.name == name }) else {
            throw Refusal.unknown("CIC server", name, among: servers.map(\.name).sorted())
        }
        return server
    }

    public func mapping(_ id: Int32) throws(Refusal) -> StoredMapping {
        guard let mapping = mappings.first(where: { $0.id == id }) else {
            throw Refusal.unknown("mapping", "\(id)", among: mappings.map { "\($0.id)" })
        }
        return mapping
    }
}
