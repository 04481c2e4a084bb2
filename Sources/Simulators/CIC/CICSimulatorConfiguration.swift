/// One CIC site as the simulator plays it: two hosts, who may log in, what is configured, and how it misbehaves.
///
/// Every key may be missing from JSON; then the default named here holds. Times are milliseconds unless the name
/// says otherwise. What the switches mean is written in `docs/simulators.md`.
public struct CICSimulatorConfiguration: Codable, Sendable {
    /// One Session Manager. Clients go to another host *on the same port*, so hosts differ in their address.
    public struct Host: Codable, Sendable {
        /// The address to listen on; also the name in `alternateHostList`.
        public var address: String
        /// 0 takes the port of the host before it, or a free one for the first host.
        public var port: Int

        public init(address: String, port: Int = 0) {
            self.address = address
            self.port = port
        }
    }

    public struct User: Codable, Sendable {
        public var name: String
        public var password: String
        public var daysUntilPasswordExpiration = 90
        /// Whether the user's licence is active, as far as anybody asks: logins go on.
        public var licensed = true

        public init(name: String, password: String) {
            self.name = name
            self.password = password
        }

        enum CodingKeys: String, CodingKey { case name, password, daysUntilPasswordExpiration, licensed }

        public init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            name = try values.decode(String.self, forKey: .name)
            password = try values.decode(String.self, forKey: .password)
            try values.take(.daysUntilPasswordExpiration, into: &daysUntilPasswordExpiration)
            try values.take(.licensed, into: &licensed)
        }
    }

    /// A PEM certificate chain and key; `nil` in the configuration means plain HTTP.
    public struct TLS: Codable, Sendable {
        public var certificateFile: String
        public var keyFile: String

        public init(certificateFile: String, keyFile: String) {
            self.certificateFile = certificateFile
            self.keyFile = keyFile
        }
    }

    /// The name in every ledger line, and of the first host's server in `icServer`; one site, two hosts.
    public var server = "cic"
    public var hosts = [Host(address: "127.0.0.1"), Host(address: "127.0.0.2")]
    public var tls: TLS?
    public var ledgerPath = "cic-ledger.ndjson"
    public var users = [User(name: "caserouter", password: "secret")]
    public var workgroups: [CICWorkgroup] = []
    public var skills: [String] = []
    public var agents: [CICAgentConfiguration] = []
    /// Whether ACD offers interactions to agents.
    public var acd = true
    /// Versions by feature id; a feature that is missing is unsupported. `messaging` below 2 offers no event stream.
    public var features = [
        "connection": 11, "messaging": 2, "interactions": 13, "queues": 1, "system": 1, "status": 1, "activations": 1,
        "configuration": 1, "licenses": 1, "session": 1,
    ]
    public var recovery = CICRecovery()
    public var handler = CICHandlerSettings()
    /// What becomes of `additionalAttributes` when an interaction is created: `honoured`, `ignored` or `late`.
    public var createAttributes = "honoured"
    /// How late, when `createAttributes` is `late`.
    public var createAttributesDelay = 500
    /// Whether a workgroup's queue still lists an interaction while an agent has it.
    public var listsAssigned = true
    /// How long an ended interaction stays listed with state I or E before it is deallocated.
    public var lingering = 250
    /// How long after its 200 a disconnect or a transfer takes effect.
    public var actionDelay = 0
    /// Interaction ids are taken from this many, the last one freed first; 0 never gives an id again.
    public var idSpace = 0
    /// Seconds without any request after which a session is gone. The real value is not documented.
    public var idleSeconds = 180
    /// Seconds between `:ping` lines of an event stream.
    public var pingSeconds = 15
    /// Workgroups whose queues the sessions may not see.
    public var unreadableWorkgroups: [String] = []

    public init() {}

    enum CodingKeys: String, CodingKey, CaseIterable {
        case server, hosts, tls, ledgerPath, users, workgroups, skills, agents, acd, features, recovery, handler
        case createAttributes, createAttributesDelay, listsAssigned, lingering, actionDelay, idSpace, idleSeconds
        case pingSeconds, unreadableWorkgroups
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        try values.take(.server, into: &server)
        try values.take(.hosts, into: &hosts)
        tls = try values.decodeIfPresent(TLS.self, forKey: .tls)
        try values.take(.ledgerPath, into: &ledgerPath)
        try values.take(.users, into: &users)
        try values.take(.workgroups, into: &workgroups)
        try values.take(.skills, into: &skills)
        try values.take(.agents, into: &agents)
        try values.take(.acd, into: &acd)
        try values.take(.features, into: &features)
        try values.take(.recovery, into: &recovery)
        try values.take(.handler, into: &handler)
        try values.take(.createAttributes, into: &createAttributes)
        try values.take(.createAttributesDelay, into: &createAttributesDelay)
        try values.take(.listsAssigned, into: &listsAssigned)
        try values.take(.lingering, into: &lingering)
        try values.take(.actionDelay, into: &actionDelay)
        try values.take(.idSpace, into: &idSpace)
        try values.take(.idleSeconds, into: &idleSeconds)
        try values.take(.pingSeconds, into: &pingSeconds)
        try values.take(.unreadableWorkgroups, into: &unreadableWorkgroups)
    }
}

