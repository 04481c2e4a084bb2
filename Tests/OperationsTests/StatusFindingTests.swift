import CaseRouting
import Operations
import Testing

/// What needs a person, and the command that helps.
@Suite struct StatusFindingTests {
    private static let now = Timestamp(microseconds: 1_790_000_000_000_000)

    private static func healthy() -> SiteStatus {
        var status = SiteStatus(
            asOf: now, version: "1", schema: SiteStatus.Schema(stored: "0013_x", known: "0013_x"))
        status.orgs = [
            SiteStatus.Org(
                name: "acme", mode: .live, heldBy: "w1", lastEventAt: now, openGaps: 0, oldestGapAt: nil,
                lastSweepAt: now, writeBackFailing: 0, writeBackError: nil)
        ]
        status.servers = [
            SiteStatus.Server(
                name: "main", watchedBy: "w2", figures: (QueueFigures(), now), oldestWaitingAt: nil, due: 0,
                oldestDueAt: nil)
        ]
        status.workers = ["ingest", "route"].map {
            SiteStatus.WorkerSign(name: $0, role: $0, host: "h", version: "1", startedAt: now, seenAt: now)
        }
        status.queues = .found([
            SiteStatus.Queue(name: "caserouter.requests", messages: 3, consumers: 2),
            SiteStatus.Queue(name: "caserouter.failed", messages: 0, consumers: 0),
            SiteStatus.Queue(name: "caserouter.dead", messages: 0, consumers: 0),
        ])
        return status
    }

    private static func hold(_ reason: Hold.Reason, since: Timestamp = now) -> PlacedHold {
        PlacedHold(kind: .cic, name: "main", reason: reason, detail: "why", since: since, placedBy: "ann")
    }

    /// One thing made wrong, and a part of the command that has to be named for it.
    private static let wrongs: [(what: String, command: String, make: @Sendable (inout SiteStatus) -> Void)] = [
        ("schema behind", "caserouter migrate", { $0.schema.stored = "0012_x" }),
        ("no ingest", "caserouter ingest", { $0.workers.removeFirst() }),
        ("route silent", "caserouter route", { $0.workers[1].seenAt = now - .seconds(60) }),
        ("two versions", "restart the older", { $0.workers[0].version = "0" }),
        ("broker down", "RabbitMQ", { $0.queues = .unreachable("refused") }),
        (
            "queue missing", "caserouter migrate",
            { $0.queues = .found([.init(name: "q", messages: nil, consumers: 0)]) }
        ),
        (
            "dead message", "caserouter queues list",
            { $0.queues = .found([.init(name: "caserouter.dead", messages: 1, consumers: 0)]) }
        ),
        (
            "nobody consumes", "restart them",
            { $0.queues = .found([.init(name: "caserouter.requests", messages: 1, consumers: 0)]) }
        ),
        ("paused", "caserouter resume cic:main", { $0.holds = [hold(.paused)] }),
        (
            "a workgroup with a blank paused", "caserouter resume 'workgroup:main/Sales Team'",
            {
                $0.holds = [
                    PlacedHold(
                        kind: .workgroup, name: "main/Sales Team", reason: .paused, detail: "why", since: now,
                        placedBy: "ann")
                ]
            }
        ),
        ("breaker", "caserouter doctor --cic main", { $0.holds = [hold(.breaker)] }),
        (
            "long switchover", "caserouter doctor --cic main",
            { $0.holds = [hold(.switchover, since: now - .seconds(3_600))] }
        ),
        (
            "open without anybody who closes it", "caserouter case 4711 --org acme --why",
            {
                $0.orgs[0].unaccounted = 2
                $0.orgs[0].unaccountedExample = "4711"
            }
        ),
        ("in no column", "report accounting --org acme", { $0.orgs[0].today.received = 1 }),
        ("org not held", "caserouter doctor --org acme", { $0.orgs[0].heldBy = nil }),
        (
            "old gap", "caserouter sweep acme",
            {
                $0.orgs[0].openGaps = 1
                $0.orgs[0].oldestGapAt = now - .seconds(3_600)
            }
        ),
        ("marks fail", "caserouter doctor --org acme", { $0.orgs[0].writeBackFailing = 2 }),
        ("API limit", "report api-calls", { $0.orgs[0].calls = (95, 100) }),
        ("not watched", "caserouter doctor --cic main", { $0.servers[0].watchedBy = nil }),
        ("watch silent", "caserouter doctor --cic main", { $0.servers[0].figures?.at = now - .seconds(300) }),
        ("old due case", "report waiting --cic main", { $0.servers[0].oldestDueAt = now - .seconds(3_600) }),
        (
            "failed cases", "caserouter failed list --cause skill-unknown",
            { $0.failures = [.init(cause: "skill-unknown", cases: 3, example: "42")] }
        ),
        ("no secret", "caserouter credentials set org:acme", { $0.targetsWithoutCredential = ["org:acme"] }),
        ("unseen queue", "caserouter mappings list", { $0.mappingsWithoutQueue = [(org: "acme", queue: "Q")] }),
        ("nothing set up", "caserouter config apply", { $0.servers = [] }),
    ]

    @Test func `a site where all is well needs nobody`() {
        var status = Self.healthy()
        #expect(status.isHealthy)
        // What mends itself within minutes needs nobody either.
        status.holds = [Self.hold(.switchover)]
        status.orgs[0].openGaps = 1
        status.orgs[0].oldestGapAt = Self.now - .seconds(60)
        #expect(status.isHealthy)
    }

    @Test func `each thing that is wrong is named alone, with the command that helps`() {
        for wrong in Self.wrongs {
            var status = Self.healthy()
            wrong.make(&status)
            let findings = status.findings
            #expect(findings.count == 1, "\(wrong.what): \(findings)")
            #expect(findings.first?.command.contains(wrong.command) == true, "\(wrong.what): \(findings)")
        }
    }
}
