import CaseRouting

/// What people have set for one CIC server, as plain values. Nothing here changes while a `CICServer` lives, but the
/// orgs, which come and go (`CICServer.use(orgs:)`).
public struct CICServerSettings: Sendable {
    /// How interactions come to be; design, section 7.
    public enum Creation: String, Sendable, CaseIterable {
        /// By custom notifications to the handler of `docs/cic-handler.md`: e-mail interactions, with skills.
        case handler
        /// By ICWS alone: generic interactions, without skills.
        case generic
    }

    /// How messages are read.
    public enum Messaging: String, Sendable, CaseIterable {
        /// Server-sent events where the server offers them, else polling.
        case sse
        case poll
    }

    /// The server's name here, unique among CIC servers.
    public let name: String
    /// Session Managers to begin with, `host` or `host:port`, best first; kept whatever the server says later.
    public let hosts: [String]
    public let usesTLS: Bool
    public let creation: Creation
    /// Workgroup with a queue, without ACD and without members.
    public let holdingWorkgroup: String
    public let messaging: Messaging
    /// Attributes for the agent's client, beyond those of `docs/cic-handler.md`, section 4.
    public let attributes: [AttributeTemplate]
    /// What agents see in their queue.
    public let visibleName: TextTemplate
    /// Id of this installation; interactions of another one are never touched.
    public let installation: String
    /// By the name of the org here.
    public private(set) var orgs: [String: CaseOrg]
    public let user: String
    let password: String
    /// PEM certificates trusted besides the system's.
    public let caFile: String?
    /// Allows plain HTTP beyond this machine.
    public let allowInsecure: Bool

    /// - Throws: a `configuration` failure at stage `resolve` that says what cannot be used.
    public init(
        name: String, hosts: [String], usesTLS: Bool = true, creation: Creation = .handler, holdingWorkgroup: String,
        messaging: Messaging = .sse, attributes: [AttributeTemplate] = [],
        visibleName: TextTemplate = .caseNumber, installation: String, orgs: [String: CaseOrg] = [:],
        user: String, password: String, caFile: String? = nil, allowInsecure: Bool = false
    ) throws(RoutingFailure) {
        self.name = name
        self.hosts = hosts
        self.usesTLS = usesTLS
        self.creation = creation
        self.holdingWorkgroup = holdingWorkgroup
        self.messaging = messaging
        self.attributes = attributes
        self.visibleName = visibleName
        self.installation = installation
        self.orgs = orgs
        self.user = user
        self.password = password
        self.caFile = caFile
        self.allowInsecure = allowInsecure
        if let wrong = firstProblem {
            throw RoutingFailure(
                .configuration, at: .resolve, cause: .configuration, "CIC server \(name): \(wrong)")
        }
    }

    private var firstProblem: String? {
        if hosts.isEmpty { return "no host is set." }
        if let host = hosts.first(where: { ICWSHost($0, defaultPort: 1) == nil }) {
            return "“\(host)” is not a host, or a host and a port."
        }
        if installation.isEmpty || !HandlerText.isSound(installation) {
            return "the installation id is empty or cannot be sent to a handler."
        }
        if holdingWorkgroup.isEmpty || !HandlerText.isSound(holdingWorkgroup) {
            return "the holding workgroup has no name, or one that cannot be sent to a handler."
        }
        if UserQueue(place: holdingWorkgroup) != nil {
            return "“\(holdingWorkgroup)” is a user's own queue: the holding workgroup has to be one that nobody sees."
        }
        if attributes.count > AttributeTemplate.maximumCount {
            return "more than \(AttributeTemplate.maximumCount) attribute templates."
        }
        var names: Set<String> = []
        for template in attributes where !names.insert(template.name.lowercased()).inserted {
            return "attribute \(template.name) has two templates."
        }
        return nil
    }

    /// The same with other orgs.
    public func replacing(orgs: [String: CaseOrg]) -> CICServerSettings {
        var copy = self
        copy.orgs = orgs
        return copy
    }

    var defaultPort: Int { usesTLS ? 8019 : 8018 }
    var scheme: String { usesTLS ? "https" : "http" }
}

/// A Salesforce org as interactions name it.
public struct CaseOrg: Equatable, Sendable {
    /// The organisation's id, 18 characters: `CR_Org`.
    public let organization: String
    /// Where people open its cases, for example `https://example.my.salesforce.com`.
    public let url: String

    public init(organization: String, url: String) {
        self.organization = organization
        var url = url
        while url.hasSuffix("/") { url.removeLast() }
        self.url = url
    }
}