/// A workgroup as Interaction Administrator shows it.
public struct CICWorkgroup: Codable, Sendable {
    public var name: String
    public var hasQueue = true
    public var isActive = true
    /// 0 none, 1 custom, 2 group ring, 3 sequential, 4 round robin, 5 ACD.
    public var queueType = 5
    public var isAcdEmailRoutingActive = true
    /// Names of users; agents that name the workgroup are members as well.
    public var members: [String] = []

    public var isACD: Bool { queueType == 5 && usable }
    public var usable: Bool { hasQueue && isActive }

    public init(name: String, queueType: Int = 5) {
        self.name = name
        self.queueType = queueType
    }

    enum CodingKeys: String, CodingKey { case name, hasQueue, isActive, queueType, isAcdEmailRoutingActive, members }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        name = try values.decode(String.self, forKey: .name)
        try values.take(.hasQueue, into: &hasQueue)
        try values.take(.isActive, into: &isActive)
        try values.take(.queueType, into: &queueType)
        try values.take(.isAcdEmailRoutingActive, into: &isAcdEmailRoutingActive)
        try values.take(.members, into: &members)
    }
}

/// Someone who works interactions off, and how.
public struct CICAgentConfiguration: Codable, Sendable {
    public var name: String
    public var workgroups: [String] = []
    public var skills: [String] = []
    /// From being offered to picking up.
    public var pickUpDelay = 1000
    /// From picking up to the end, or to giving back.
    public var handlingTime = 5000
    /// How often an agent gives an interaction back instead of ending it, 0 to 1.
    public var giveBack = 0.0
    /// How many interactions at once.
    public var capacity = 1
    public var enabled = true
    /// Whether the utilisation allows e-mails at all. Who takes none is offered none.
    public var takesEmail = true

    public init(name: String, workgroups: [String], skills: [String] = []) {
        self.name = name
        self.workgroups = workgroups
        self.skills = skills
    }

    enum CodingKeys: String, CodingKey {
        case name, workgroups, skills, pickUpDelay, handlingTime, giveBack, capacity, enabled, takesEmail
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        name = try values.decode(String.self, forKey: .name)
        try values.take(.workgroups, into: &workgroups)
        try values.take(.skills, into: &skills)
        try values.take(.pickUpDelay, into: &pickUpDelay)
        try values.take(.handlingTime, into: &handlingTime)
        try values.take(.giveBack, into: &giveBack)
        try values.take(.capacity, into: &capacity)
        try values.take(.enabled, into: &enabled)
        try values.take(.takesEmail, into: &takesEmail)
    }
}

/// What a switchover does; a request to `/control/switchover` may override each key once.
public struct CICRecovery: Codable, Sendable {
    /// Which e-mail interactions come back: `all`, `half` or `none`.
    public var emails = "all"
    /// Whether generic interactions and callbacks come back too, by the same rule.
    public var generics = false
    /// How long both hosts refuse.
    public var window = 2000
    /// How long after the switchover interactions come back. Longer than `window` means late.
    public var delay = 0
    /// Whether live sessions are told before they end, and how long before.
    public var announce = true
    public var announceLead = 200
    /// How long the first server goes on answering beside the second, as if nothing had happened, before it steps down.
    /// Then nobody is told.
    public var overlap = 0
    /// Whether it keeps `all` sessions and takes new ones, or keeps `half` of them and takes none.
    public var overlapSessions = "all"

    public init() {}

    enum CodingKeys: String, CodingKey {
        case emails, generics, window, delay, announce, announceLead, overlap, overlapSessions
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        try values.take(.emails, into: &emails)
        try values.take(.generics, into: &generics)
        try values.take(.window, into: &window)
        try values.take(.delay, into: &delay)
        try values.take(.announce, into: &announce)
        try values.take(.announceLead, into: &announceLead)
        try values.take(.overlap, into: &overlap)
        try values.take(.overlapSessions, into: &overlapSessions)
    }
}

/// The handler of `docs/cic-handler.md`, and how it fails.
public struct CICHandlerSettings: Codable, Sendable {
    /// Whether a handler is published at all; without one a notification is accepted and nothing happens.
    public var published = true
    /// From the notification to its execution.
    public var delay = 0
    /// From the execution to the answer.
    public var answerDelay = 0
    /// How many of the next notifications start nothing.
    public var ignoreNext = 0
    /// How many of the next answers are lost.
    public var loseAnswers = 0
    /// How many of the next answers are sent twice.
    public var duplicateAnswers = 0
    /// How many of the next requests are refused with `failCode` and without any effect.
    public var failNext = 0
    public var failCode = "internal"
    /// Which request the five counts above are about; empty for all.
    public var only = ""

    public init() {}

    enum CodingKeys: String, CodingKey {
        case published, delay, answerDelay, ignoreNext, loseAnswers, duplicateAnswers, failNext, failCode, only
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        try values.take(.published, into: &published)
        try values.take(.delay, into: &delay)
        try values.take(.answerDelay, into: &answerDelay)
        try values.take(.ignoreNext, into: &ignoreNext)
        try values.take(.loseAnswers, into: &loseAnswers)
        try values.take(.duplicateAnswers, into: &duplicateAnswers)
        try values.take(.failNext, into: &failNext)
        try values.take(.failCode, into: &failCode)
        try values.take(.only, into: &only)
    }
}

extension KeyedDecodingContainer {
    /// Replaces a default by what the JSON says, if it says anything.
    fileprivate func take<Value: Decodable>(_ key: Key, into value: inout Value) throws {
        if let found = try decodeIfPresent(Value.self, forKey: key) { value = found }
    }
}
