/// What the checker has to know of the site whose ledgers it reads: which queues are monitored and where their cases belong.
public struct Site: Codable, Sendable, Equatable {
    /// Where the cases of a monitored queue belong.
    public struct Place: Codable, Sendable, Hashable {
        /// Name of the CIC server, as `server` in its ledger.
        public var server: String
        /// The workgroup, or `user:NAME` for a user's own queue.
        public var workgroup: String

        public init(server: String, workgroup: String) {
            self.server = server
            self.workgroup = workgroup
        }
    }

    public struct Org: Codable, Sendable, Equatable {
        /// The organisation id (`00D…`), as `org` in the Salesforce ledger.
        public var id: String
        /// The name under which the product knows the org; `CR_Org` of an interaction may be either.
        public var name: String
        /// Salesforce queue id (`00G…`) → where its cases belong.
        public var queues: [String: Place]
        /// Salesforce user id (`005…`) → the own queue where the user is offered what comes in about the user's cases; nil
        /// where the org does not offer that.
        public var users: [String: Place]?
        /// Whether what comes in about a case of a user is offered where the case was offered last.
        public var offersAgain: Bool?
        /// Queues and users whose cases are taken from where they wait when another user becomes their owner.
        public var endingWithUser: Set<String>?
        /// Queues and users whose cases stay where they wait when they come to a queue that is not monitored.
        public var keptUnmonitored: Set<String>?

        public init(id: String, name: String, queues: [String: Place], users: [String: Place]? = nil) {
            self.id = id
            self.name = name
            self.queues = queues
            self.users = users
        }
    }

    public var orgs: [Org]
    /// CIC server → its holding workgroups, in which an interaction cannot reach an agent.
    public var holding: [String: Set<String>]
    /// CIC server → seconds that it is given after a switchover to recover interactions. Without a server nothing that it
    /// recovers counts as late.
    public var recoveryWait: [String: Double]?

    public init(orgs: [Org], holding: [String: Set<String>], recoveryWait: [String: Double]? = nil) {
        self.orgs = orgs
        self.holding = holding
        self.recoveryWait = recoveryWait
    }
}
