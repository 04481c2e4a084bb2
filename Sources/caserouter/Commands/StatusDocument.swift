import CaseRouting
import Operations

/// The status for programs. Times are UTC.
struct StatusDocument: Encodable {
    struct Org: Encodable {
        let name, mode: String
        let held_by, last_event_at, last_sweep_at, oldest_gap_at, write_back_error: String?
        let open_gaps, write_back_failing, accounting_difference: Int
        let today: [String: Int]
        let api_calls_used, api_calls_limit: Int32?
    }
    struct Server: Encodable {
        let name: String
        let watched_by, figures_at, oldest_waiting_at, oldest_due_at: String?
        let waiting, with_agents, in_holding: Int?
        let due: Int
    }
    struct Queue: Encodable {
        let name: String
        let messages: Int?
        let consumers: Int
    }
    struct Worker: Encodable {
        let name, role, host, version, started_at, seen_at: String
        let alive: Bool
    }
    struct Held: Encodable { let target, reason, detail, since, by: String }
    struct Failure: Encodable {
        let cause, example: String
        let cases: Int
    }
    struct Finding: Encodable { let sentence, command: String }

    let healthy: Bool
    let at, version, schema, schema_of_program: String
    let orgs: [Org]
    let cic: [Server]
    let queues: [Queue]
    let broker_error: String?
    let workers: [Worker]
    let holds: [Held]
    let failed: [Failure]
    let needs_a_person: [Finding]

    init(_ status: SiteStatus) {
        healthy = status.isHealthy
        at = "\(status.asOf)"
        version = status.version
        schema = status.schema.stored
        schema_of_program = status.schema.known
        orgs = status.orgs.map(Self.org)
        cic = status.servers.map {
            Server(
                name: $0.name, watched_by: $0.watchedBy, figures_at: $0.figures.map { "\($0.at)" },
                oldest_waiting_at: $0.oldestWaitingAt?.description, oldest_due_at: $0.oldestDueAt?.description,
                waiting: $0.figures?.figures.waiting, with_agents: $0.figures?.figures.withAgents,
                in_holding: $0.figures?.figures.inHolding, due: $0.due)
        }
        switch status.queues {
        case .unreachable(let why):
            queues = []
            broker_error = why
        case .found(let found):
            queues = found.map { Queue(name: $0.name, messages: $0.messages, consumers: $0.consumers) }
            broker_error = nil
        }
        workers = status.workers.map {
            Worker(
                name: $0.name, role: $0.role, host: $0.host, version: $0.version, started_at: "\($0.startedAt)",
                seen_at: "\($0.seenAt)", alive: status.isAlive($0))
        }
        holds = status.holds.map {
            Held(
                target: $0.target, reason: $0.reason.rawValue, detail: $0.detail, since: "\($0.since)", by: $0.placedBy)
        }
        failed = status.failures.map { Failure(cause: $0.cause, example: $0.example, cases: $0.cases) }
        needs_a_person = status.findings.map { Finding(sentence: $0.sentence, command: $0.command) }
    }

    private static func org(_ org: SiteStatus.Org) -> Org {
        let today = org.today
        return Org(
            name: org.name, mode: org.mode.rawValue, held_by: org.heldBy, last_event_at: org.lastEventAt?.description,
            last_sweep_at: org.lastSweepAt?.description, oldest_gap_at: org.oldestGapAt?.description,
            write_back_error: org.writeBackError, open_gaps: org.openGaps, write_back_failing: org.writeBackFailing,
            accounting_difference: org.difference,
            today: [
                "received": today.received, "routed": today.routed, "ignored": today.ignored,
                "superseded": today.superseded, "failed": today.failed, "discarded": today.discarded,
                "pending": today.pending, "observed": today.observed,
            ], api_calls_used: org.calls?.used, api_calls_limit: org.calls?.limit)
    }
}
