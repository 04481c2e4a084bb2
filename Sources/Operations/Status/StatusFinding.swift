import CaseRouting

/// Something that needs a person, and the command that helps.
public struct StatusFinding: Equatable, Sendable {
    public let sentence: String
    public let command: String
}

extension SiteStatus {
    public var isHealthy: Bool { findings.isEmpty }

    /// What needs a person, the most urgent first. What mends itself within minutes is not in it.
    public var findings: [StatusFinding] {
        installation + processes + broker + holdFindings + orgs.flatMap(findings(of:)) + servers.flatMap(findings(of:))
            + failed + setup
    }

    /// A gap is closed by the sweep that it causes; a hold of our own by what caused it.
    private static let patience: Duration = .seconds(15 * 60)

    private var installation: [StatusFinding] {
        guard schema.stored != schema.known else { return [] }
        if schema.stored > schema.known {
            return [
                StatusFinding(
                    sentence: "the database is newer (\(schema.stored)) than this program (\(schema.known))",
                    command: "install the newer caserouter on this machine")
            ]
        }
        return [
            StatusFinding(
                sentence: "the database's schema is older (\(schema.stored)) than this program (\(schema.known))",
                command: "caserouter migrate")
        ]
    }

    private var processes: [StatusFinding] {
        var found: [StatusFinding] = []
        if !orgs.isEmpty && !hasWorker("ingest") {
            found.append(
                StatusFinding(
                    sentence: "no ingest worker is alive: nothing is taken from Salesforce",
                    command: "start it: caserouter ingest, or systemctl start caserouter-ingest"))
        }
        if !servers.isEmpty && !hasWorker("route") {
            found.append(
                StatusFinding(
                    sentence: "no route worker is alive: nothing is offered to agents",
                    command: "start it: caserouter route, or systemctl start caserouter-route"))
        }
        let versions = Set(workers.filter(isAlive).map(\.version))
        if versions.count > 1 {
            found.append(
                StatusFinding(
                    sentence: "workers run different versions: \(versions.sorted().joined(separator: ", "))",
                    command: "finish the update: restart the older workers"))
        }
        return found
    }

    private var broker: [StatusFinding] {
        switch queues {
        case .unreachable(let why):
            return [
                StatusFinding(
                    sentence: "the broker does not answer: \(why)",
                    command: "look at RabbitMQ's log; cases that are in the database go on being routed")
            ]
        case .found(let queues):
            var found: [StatusFinding] = []
            for queue in queues {
                guard let messages = queue.messages else {
                    found.append(
                        StatusFinding(sentence: "queue \(queue.name) is not there", command: "caserouter migrate"))
                    continue
                }
                if queue.name == "caserouter.requests" && queue.consumers == 0 && messages > 0 && hasWorker("route") {
                    found.append(
                        StatusFinding(
                            sentence: "\(messages) requests lie in \(queue.name) and no route worker takes them",
                            command: "look at the log of the route workers, or restart them"))
                }
                if queue.name == "caserouter.dead" && messages > 0 {
                    found.append(
                        StatusFinding(
                            sentence:
                                "\(messages) message\(messages == 1 ? " lies" : "s lie") in \(queue.name): nobody could use them"
                                + lastReason,
                            command: "caserouter queues list"))
                }
            }
            if undecodable > 0 && !found.contains(where: { $0.sentence.contains("caserouter.dead") }) {
                found.append(
                    StatusFinding(
                        sentence: "\(undecodable) messages of the last day could not be read" + lastReason,
                        command: "caserouter queues list"))
            }
            return found
        }
    }

    private var lastReason: String { undecodableReason.map { "; the last one: \($0)" } ?? "" }

    private var holdFindings: [StatusFinding] {
        holds.compactMap { hold in
            switch hold.reason {
            case .paused:
                return StatusFinding(
                    sentence:
                        "\(hold.target) is paused since \(hold.since.inSentence) by \(hold.placedBy): \(hold.detail)",
                    command: "caserouter resume \(shellWord(hold.target))")
            case .breaker:
                return StatusFinding(
                    sentence:
                        "\(hold.target) is on hold since \(hold.since.inSentence) because it keeps failing: \(hold.detail)",
                    command: hold.kind == .cic
                        ? "caserouter doctor --cic \(hold.name)" : "caserouter failed list --limit 20")
            case .switchover, .lostRows:
                guard asOf - hold.since > Self.patience else { return nil }
                return StatusFinding(
                    sentence:
                        "\(hold.target) is on hold since \(hold.since.inSentence) (\(hold.reason.rawValue)): \(hold.detail)",
                    command: "look at the log of the watch: caserouter doctor --cic \(hold.name)")
            }
        }
    }

