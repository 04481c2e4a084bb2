/// What a Salesforce simulator is made of: one or more orgs in one process, each on its own port.
///
/// Every key has a default, so that a JSON file needs to name only what differs.
public struct SalesforceSimulatorConfiguration: Codable, Sendable {
    /// Address to listen on; loopback unless somebody asks for more.
    public var host = "127.0.0.1"
    /// Serve HTTPS with a certificate of a throw-away authority.
    public var https = false
    /// Names and addresses the certificate holds for.
    public var certificateHosts = ["localhost", "127.0.0.1"]
    /// Where the authority's certificate is written for clients, if anywhere.
    public var authorityPath: String?
    /// NDJSON ledger of requests and effects (keys in docs/simulators.md); nil keeps none.
    public var ledgerPath: String?
    /// Seconds an idle `/meta/connect` is held; Salesforce holds 110.
    public var connectHold = 110.0
    /// Seconds within which the next connect must come after a reply; Salesforce grants 40.
    public var sessionExpiry = 40.0
    /// Seconds that events stay replayable: platform events 72 h, PushTopics 24 h.
    public var platformEventRetention = 72.0 * 3600
    public var pushTopicRetention = 24.0 * 3600
    /// Most events put into one response, so that a long replay comes in batches.
    public var eventsPerResponse = 2_000
    /// Seconds an access token lives after its last use (the org's session time-out).
    public var sessionTimeout = 7_200.0
    /// Daily API requests of each org.
    public var dailyRequestLimit = 5_000_000
    public var orgs: [Org] = []

    public init(orgs: [Org] = []) {
        self.orgs = orgs
    }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        func read<Value: Decodable>(_ key: CodingKeys, into target: inout Value) throws {
            if let value = try values.decodeIfPresent(Value.self, forKey: key) { target = value }
        }
        try read(.host, into: &host)
        try read(.https, into: &https)
        try read(.certificateHosts, into: &certificateHosts)
        authorityPath = try values.decodeIfPresent(String.self, forKey: .authorityPath)
        ledgerPath = try values.decodeIfPresent(String.self, forKey: .ledgerPath)
        try read(.connectHold, into: &connectHold)
        try read(.sessionExpiry, into: &sessionExpiry)
        try read(.platformEventRetention, into: &platformEventRetention)
        try read(.pushTopicRetention, into: &pushTopicRetention)
        try read(.eventsPerResponse, into: &eventsPerResponse)
        try read(.sessionTimeout, into: &sessionTimeout)
        try read(.dailyRequestLimit, into: &dailyRequestLimit)
        try read(.orgs, into: &orgs)
    }
}

extension SalesforceSimulatorConfiguration {
    /// One org: who may sign in, and what exists in it from the start.
    public struct Org: Codable, Sendable {
        /// Name under which its port is reported.
        public var name: String
        /// `00D…`, 15 or 18 characters.
        public var organizationID: String
        /// 0 takes a free port.
        public var port = 0
        public var clientID = "case-router"
        public var clientSecret = "secret"
        /// The integration user: runs the client-credentials flow, signs in by password, is the subject of JWTs.
        public var username = "integration@example.com"
        public var password = "password"
        public var securityToken = "TOKEN"
        /// Certificate or public key (PEM) for the JWT bearer flow; nil refuses the flow.
        public var jwtCertificatePEM: String?
        /// Names of case queues.
        public var queues: [String] = []
        /// Usernames of agents. They sign in with the integration user's password and token.
        public var users: [String] = []
        /// The older package that this org runs instead of the outbox.
        public var legacy: LegacyPackage?
        /// The table in which an older connector keeps which queue goes where; its rows are made by REST, as people do.
        public var mappingTable: MappingTable?
        /// First record number of generated ids, so that two runs can be told apart.
        public var firstRecord = 1

        public init(name: String, organizationID: String) {
            self.name = name
            self.organizationID = organizationID
        }

        public init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            func read<Value: Decodable>(_ key: CodingKeys, into target: inout Value) throws {
                if let value = try values.decodeIfPresent(Value.self, forKey: key) { target = value }
            }
            name = try values.decode(String.self, forKey: .name)
            organizationID = try values.decode(String.self, forKey: .organizationID)
            try read(.port, into: &port)
            try read(.clientID, into: &clientID)
            try read(.clientSecret, into: &clientSecret)
            try read(.username, into: &username)
            try read(.password, into: &password)
            try read(.securityToken, into: &securityToken)
            jwtCertificatePEM = try values.decodeIfPresent(String.self, forKey: .jwtCertificatePEM)
            try read(.queues, into: &queues)
            try read(.users, into: &users)
            legacy = try values.decodeIfPresent(LegacyPackage.self, forKey: .legacy)
            mappingTable = try values.decodeIfPresent(MappingTable.self, forKey: .mappingTable)
            try read(.firstRecord, into: &firstRecord)
        }
    }

    /// Names of a table of mappings. The real ones are not published, so they are settings.
    public struct MappingTable: Codable, Sendable {
        public var object: String
        public var queue: String
        public var workgroup: String
        public var skills: String

        public init(
            object: String = "ININ_Routing_Queue__c", queue: String = "Queue_Name__c",
            workgroup: String = "Workgroup__c", skills: String = "Skills__c"
        ) {
            self.object = object
            self.queue = queue
            self.workgroup = workgroup
            self.skills = skills
        }
    }

    /// An older package: the same rows under other names, announced by a PushTopic.
    ///
    /// The names of the real package's fields are not published, so all of them are settings. A field left nil does
    /// not exist in the org.
    public struct LegacyPackage: Codable, Sendable {
        public var object = "ININ_Routing__c"
        /// The PushTopic's name: its channel is `/topic/NAME`.
        public var topic = "CaseRouting"
        public var caseID = "Case__c"
        public var status = "Status__c"
        public var statusNew = "New"
        public var caseNumber: String?
        public var change: String?
        public var recordID: String?
        public var owner: String? = "Owner_Id__c"
        public var previousOwner: String?
        public var closed: String?
        public var skills: String? = "Skills__c"
        public var priority: String?
        public var actor: String?
        /// One row per case that is updated for every change, instead of one row per change.
        public var updatesInPlace = false

        public init() {}

        public init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            func read<Value: Decodable>(_ key: CodingKeys, into target: inout Value) throws {
                if let value = try values.decodeIfPresent(Value.self, forKey: key) { target = value }
            }
            try read(.object, into: &object)
            try read(.topic, into: &topic)
            try read(.caseID, into: &caseID)
            try read(.status, into: &status)
            try read(.statusNew, into: &statusNew)
            try read(.caseNumber, into: &caseNumber)
            try read(.change, into: &change)
            try read(.recordID, into: &recordID)
            try read(.owner, into: &owner)
            try read(.previousOwner, into: &previousOwner)
            try read(.closed, into: &closed)
            try read(.skills, into: &skills)
            try read(.priority, into: &priority)
            try read(.actor, into: &actor)
            try read(.updatesInPlace, into: &updatesInPlace)
        }
    }
}
