import CaseRouting

/// Looks at everything that routing depends on, at all neighbours at a time, and says what to do about each. Changes
/// nothing anywhere.
public struct Doctor: Sendable {
    private let database: any DatabaseExaminer
    private let broker: any BrokerExaminer
    private let credentials: any CredentialExaminer
    private let neighbours: any NeighbourExaminers
    private let clock: any RoutingClock
    private let allowsInsecure: Bool

    public init(
        database: any DatabaseExaminer, broker: any BrokerExaminer, credentials: any CredentialExaminer,
        neighbours: any NeighbourExaminers, clock: any RoutingClock, allowsInsecure: Bool
    ) {
        self.database = database
        self.broker = broker
        self.credentials = credentials
        self.neighbours = neighbours
        self.clock = clock
        self.allowsInsecure = allowsInsecure
    }

    /// - Parameters:
    ///   - org: look at this org and at no CIC server, unless one is named too.
    ///   - cic: look at this CIC server and at no org, unless one is named too.
    /// - Throws: a `Refusal` for a name that is not set up.
    public func report(org: String? = nil, cic: String? = nil) async throws -> DoctorReport {
        async let atBroker = broker.examine()
        var lines = settings()
        lines += await credentials.examine()
        lines += await database.examine()
        lines += await atBroker
        if let stored = try await configuration(&lines) {
            let orgs = try chosen("org", stored.orgs, org, unless: cic) { $0.name }
            let servers = try chosen("CIC server", stored.servers, cic, unless: org) { $0.name }
            if org == nil && cic == nil { lines += site(stored) }
            lines += await examine(orgs, servers, stored)
        }
        return DoctorReport(asOf: clock.wall, lines: lines)
    }

    private func settings() -> [DoctorLine] {
        allowsInsecure
            ? [.warning(.settingsInsecure, "settings", "CASEROUTER_INSECURE allows plaintext beyond this machine")]
            : [.ok(.settingsInsecure, "settings", "plaintext is refused beyond this machine")]
    }

    private func configuration(_ lines: inout [DoctorLine]) async throws -> StoredConfiguration? {
        guard !lines.contains(where: { $0.check == .databaseReachable && $0.verdict == .failure }) else { return nil }
        do throws(RoutingFailure) {
            return try await database.configuration()
        } catch {
            lines.append(.failure(.settingsSite, "settings", "what is set up cannot be read: \(error.summary)"))
            return nil
        }
    }

    private func site(_ stored: StoredConfiguration) -> [DoctorLine] {
        let mappings = stored.mappings.filter(\.setup.isEnabled)
        let missing = [
            stored.orgs.isEmpty ? "org" : nil, stored.servers.isEmpty ? "CIC server" : nil,
            mappings.isEmpty ? "enabled mapping" : nil,
        ].compactMap { $0 }
        guard missing.isEmpty else {
            return [.failure(.settingsSite, "settings", "no \(missing.joined(separator: ", no ")) is set up")]
        }
        let observing = stored.orgs.filter { $0.mode == .observe }.map(\.name)
        let counts = "\(stored.orgs.count) orgs, \(stored.servers.count) CIC servers, \(mappings.count) mappings"
        return [
            observing.isEmpty
                ? .ok(.settingsSite, "settings", counts)
                : .warning(
                    .settingsSite, "settings",
                    "\(counts); in mode observe, where nothing is routed: "
                        + observing.joined(separator: ", "), "caserouter orgs set-mode \(observing.first ?? "") live")
        ]
    }

    private func chosen<Value>(
        _ what: String, _ all: [Value], _ name: String?, unless other: String?, _ nameOf: (Value) -> String
    ) throws(Refusal) -> [Value] {
        guard let name else { return other == nil ? all : [] }
        let found = all.filter { nameOf($0) == name }
        guard found.isEmpty else { return found }
        throw Refusal.unknown(what, name, among: all.map(nameOf))
    }

    // MARK: Neighbours

    private func examine(
        _ orgs: [OrgSetup], _ servers: [CICServerSetup], _ stored: StoredConfiguration
    ) async -> [DoctorLine] {
        async let orgExaminations = all(orgs) { await examine($0, stored) }
        async let serverExaminations = all(servers) { await examine($0, stored) }
        let (atOrgs, atServers) = (await orgExaminations, await serverExaminations)
        var lines: [DoctorLine] = []
        for (index, org) in orgs.enumerated() {
            lines += atOrgs[index].lines
            for (server, found) in zip(servers, atServers) {
                lines += agents(org, server, stored, atOrgs[index].members, found.members)
            }
        }
        for found in atServers { lines += found.lines }
        return lines
    }

