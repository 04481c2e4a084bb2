import Checker
import Foundation
import Simulators

/// The site that the demo sets up: what exists in the two neighbours, and what the product is told about it.
///
/// Everything that the demo assumes of the product's site file and of the simulators' settings stands here.
struct DemoSite: Sendable {
    struct Org: Sendable {
        let name: String
        let id: String
        let port: UInt16
        /// Usernames of people who own and answer cases.
        let users: [String]
        /// Where the product finds it, when not there itself.
        var reachedAt: UInt16?
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
        let queue: String
        let server: String
        let workgroup: String
        let takesSkills: Bool
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

    func queues(of org: Org) -> [String] { mappings.filter { $0.org == org.name }.map(\.queue) }

    /// What `caserouter config apply` reads. It is YAML, and JSON is YAML: nothing needs quoting twice.
    func siteFile() throws -> String {
        let text: [String: [[String: Any]]] = [
            "orgs": orgs.map {
                [
                    "name": $0.name, "login_url": "http://127.0.0.1:\($0.reachedAt ?? $0.port)",
                    "organization_id": $0.id,
                    "flow": "client-credentials", "mode": "live", "sweep_every": sweepEvery,
                ]
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
                    "org": $0.org, "queue": $0.queue, "cic": $0.server, "workgroup": $0.workgroup,
                    "take_skills": $0.takesSkills,
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
        return settings
    }

    /// What the checker is told: where the cases of each monitored queue belong.
    ///
    /// - Parameter queueIDs: ids of the queues by org name and queue name, as Salesforce gave them.
    func checkerSite(queueIDs: [String: [String: String]]) -> Site {
        let orgs = orgs.map { org in
            var places: [String: Site.Place] = [:]
            for mapping in mappings where mapping.org == org.name {
                guard let id = queueIDs[org.name]?[mapping.queue] else { continue }
                places[id] = Site.Place(server: mapping.server, workgroup: mapping.workgroup)
            }
            return Site.Org(id: org.id, name: org.name, queues: places)
        }
        return Site(
            orgs: orgs, holding: Dictionary(uniqueKeysWithValues: servers.map { ($0.name, [Self.holding]) }),
            recoveryWait: Dictionary(uniqueKeysWithValues: servers.map { ($0.name, Double(recoveryWait)) }))
    }
}
