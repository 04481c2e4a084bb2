import CaseRouting
import Operations

/// The status for people: one screen.
struct StatusText {
    private let status: SiteStatus
    private let times: ZonedTimes

    init(_ status: SiteStatus, _ times: ZonedTimes) {
        self.status = status
        self.times = times
    }

    var text: String {
        let findings = status.findings
        var parts = [
            findings.isEmpty
                ? "healthy: all is well at \(times.text(status.asOf)) \(times.name)"
                : "needs attention: \(findings.count) thing\(findings.count == 1 ? "" : "s") at \(times.text(status.asOf)) "
                    + "\(times.name), listed at the end",
            "caserouter \(status.version), schema \(status.schema.stored)",
        ]
        if !status.orgs.isEmpty { parts.append(orgs) }
        if !status.servers.isEmpty { parts.append(servers) }
        parts.append(queues)
        if !status.workers.isEmpty { parts.append(workers) }
        if !status.holds.isEmpty { parts.append(holds) }
        if !findings.isEmpty { parts.append(list(findings)) }
        return parts.enumerated().map { $0.offset == 1 || $0.offset == 0 ? $0.element : "\n" + $0.element }
            .joined(separator: "\n")
    }

    private func ago(_ time: Timestamp?) -> String { time.map { CaseStory.span(status.asOf - $0) } ?? "–" }

    private var orgs: String {
        var table = TextTable(
            [
                "org", "mode", "held by", "last event (ago)", "last sweep (ago)", "gaps", "today (UTC)", "routed",
                "ignored", "superseded", "failed", "discarded", "pending", "observed", "difference", "API calls",
            ], text: [0, 1, 2])
        for org in status.orgs {
            let today = org.today
            table.add(
                [org.name, org.mode.rawValue, org.heldBy ?? "nobody", ago(org.lastEventAt), ago(org.lastSweepAt)]
                    + [
                        org.openGaps, today.received, today.routed, today.ignored, today.superseded, today.failed,
                        today.discarded, today.pending, today.observed, org.difference,
                    ].map(String.init) + [org.calls.map { "\($0.used)/\($0.limit)" } ?? "–"])
        }
        return table.text
    }

    private var servers: String {
        var table = TextTable(
            [
                "CIC server", "watched by", "waiting", "oldest (ago)", "with agents", "in holding", "to be told",
                "oldest (ago)", "hold",
            ], text: [0, 1, 8])
        for server in status.servers {
            let hold = status.holds.filter { $0.kind == .cic && $0.name == server.name }.map(\.reason.rawValue)
            let figures = server.figures?.figures
            table.add([
                server.name, server.watchedBy ?? "nobody", figures.map { "\($0.waiting)" } ?? "–",
                ago(server.oldestWaitingAt), figures.map { "\($0.withAgents)" } ?? "–",
                figures.map { "\($0.inHolding)" } ?? "–", "\(server.due)", ago(server.oldestDueAt),
                hold.isEmpty ? "no" : hold.joined(separator: ", "),
            ])
        }
        return table.text
    }

    private var queues: String {
        var table = TextTable(["queue", "messages", "consumers"])
        switch status.queues {
        case .unreachable(let why): table.add(["the broker does not answer: \(why)", "–", "–"])
        case .found(let queues):
            for queue in queues {
                table.add([queue.name, queue.messages.map(String.init) ?? "missing", "\(queue.consumers)"])
            }
        }
        return table.text
    }

    private var workers: String {
        var table = TextTable(
            ["worker", "role", "host", "version", "sign of life (ago)", "started (\(times.name))"],
            text: [0, 1, 2, 3, 5])
        for worker in status.workers {
            let age = CaseStory.span(status.asOf - worker.seenAt)
            table.add([
                worker.name, worker.role, worker.host, worker.version,
                status.isAlive(worker) ? age : "gone since \(age)", times.text(worker.startedAt),
            ])
        }
        return table.text
    }

    private var holds: String {
        var table = TextTable(
            ["not worked on", "reason", "since (\(times.name))", "by", "why"], text: [0, 1, 2, 3, 4])
        for hold in status.holds {
            table.add([hold.target, hold.reason.rawValue, times.text(hold.since), hold.placedBy, hold.detail])
        }
        return table.text
    }

    private func list(_ findings: [StatusFinding]) -> String {
        "needs a person:\n"
            + findings.enumerated().map { index, finding in
                "  \(index + 1). \(finding.sentence.oneLine)\n     → \(finding.command.oneLine)"
            }.joined(separator: "\n")
    }
}
