import CaseRouting

/// What people set, as it is stored. Errors are of kind `own`, or `configuration` when a right is missing.
public protocol ConfigurationStore: Sendable {
    /// Rises with every change.
    func version() async throws(RoutingFailure) -> Int64
    func load() async throws(RoutingFailure) -> StoredConfiguration
    /// Saves all edits in one transaction with their audit rows.
    ///
    /// - Parameters:
    ///   - action: the command, for the audit.
    ///   - version: of the configuration that the edits were made on. False: it has changed meanwhile, nothing was saved.
    func apply(
        _ edits: [ConfigurationEdit], action: String, on version: Int64, by author: Author
    ) async throws(RoutingFailure) -> Bool
}

/// Who does something: for the audit.
public struct Author: Equatable, Sendable {
    public let name: String
    public let host: String

    public init(name: String, host: String) {
        self.name = name
        self.host = host
    }
}

/// Everything that is set, with what the database added to it.
public struct StoredConfiguration: Equatable, Sendable {
    public var version: Int64
    public var installation: String
    public var orgs: [OrgSetup]
    public var servers: [CICServerSetup]
    public var mappings: [StoredMapping]
    public var aliases: [AliasSetup]
    public var settings: [String: String]
    /// Workgroups by CIC server that no mapping names any more but where our interactions may still be.
    public var formerWorkgroups: [String: Set<String>] = [:]

    public init(
        version: Int64, installation: String, orgs: [OrgSetup], servers: [CICServerSetup], mappings: [StoredMapping],
        aliases: [AliasSetup], settings: [String: String] = [:]
    ) {
        self.version = version
        self.installation = installation
        self.orgs = orgs
        self.servers = servers
        self.mappings = mappings
        self.aliases = aliases
        self.settings = settings
    }

    /// All of it as one site file.
    public var site: SiteSetup {
        var site = SiteSetup()
        site.orgs = orgs
        site.servers = servers
        site.mappings = mappings.map(\.setup)
        site.aliases = aliases
        site.settings = settings
        return site
    }

    /// What decisions depend on. A mapping whose queue is not known yet by its id decides nothing.
    public var routing: RoutingConfiguration {
        RoutingConfiguration(
            version: version,
            orgs: Dictionary(
                orgs.map {
                    (
                        $0.name,
                        OrgSettings(
                            mode: $0.mode, routesChangesSince: $0.routesChangesSince ?? Timestamp(microseconds: 0),
                            contactOnUserOwned: $0.contactOnUserOwned)
                    )
                }, uniquingKeysWith: { first, _ in first }),
            mappings: mappings.compactMap(\.mapping))
    }
}

extension StoredConfiguration {
    /// The enabled mappings of an org whose cases are offered as they come: those of queues, not those that say which CIC
    /// queue is a user's own.
    public func monitoredQueues(of org: String) -> [StoredMapping] {
        mappings.filter { $0.setup.org == org && $0.setup.isEnabled && $0.setup.userID == nil }
    }

    /// Workgroups and users' own queues of a CIC server to follow: those that enabled mappings name, and those where
    /// interactions of ours may still be since a mapping was changed.
    public func workgroups(on cic: String) -> [String] {
        let mapped = mappings.filter { $0.setup.cic == cic && $0.setup.isEnabled }.map(\.setup.workgroup)
        return mapped + (formerWorkgroups[cic] ?? [])
    }

    /// What one CIC server calls the skills that Salesforce names otherwise.
    public func skillAliases(on cic: String) -> [String: String] {
        Dictionary(
            aliases.filter { $0.cic == cic && $0.kind == .skill }.map { ($0.name, $0.means) },
            uniquingKeysWith: { first, _ in first })
    }
}

public struct StoredMapping: Equatable, Sendable {
    public var id: Int32
    public var version: Int32
    /// Nil until the queue of that name was seen in Salesforce. A user's id where the mapping is of a user.
    public var queueID: RecordID?
    public var setup: MappingSetup

    public init(id: Int32, version: Int32, queueID: RecordID?, setup: MappingSetup) {
        self.id = id
        self.version = version
        self.queueID = queueID
        self.setup = setup
    }

    public var mapping: Mapping? {
        queueID.map {
            Mapping(
                id: id, version: version, org: setup.org, queue: $0, cic: setup.cic, workgroup: setup.workgroup,
                skills: setup.skills.joined(separator: ";"), takesSkills: setup.takesSkills, onReply: setup.onReply,
                onUnmonitoredQueue: setup.onUnmonitoredQueue, onUserOwner: setup.onUserOwner, isEnabled: setup.isEnabled
            )
        }
    }
}

public enum ConfigurationChange: Equatable, Sendable {
    case org(OrgSetup)
    case server(CICServerSetup)
    /// Nil id: a new mapping.
    case mapping(Int32?, MappingSetup)
    case alias(AliasSetup)
    /// Nil: no longer set.
    case setting(String, String?)
    case removeOrg(String)
    case removeServer(String)
    /// Older versions stay for the decisions that name them.
    case removeMapping(Int32, MappingSetup)

    /// What it concerns, as the audit and the difference name it.
    public var target: String {
        switch self {
        case .org(let org): "org:\(org.name)"
        case .server(let server): "cic:\(server.name)"
        case .mapping(_, let mapping), .removeMapping(_, let mapping): "mapping:\(mapping.org)/\(mapping.queue)"
        case .alias(let alias): "alias:\(alias.cic)/\(alias.kind.rawValue)/\(alias.name)"
        case .setting(let name, _): "setting:\(name)"
        case .removeOrg(let name): "org:\(name)"
        case .removeServer(let name): "cic:\(name)"
        }
    }

    /// What is set afterwards; nil: nothing.
    public var after: SettingNode? {
        switch self {
        case .org(let org): org.node
        case .server(let server): server.node
        case .mapping(_, let mapping): mapping.node
        case .alias(let alias): alias.node
        case .setting(_, let value): value.map { .text($0) }
        case .removeOrg, .removeServer, .removeMapping: nil
        }
    }
}

/// A change with what was set before it, for the audit.
public struct ConfigurationEdit: Equatable, Sendable {
    public let change: ConfigurationChange
    public let before: SettingNode?

    public init(_ change: ConfigurationChange, before: SettingNode?) {
        self.change = change
        self.before = before
    }
}
