import CaseRouting

/// Looks at the database. Its first line is `databaseReachable`.
public protocol DatabaseExaminer: Sendable {
    func examine() async -> [DoctorLine]
    /// What is set up.
    func configuration() async throws(RoutingFailure) -> StoredConfiguration
    /// How the newest changes of an org arrived.
    func arrivals(org: String) async throws(RoutingFailure) -> EventArrivals
}

/// How changes of an org arrived, for comparing with what Salesforce has.
public struct EventArrivals: Equatable, Sendable {
    /// Whether a worker holds the org now.
    public let isHeld: Bool
    /// Of the newest outbox rows (at most 20, at least two minutes old, of the last day), how many came by event.
    public let byEvent: Int
    public let bySweep: Int

    public init(isHeld: Bool, byEvent: Int, bySweep: Int) {
        self.isHeld = isHeld
        self.byEvent = byEvent
        self.bySweep = bySweep
    }
}

public protocol BrokerExaminer: Sendable {
    func examine() async -> [DoctorLine]
}

/// The stored secrets, opened.
public protocol CredentialExaminer: Sendable {
    /// The key file.
    func examine() async -> [DoctorLine]
    /// - Returns: the secret of `org:NAME` or `cic:NAME`, nil when there is none that opens; the lines say why.
    func open(_ target: String) async -> (secret: [UInt8]?, lines: [DoctorLine])
}

/// Makes what looks at one org or one CIC server.
public protocol NeighbourExaminers: Sendable {
    /// - Throws: when the settings or the secret cannot be used, with a sentence that says why.
    func org(_ setup: OrgSetup, secret: [UInt8]) throws -> any OrgExaminer
    func server(
        _ setup: CICServerSetup, secret: [UInt8], of stored: StoredConfiguration
    ) throws -> any CICExaminer
}

/// Looks at one Salesforce org, without changing anything there.
public protocol OrgExaminer: Sendable {
    /// - Parameter arrivals: nil when the database does not tell.
    func examine(_ queues: [MonitoredQueueView], _ arrivals: EventArrivals?) async -> OrgExamination
}

/// A mapping, as an org is looked at for.
public struct MonitoredQueueView: Equatable, Sendable {
    /// Name or id of the queue as people set it.
    public let queue: String
    /// The queue's id, once it was seen.
    public let queueID: RecordID?

    public init(queue: String, queueID: RecordID?) {
        self.queue = queue
        self.queueID = queueID
    }
}

public struct OrgExamination: Sendable {
    public var lines: [DoctorLine] = []
    /// What a queue's members may be called in CIC, in lower case: by the queue as it was asked for. A queue whose members
    /// could not be read is missing.
    public var members: [String: [Set<String>]] = [:]

    public init() {}
}

/// Looks at one CIC server, without changing anything there.
public protocol CICExaminer: Sendable {
    func examine(_ mappings: [MappingSetup], _ aliases: [AliasSetup]) async -> CICExamination
}

public struct CICExamination: Sendable {
    public var lines: [DoctorLine] = []
    /// Members of mapped workgroups. A workgroup that could not be read is missing.
    public var members: [String: [String]] = [:]

    public init() {}
}