    private func findings(of org: Org) -> [StatusFinding] {
        var found = accounting(of: org)
        let hasCredential = !targetsWithoutCredential.contains("org:\(org.name)")
        if org.heldBy == nil && hasWorker("ingest") && hasCredential {
            found.append(
                StatusFinding(
                    sentence: "no worker holds org \(org.name): its changes are not taken",
                    command: "caserouter doctor --org \(org.name)"))
        }
        if let oldest = org.oldestGapAt, asOf - oldest > Self.patience {
            found.append(
                StatusFinding(
                    sentence:
                        "org \(org.name) has \(org.openGaps) gaps that no sweep has closed since \(oldest.inSentence)",
                    command: "caserouter sweep \(org.name)"))
        }
        if org.writeBackFailing > 0 {
            found.append(
                StatusFinding(
                    sentence: "\(org.writeBackFailing) rows of org \(org.name) cannot be marked in Salesforce"
                        + (org.writeBackError.map { ": \($0)" } ?? ""),
                    command: "caserouter doctor --org \(org.name)"))
        }
        if let calls = org.calls, calls.limit > 0, Double(calls.used) >= 0.9 * Double(calls.limit) {
            found.append(
                StatusFinding(
                    sentence: "org \(org.name) has used \(calls.used) of \(calls.limit) API calls of the day",
                    command: "find out who calls: caserouter report api-calls --org \(org.name)"))
        }
        return found
    }

    /// A difference is a defect of ours: somebody has to see to those cases.
    private func accounting(of org: Org) -> [StatusFinding] {
        guard org.difference != 0 else { return [] }
        guard let example = org.unaccountedExample else {
            return [
                StatusFinding(
                    sentence:
                        "the accounting of org \(org.name) does not add up: \(org.today.difference) requests of today are "
                        + "in no column",
                    command: "caserouter report accounting --org \(org.name)")
            ]
        }
        return [
            StatusFinding(
                sentence:
                    "the accounting of org \(org.name) does not add up: \(org.difference) request\(org.difference == 1 ? " is" : "s are") neither done nor "
                    + "being worked on, for example of case \(example)",
                command: "caserouter case \(example) --org \(org.name) --why, and let it be looked for: "
                    + "caserouter sweep \(org.name)")
        ]
    }

    private func findings(of server: Server) -> [StatusFinding] {
        var found: [StatusFinding] = []
        let isHeld = holds.contains { $0.kind == .cic && $0.name == server.name }
        let hasCredential = !targetsWithoutCredential.contains("cic:\(server.name)")
        guard !isHeld, hasWorker("route"), hasCredential else { return [] }
        if server.watchedBy == nil {
            found.append(
                StatusFinding(
                    sentence: "no worker watches CIC server \(server.name): ends of interactions are not seen",
                    command: "caserouter doctor --cic \(server.name)"))
        } else if let seen = server.figures?.at, asOf - seen > .seconds(120) {
            found.append(
                StatusFinding(
                    sentence: "the watch of CIC server \(server.name) has not told anything since \(seen.inSentence)",
                    command: "caserouter doctor --cic \(server.name)"))
        }
        if let oldest = server.oldestDueAt, asOf - oldest > Self.patience {
            found.append(
                StatusFinding(
                    sentence:
                        "\(server.due) cases wait to be brought to CIC server \(server.name), the oldest since \(oldest.inSentence)",
                    command: "caserouter report waiting --cic \(server.name)"))
        }
        return found
    }

    private var failed: [StatusFinding] {
        failures.map {
            StatusFinding(
                sentence:
                    "\($0.cases) case\($0.cases == 1 ? "" : "s") failed with \($0.cause), for example \($0.example)",
                command: "caserouter failed list --cause \($0.cause)")
        }
    }

    private var setup: [StatusFinding] {
        var found: [StatusFinding] = []
        if orgs.isEmpty || servers.isEmpty {
            let missing = orgs.isEmpty ? (servers.isEmpty ? "no org and no CIC server" : "no org") : "no CIC server"
            found.append(StatusFinding(sentence: "\(missing) is set up", command: "caserouter config apply site.yaml"))
        }
        found += targetsWithoutCredential.map {
            StatusFinding(sentence: "no secret is stored for \($0)", command: "caserouter credentials set \($0)")
        }
        found += mappingsWithoutQueue.map {
            StatusFinding(
                sentence: "no queue \($0.queue.quoted) was seen in org \($0.org): its mapping decides nothing",
                command: "caserouter mappings list --org \($0.org)")
        }
        return found
    }
}
