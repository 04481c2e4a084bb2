import Foundation

/// The site of a campaign: the demo's orgs, servers and mappings, with more agents, and the waits of the product as
/// short as its settings allow.
///
/// Its three orgs differ in what comes of a case that a user owns: in acme nothing, in globex it is offered in the user's own
/// queue, on either server, in initech where it was offered last.
enum CampaignSite {
    /// Seconds for which a server that has switched over may still recover interactions.
    static let recoveryWait = 5
    static let sweepEvery = 10

    /// What the two CIC servers do differently, from the first case on.
    ///
    /// With the handler ids are used again at once; without one not within a request's lateness, which is an assumption, so
    /// only by the calls of `foreign-interactions`. The server without a handler hides from its workgroup's queue what an agent
    /// has, spells attributes its own way, shows for long what has ended, and forgets a session that is frozen for 20 s.
    static let habits: [String: [String: any Sendable]] = [
        "cic-east": ["idSpace": 100],
        "cic-west": ["listsAssigned": false, "attributeKeys": "lower", "lingering": 2_000, "idleSeconds": 20],
    ]

    /// - Parameters:
    ///   - ports: where the orgs and then the servers listen.
    ///   - between: where the proxy listens for each of them, which is where the product finds them.
    static func make(ports: [UInt16], between: [UInt16]) -> DemoSite {
        precondition(ports.count == orgCount + serverCount, "every org and server needs a port")
        let demo = DemoSite(ports: Array(ports[..<2] + ports[orgCount...]), handlingTime: 3_000)
        var orgs = demo.orgs
        orgs[1].users += ["dan@globex.example", "eve@globex.example"]
        orgs[1].contactOnUserOwned = .ownQueue
        orgs.append(
            DemoSite.Org(
                name: "initech", id: "00D000000000003EAA", port: ports[2],
                users: ["fay@initech.example", "gus@initech.example"], contactOnUserOwned: .lastWorkgroup,
                // Where its clock is behind, its first changes come from before it was set up.
                routesChangesSince: "2000-01-01"))
        var site = DemoSite(
            orgs: orgs, servers: demo.servers, mappings: demo.mappings + ownQueues + lastWorkgroups, agents: 20,
            handlingTime: 3_000)
        for index in site.orgs.indices { site.orgs[index].reachedAt = between[index] }
        for index in site.servers.indices { site.servers[index].reachedAt = between[site.orgs.count + index] }
        site.recoveryWait = recoveryWait
        site.sweepEvery = "\(sweepEvery)s"
        return site
    }

    static let orgCount = 3
    static let serverCount = 2

    /// Cid is also one of the agents of his server's workgroups, dan has nothing but his own queue, and eve has none. One
    /// queue's cases go straight to dan.
    private static let ownQueues = [
        DemoSite.Mapping(
            org: "globex", queue: "cid@globex.example", server: "cic-east", workgroup: "user:agent2",
            takesSkills: true, endsOnUserOwner: true),
        DemoSite.Mapping(
            org: "globex", queue: "dan@globex.example", server: "cic-west", workgroup: "user:dan", takesSkills: false),
        DemoSite.Mapping(
            org: "globex", queue: "Direct", server: "cic-west", workgroup: "user:dan", takesSkills: false),
    ]

    private static let lastWorkgroups = [
        DemoSite.Mapping(
            org: "initech", queue: "Orders", server: "cic-east", workgroup: "Support", takesSkills: true,
            endsOnReply: false),
        DemoSite.Mapping(
            org: "initech", queue: "Claims", server: "cic-west", workgroup: "Returns", takesSkills: false,
            endsOnUnmonitoredQueue: false, endsOnUserOwner: true),
    ]

    /// Makes the orgs differ as real ones do, for the whole campaign: event ids without gaps; events in no answer but that to a
    /// connect; a clock that is ahead of ours or behind it, by less than the minute by which clocks may differ.
    static func distinguish(_ orgs: [DemoSite.Org], seed: UInt64) async throws {
        try await Control(port: orgs[0].port).post("faults", ["largestReplayGap": 1])
        try await Control(port: orgs[1].port).post("faults", ["eventsOnlyInConnectReplies": true])
        try await Control(port: orgs[2].port).post("clock", ["offset": seed.isMultiple(of: 2) ? 50 : -50])
    }

    /// Puts a link between the product and each of its neighbours.
    ///
    /// - Parameter brokers: a port for every node of the broker.
    /// - Returns: what workers are told of PostgreSQL and the broker.
    static func connect(
        _ proxy: FaultProxy, _ site: DemoSite, _ stack: PrivateStack, database: UInt16, brokers: [UInt16]
    ) async throws -> [String: String] {
        for org in site.orgs { try await proxy.add(org.name, listen: org.reachedAt ?? 0, forwardTo: org.port) }
        for server in site.servers {
            try await proxy.add(
                server.name, listen: server.reachedAt ?? 0, forwardTo: server.port, addresses: DemoSite.hosts)
        }
        try await proxy.add("database", listen: database, forwardTo: stack.postgres.port)
        for (index, node) in stack.brokers.enumerated() {
            try await proxy.add(brokerLinks(stack)[index], listen: brokers[index], forwardTo: node.port)
        }
        return [
            "CASEROUTER_DATABASE_URL": stack.postgres.url.replacing(":\(stack.postgres.port)/", with: ":\(database)/"),
            "CASEROUTER_BROKER_URL": stack.brokerURL(ports: brokers),
        ]
    }

    /// Names of the links to the broker's nodes.
    static func brokerLinks(_ stack: PrivateStack) -> [String] {
        stack.brokers.indices.map { $0 == 0 ? "broker" : "broker-\($0 + 1)" }
    }

    static let crew: [Product.Role: Int] = [.ingest: 2, .route: 4, .serve: 1]
}
