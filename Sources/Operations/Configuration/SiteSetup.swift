import CaseRouting

/// What a site file sets up: orgs, CIC servers, monitored queues and aliases. No secrets.
public struct SiteSetup: Equatable, Sendable {
    public var orgs: [OrgSetup] = []
    public var servers: [CICServerSetup] = []
    public var mappings: [MappingSetup] = []
    public var aliases: [AliasSetup] = []
    /// Of the whole site, by name: see `KnownSetting`.
    public var settings: [String: String] = [:]

    public init() {}
}

/// One Salesforce org.
public struct OrgSetup: Equatable, Sendable {
    public enum Flow: String, CaseIterable, Sendable {
        case clientCredentials = "client-credentials"
        case jwtBearer = "jwt-bearer"
        case password
    }

    public var name: String
    public var organizationID: RecordID
    /// Where tokens are asked for: the org's My Domain, or a simulator.
    public var loginURL: String
    public var flow: Flow = .clientCredentials
    /// `NN.0`, 41.0 or later.
    public var apiVersion = "62.0"
    public var mode: OrgSettings.Mode = .observe
    /// Nil: when the org was added.
    public var routesChangesSince: Timestamp?
    public var contactOnUserOwned: OrgSettings.ContactOnUserOwned = .unchanged
    public var versionEpoch: Int32 = 1
    public var sweepEvery: Duration = .seconds(600)
    /// Names of a legacy package's object, channel and fields; empty for our own package.
    public var source: [String: String] = [:]

    public init(name: String, organizationID: RecordID, loginURL: String) {
        self.name = name
        self.organizationID = organizationID
        self.loginURL = loginURL
    }
}

/// One CIC server: a pair of hosts of which one is active, or several Session Managers.
public struct CICServerSetup: Equatable, Sendable {
    public enum Creation: String, CaseIterable, Sendable { case handler, generic }
    public enum Messaging: String, CaseIterable, Sendable { case sse, poll }

    public var name: String
    /// `HOST:PORT`, tried in this order.
    public var hosts: [String]
    public var tls = true
    public var creation: Creation = .handler
    /// A workgroup with a queue that is not ACD and has no members.
    public var holding: String
    public var messaging: Messaging = .sse
    public var recoveryWait: Duration = .seconds(60)
    /// Further attributes of every interaction, by templates.
    public var attributes: [String: String] = [:]
    public var visibleName = "Case {case.number}"

    public init(name: String, hosts: [String], holding: String) {
        self.name = name
        self.hosts = hosts
        self.holding = holding
    }
}

/// A monitored queue; or a user, and which CIC queue is his own.
public struct MappingSetup: Equatable, Sendable {
    public var org: String
    /// Name or id of the Salesforce queue, or id of the user.
    public var queue: String
    public var cic: String
    /// The workgroup, or the `UserQueue` as it is written.
    public var workgroup: String
    public var skills: [String] = []
    public var takesSkills = true
    public var onReply: Mapping.OnReply = .end
    public var onUnmonitoredQueue: Mapping.OnUnmonitoredQueue = .end
    public var onUserOwner: Mapping.OnUserOwner = .keep
    public var isEnabled = true

    public init(org: String, queue: String, cic: String, workgroup: String) {
        self.org = org
        self.queue = queue
        self.cic = cic
        self.workgroup = workgroup
    }

    /// The Salesforce user whose own queue in CIC it names; nil for a mapping of a queue.
    public var userID: RecordID? {
        do throws(InvalidRecordID) {
            let id = try RecordID(queue)
            // A name may have fifteen letters.
            return id.isUser ? id : nil
        } catch {
            return nil  // A name.
        }
    }
}

/// What Salesforce calls a skill or workgroup, and what one CIC server calls it.
public struct AliasSetup: Equatable, Sendable {
    public enum Kind: String, CaseIterable, Sendable { case skill, workgroup }

    public var cic: String
    public var kind: Kind
    public var name: String
    public var means: String

    public init(cic: String, kind: Kind, name: String, means: String) {
        self.cic = cic
        self.kind = kind
        self.name = name
        self.means = means
    }
}
