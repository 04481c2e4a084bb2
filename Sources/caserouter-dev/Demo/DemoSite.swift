import Checker
import Foundation
import Simulators

/// The site that the demo sets up: what exists in the two neighbours, and what the product is told about it.
///
/// Everything that the demo assumes of the product's site file and of the simulators' settings stands here.
struct DemoSite: Sendable {
    struct Org: Sendable {
        /// What a comment or e-mail does for a case that a user owns.
        enum ContactOnUserOwned: String, Sendable {
            case unchanged, lastWorkgroup = "last-workgroup", ownQueue = "own-queue"
        }

        let name: String
        let id: String
        let port: UInt16
        /// Usernames of people who own and answer cases.
        var users: [String]
        /// Where the product finds it, when not there itself.
        var reachedAt: UInt16?
        var contactOnUserOwned = ContactOnUserOwned.unchanged
        /// From when on its changes are routed; nil: from when it is set up.
        var routesChangesSince: String?
    }

    struct Server: Sendable {
        enum Creation: String, CaseIterable, Sendable { case handler, generic }

        let name: String
        let port: UInt16
        let creation: Creation
        let workgroups: [String]
        /// Where the product finds it, when not there itself.
        var reachedAt: UInt16?
    }

    struct Mapping: Sendable {
        let org: String
        /// A queue by its name; or a user, by the username.
        let queue: String
        let server: String
        /// A workgroup, or `user:NAME`, the own queue of an agent.
        let workgroup: String
        let takesSkills: Bool
        var endsOnReply = true
        var endsOnUnmonitoredQueue = true
        var endsOnUserOwner = false

        /// The agent whose own queue it is.
        var agent: String? { workgroup.hasPrefix("user:") ? String(workgroup.dropFirst(5)) : nil }
    }

    static let hosts = ["127.0.0.1", "127.0.0.2"]
    static let holding = "Case Holding"
    static let unmonitoredQueue = "Archive"
    static let skills = ["English", "German", "Billing"]
    /// What somebody in Salesforce calls one of them.
    static let misspeltSkill = "Germn"
    static let clientID = "case-router"
    static let securityToken = "TOKEN"

    var orgs: [Org]
    var servers: [Server]
    let mappings: [Mapping]
    /// As the site file writes durations.
    var sweepEvery = "10m"
    /// Seconds for which a CIC server may still recover interactions after a switchover.
    var recoveryWait = 60
    let clientSecret = Secret.make()
    let password = Secret.make()
    /// Of every server; they pick up what waits.
    let agents: Int
    /// How long an agent works on a case, in milliseconds.
    let handlingTime: Int

    init(orgs: [Org], servers: [Server], mappings: [Mapping], agents: Int, handlingTime: Int = 4_000) {
        self.orgs = orgs
        self.servers = servers
        self.mappings = mappings
        self.agents = agents
        self.handlingTime = handlingTime
    }

    /// - Parameter ports: four free ports, free on both hosts.
    init(ports: [UInt16], handlingTime: Int) {
        precondition(ports.count == 4, "two orgs and two servers need four ports")
        let orgs = [
            Org(
                name: "acme", id: "00D000000000001EAA", port: ports[0], users: ["ann@acme.example", "bob@acme.example"]),
            Org(name: "globex", id: "00D000000000002EAA", port: ports[1], users: ["cid@globex.example"]),
        ]
        let servers = [
            Server(name: "cic-east", port: ports[2], creation: .handler, workgroups: ["Support", "Billing"]),
            Server(name: "cic-west", port: ports[3], creation: .generic, workgroups: ["Sales", "Returns"]),
        ]
        // A generic interaction carries no skills, so only the handler's server takes them.
        let mappings = [
            Mapping(org: "acme", queue: "Support", server: "cic-east", workgroup: "Support", takesSkills: true),
            Mapping(org: "acme", queue: "Sales", server: "cic-west", workgroup: "Sales", takesSkills: false),
            Mapping(org: "globex", queue: "Service", server: "cic-east", workgroup: "Billing", takesSkills: true),
            Mapping(org: "globex", queue: "Returns", server: "cic-west", workgroup: "Returns", takesSkills: false),
        ]
        self.init(orgs: orgs, servers: servers, mappings: mappings, agents: 10, handlingTime: handlingTime)
    }

    /// Monitored queues, in the order of the mappings.
    func queues(of org: Org) -> [String] {
        mappings.filter { $0.org == org.name && !org.users.contains($0.queue) }.map(\.queue)
    }