    /// At a time, and in their order.
    private func all<Setup: Sendable, Found: Sendable>(
        _ setups: [Setup], _ examine: @escaping @Sendable (Setup) async -> Found
    ) async -> [Found] {
        await withTaskGroup(of: (Int, Found).self) { group in
            for (index, setup) in setups.enumerated() { group.addTask { (index, await examine(setup)) } }
            return await group.reduce(into: [(Int, Found)]()) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    private func examine(_ org: OrgSetup, _ stored: StoredConfiguration) async -> OrgExamination {
        let target = "org:\(org.name)"
        let opened = await credentials.open(target)
        var examination = OrgExamination()
        examination.lines = opened.lines
        guard let secret = opened.secret else { return examination }
        let queues = stored.monitoredQueues(of: org.name)
            .map { MonitoredQueueView(queue: $0.setup.queue, queueID: $0.queueID) }
        do {
            let found = try await neighbours.org(org, secret: secret).examine(queues, arrivals(org))
            examination.lines += found.lines
            examination.members = found.members
        } catch {
            examination.lines.append(.failure(.salesforceLogin, target, "\(error)"))
        }
        return examination
    }

    private func arrivals(_ org: OrgSetup) async -> EventArrivals? {
        do throws(RoutingFailure) {
            return try await database.arrivals(org: org.name)
        } catch {
            // The database's own lines say that it cannot be asked.
            return nil
        }
    }

    private func examine(_ server: CICServerSetup, _ stored: StoredConfiguration) async -> CICExamination {
        let target = "cic:\(server.name)"
        let opened = await credentials.open(target)
        var examination = CICExamination()
        examination.lines = opened.lines
        guard let secret = opened.secret else { return examination }
        do {
            let mappings = stored.mappings.map(\.setup).filter { $0.cic == server.name && $0.isEnabled }
            let aliases = stored.aliases.filter { $0.cic == server.name }
            let found = try await neighbours.server(server, secret: secret, of: stored).examine(mappings, aliases)
            examination.lines += found.lines
            examination.members = found.members
        } catch {
            examination.lines.append(.failure(.cicLogin, target, "\(error)"))
        }
        return examination
    }

    /// Who is offered a case in CIC has to be able to open it in Salesforce. The two systems name people as they like, so
    /// a queue of whose members not one is found says only that it cannot be seen.
    private func agents(
        _ org: OrgSetup, _ server: CICServerSetup, _ stored: StoredConfiguration,
        _ queues: [String: [Set<String>]], _ workgroups: [String: [String]]
    ) -> [DoctorLine] {
        let subject = "org:\(org.name)"
        var lines: [DoctorLine] = []
        for mapping in stored.mappings.map(\.setup)
        where mapping.org == org.name && mapping.cic == server.name && mapping.isEnabled {
            guard let people = queues[mapping.queue], let agents = workgroups[mapping.workgroup], !agents.isEmpty else {
                continue
            }
            let place = "queue \(mapping.queue) (workgroup \(mapping.workgroup) of \(server.name))"
            let strangers = agents.filter { agent in !people.contains { $0.contains(agent.lowercased()) } }
            if strangers.isEmpty {
                lines.append(.ok(.salesforceAgents, subject, "\(place): all \(agents.count) agents are members"))
            } else if people.isEmpty {
                lines.append(.warning(.salesforceAgents, subject, "\(place) has no members in Salesforce"))
            } else if strangers.count == agents.count {
                lines.append(
                    .warning(
                        .salesforceAgents, subject,
                        "\(place): none of the \(agents.count) agents is found among the \(people.count) members; this "
                            + "cannot be seen from outside where the two systems name people differently"))
            } else {
                let named = strangers.sorted().prefix(5).joined(separator: ", ")
                lines.append(
                    .warning(
                        .salesforceAgents, subject,
                        "\(place): \(strangers.count) of \(agents.count) agents are no members: \(named)"
                            + (strangers.count > 5 ? ", …" : "")))
            }
        }
        return lines
    }
}