    /// What `caserouter config apply` reads. It is YAML, and JSON is YAML: nothing needs quoting twice.
    ///
    /// - Parameter ids: of queues and users. Users are named by their ids in it.
    func siteFile(_ ids: SalesforceIDs) throws -> String {
        let text: [String: [[String: Any]]] = [
            "orgs": orgs.map {
                [
                    "name": $0.name, "login_url": "http://127.0.0.1:\($0.reachedAt ?? $0.port)",
                    "organization_id": $0.id,
                    "flow": "client-credentials", "mode": "live", "sweep_every": sweepEvery,
                    "contact_on_user_owned": $0.contactOnUserOwned.rawValue,
                ].merging($0.routesChangesSince.map { ["route_changes_since": $0] } ?? [:]) { $1 }
            },
            "cic": servers.map { server in
                [
                    "name": server.name, "hosts": Self.hosts.map { "\($0):\(server.reachedAt ?? server.port)" },
                    "tls": false,
                    "creation": server.creation.rawValue, "holding": Self.holding, "recovery_wait": "\(recoveryWait)s",
                    "messaging": server.creation == .handler ? "sse" : "poll",
                ]
            },
            "mappings": mappings.map {
                [
                    "org": $0.org, "queue": ids.users[$0.org]?[$0.queue] ?? $0.queue, "cic": $0.server,
                    "workgroup": $0.workgroup, "take_skills": $0.takesSkills,
                    "on_reply": $0.endsOnReply ? "end" : "keep",
                    "on_unmonitored_queue": $0.endsOnUnmonitoredQueue ? "end" : "keep",
                    "on_user_owner": $0.endsOnUserOwner ? "end" : "keep",
                ]
            },
        ]
        let data = try JSONSerialization.data(
            withJSONObject: text, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
        return String(decoding: data, as: UTF8.self) + "\n"
    }

    /// Target of `caserouter credentials set` → the parts it reads from standard input.
    var credentials: [(target: String, parts: [String: String])] {
        orgs.map { ("org:\($0.name)", ["client_id": Self.clientID, "client_secret": clientSecret]) }
            + servers.map { ("cic:\($0.name)", ["user": "caserouter", "password": password]) }
    }

    /// What no log and no table may show.
    var secrets: [Evidence.Secret] {
        [
            Evidence.Secret(name: "the secret of the Salesforce client", value: clientSecret),
            Evidence.Secret(name: "the password of the CIC user", value: password),
        ]
    }

    func salesforceSettings(ledger: String) -> SalesforceSimulatorConfiguration {
        var settings = SalesforceSimulatorConfiguration()
        settings.ledgerPath = ledger
        settings.orgs = orgs.enumerated().map { index, org in
            var simulated = SalesforceSimulatorConfiguration.Org(name: org.name, organizationID: org.id)
            simulated.port = Int(org.port)
            simulated.clientID = Self.clientID
            simulated.clientSecret = clientSecret
            simulated.password = password
            simulated.securityToken = Self.securityToken
            simulated.queues = queues(of: org) + [Self.unmonitoredQueue]
            simulated.users = org.users
            // Ids of two orgs differ, as they would.
            simulated.firstRecord = 1 + index * 1_000_000
            return simulated
        }
        return settings
    }

    func cicSettings(_ server: Server, ledger: String) -> CICSimulatorConfiguration {
        var settings = CICSimulatorConfiguration()
        settings.server = server.name
        settings.hosts = Self.hosts.map { CICSimulatorConfiguration.Host(address: $0, port: Int(server.port)) }
        settings.ledgerPath = ledger
        settings.users = [.init(name: "caserouter", password: password)]
        settings.workgroups =
            server.workgroups.map { CICWorkgroup(name: $0) } + [CICWorkgroup(name: Self.holding, queueType: 1)]
        settings.skills = Self.skills
        settings.agents = (1..<(agents + 1)).map { number in
            var agent = CICAgentConfiguration(
                name: "agent\(number)", workgroups: server.workgroups, skills: Self.skills)
            agent.handlingTime = handlingTime
            agent.pickUpDelay = 500
            agent.giveBack = number == 1 ? 0.1 : 0
            return agent
        }
        // Who has nothing but an own queue.
        let others = Set(mappings.filter { $0.server == server.name }.compactMap(\.agent))
            .subtracting(settings.agents.map(\.name))
        settings.agents += others.sorted().map { name in
            var agent = CICAgentConfiguration(name: name, workgroups: [])
            agent.handlingTime = handlingTime
            agent.pickUpDelay = 500
            agent.capacity = 4
            return agent
        }
        return settings
    }

    /// What the checker is told: where the cases of each monitored queue belong, and what becomes of those that a user owns.
    func checkerSite(_ ids: SalesforceIDs) -> Site {
        let orgs = orgs.map { org in
            var described = Site.Org(id: org.id, name: org.name, queues: [:])
            described.offersAgain = org.contactOnUserOwned == .lastWorkgroup
            var (ending, kept): (Set<String>, Set<String>) = ([], [])
            for mapping in mappings where mapping.org == org.name {
                let user = ids.users[org.name]?[mapping.queue]
                guard let id = user ?? ids.queues[org.name]?[mapping.queue] else { continue }
                let place = Site.Place(server: mapping.server, workgroup: mapping.workgroup)
                if user == nil {
                    described.queues[id] = place
                } else if org.contactOnUserOwned == .ownQueue {
                    described.users = (described.users ?? [:]).merging([id: place]) { _, new in new }
                }
                if mapping.endsOnUserOwner { ending.insert(id) }
                if !mapping.endsOnUnmonitoredQueue { kept.insert(id) }
            }
            (described.endingWithUser, described.keptUnmonitored) = (ending, kept)
            return described
        }
        return Site(
            orgs: orgs, holding: Dictionary(uniqueKeysWithValues: servers.map { ($0.name, [Self.holding]) }),
            recoveryWait: Dictionary(uniqueKeysWithValues: servers.map { ($0.name, Double(recoveryWait)) }))
    }
}

/// What Salesforce calls the queues and users of a site: their ids by org and name.
struct SalesforceIDs: Sendable {
    var queues: [String: [String: String]] = [:]
    var users: [String: [String: String]] = [:]
}
