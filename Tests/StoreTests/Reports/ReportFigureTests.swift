import CaseRouting
import Operations
import Postgres
import Testing

@testable import Store

/// What the reports say of things that happened just now.
@Suite(.serialized) struct ReportFigureTests {
    /// The lines of a report, as JSON.
    private func lines(
        _ name: String, _ fixture: StoreFixture, _ change: (inout ReportRequest) -> Void = { _ in }
    ) async throws -> [String] {
        let (store, connections) = try await ReportFixture.open(fixture)
        var request = ReportRequest(try Report.named(name))
        change(&request)
        let table = try await store.read(request)
        await connections.close()
        return table.rows.map(\.json)
    }

    private static let failure = RoutingFailure(.transient, at: .create, cause: .cicUnreachable, "It did not work.")

    @Test func `a case that was offered is volume, a latency, a decision and one that waits`() async throws {
        try await StoreFixture.with { fixture in
            try await ReportFixture.addMappings(fixture)
            try await fixture.run("INSERT INTO caserouter.settings VALUES ('latency_target_seconds', '30')")
            _ = try await fixture.place(
                .make(.created, version: 1, skills: "French;Gold", at: .today - .seconds(2)),
                interaction: InteractionID("1"))
            _ = try await fixture.take(.make(.comment, of: 2, version: 2, owner: recordID("00G", 9)))

            #expect(
                try await lines("volume", fixture) == [
                    #"{"org":"acme","queue":"Help","cic":"main","workgroup":"Support","received":1,"offered":1,"routed":1,"ignored":0,"superseded":0,"failed":0,"discarded":0,"pending":0,"observed":0}"#,
                    #"{"org":"acme","queue":null,"cic":null,"workgroup":null,"received":1,"offered":0,"routed":0,"ignored":1,"superseded":0,"failed":0,"discarded":0,"pending":0,"observed":0}"#,
                ])
            #expect(
                try await lines("volume", fixture) { $0.by = ["skills"] }[1].hasPrefix(
                    #"{"skills":"Email;French;Gold","received":1,"offered":1"#))
            #expect(
                try await lines("skills", fixture) { $0.by = ["skill"] }
                    == ["Email", "French", "Gold"].map {
                        #"{"skill":"\#($0)","received":1,"offered":1}"#
                    })
            let latency = try #require(try await lines("latency", fixture) { $0.by = ["org"] }.first)
            // Two seconds, and what this machine needed.
            #expect(
                try /^\{"org":"acme","offered":1,"p50":([2-9]|1\d|2\d)\./.firstMatch(in: latency) != nil, "\(latency)")
            #expect(latency.hasSuffix(#""target":30.000,"attainment":100.00}"#), "\(latency)")
            #expect(
                try await lines("decisions", fixture) { $0.by = ["rule", "state"] } == [
                    #"{"rule":"arrived","state":"routed","requests":1}"#,
                    #"{"rule":"unmonitored-queue","state":"ignored","requests":1}"#,
                ])
            let waiting = try await lines("waiting", fixture)
            #expect(waiting.count == 1)
            #expect(waiting[0].contains(#""state":"for an agent","hold":null,"queue":"Help""#), "\(waiting)")
            #expect(
                try await lines("accounting", fixture) == [
                    #"{"org":"acme","received":2,"routed":1,"ignored":1,"superseded":0,"failed":0,"discarded":0,"pending":0,"observed":0,"difference":0}"#
                ])
        }
    }

    @Test func `an interaction that an agent finished is an end with its times`() async throws {
        try await StoreFixture.with { fixture in
            let claim = try await fixture.place(.make(.created, version: 1), interaction: InteractionID("1"))
            let attempt = try #require(claim.state.episode?.attempt)
            try await fixture.run(
                """
                UPDATE caserouter.episodes SET with_agent = true, placed_at = now() - interval '90 seconds',
                    with_agent_at = now() - interval '30 seconds'
                """)
            #expect(
                try await fixture.store.end(
                    EpisodeEnd(
                        episode: claim.episodeKey, interaction: InteractionID("1"), attempt: attempt, reason: .ended,
                        assignNumber: nil)))
            let ends = try await lines("ends", fixture)
            #expect(ends.count == 1)
            #expect(
                ends[0].hasPrefix(
                    #"{"org":"acme","cic":"main","workgroup":"Support","reason":"ended","ended":1,"reached_agent":1,"mean_wait_s":60."#
                ), "\(ends)")
            #expect(ends[0].contains(#""mean_handling_s":3"#), "\(ends)")
            #expect(try await lines("waiting", fixture) == [])
        }
    }

    @Test func `failures are counted by cause, and retries by door and by what became of them`() async throws {
        try await StoreFixture.with { fixture in
            // One is tried again by itself and works; one fails for good and is sent again by a person, twice.
            let claim = try await fixture.claim(.make(.created, of: 1, version: 1), attempt: .make())
            #expect(try await fixture.store.park(claim, Self.failure, delay: .zero))
            let again = try #require(try await fixture.store.claimDue(limit: 5, servers: StoreFixture.servers).first)
            let attempt = AttemptID.make()
            let begun = try #require(try await fixture.store.beginCreate(again, attempt: attempt, opensEpisode: false))
            let won = try #require(try await fixture.store.win(begun, InteractionID("1"), attempt))
            #expect(try await fixture.store.recordPlaced(won, workgroup: "Support", skills: ""))

            let permanent = RoutingFailure(.configuration, at: .resolve, cause: .skillUnknown, "No such skill.")
            let failed = try await fixture.claim(.make(.created, of: 2, version: 1), attempt: .make())
            #expect(try await fixture.store.park(failed, permanent, delay: .zero))
            try await fixture.run("UPDATE caserouter.failed_requests SET attempts = 0")
            let second = try #require(try await fixture.store.claimDue(limit: 5, servers: StoreFixture.servers).first)
            #expect(try await fixture.store.park(second, permanent, delay: .zero))
            #expect(try await fixture.store.retry(RetryHandle(caseKey: second.caseKey, failureNumber: 2)))

            #expect(
                try await lines("failures", fixture) { $0.by = ["cause", "stage"] } == [
                    #"{"cause":"cic-unreachable","stage":"create","attempts":1,"gave_up":0}"#,
                    #"{"cause":"skill-unknown","stage":"resolve","attempts":2,"gave_up":2}"#,
                ])
            #expect(
                try await lines("failures", fixture) { $0.filters = ["cause": "skill-unknown"] }.count == 1)
            #expect(
                try await lines("retries", fixture) { $0.by = ["door"] } == [
                    #"{"door":"automatic","retried":1,"succeeded":1,"failed":0,"waiting":0}"#,
                    #"{"door":"queue tooling","retried":1,"succeeded":0,"failed":0,"waiting":1}"#,
                    #"{"door":"sql","retried":1,"succeeded":0,"failed":1,"waiting":0}"#,
                ])
            // The oldest first, and why it is held up.
            try await fixture.run(
                """
                INSERT INTO caserouter.holds (kind, name, reason, detail, placed_by) VALUES ('cic', 'main', 'paused', 'x', 'x')
                """)
            let waiting = try await lines("waiting", fixture)
            #expect(waiting.map { $0.contains(#""state":"to route","hold":"cic:main paused""#) } == [false, true])
        }
    }

    @Test func `what a bulk retry released is told from what one person sent again`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.run(
                """
                WITH sent AS (
                    INSERT INTO caserouter.audit (actor, host, action, target) VALUES
                        ('anna', 'desk', 'failed retry', 'acme/\(recordID("500", 1))'),
                        ('anna', 'desk', 'failed retry', 'acme/\(recordID("500", 2))')
                    RETURNING at, target
                ), planned AS (
                    INSERT INTO caserouter.bulk_retries (asked, planned_by, host) VALUES ('x', 'anna', 'desk') RETURNING id
                )
                INSERT INTO caserouter.bulk_retry_items (
                    retry, org, case_id, case_number, failure_number, failed_at, released_at)
                SELECT id, 'acme', '\(recordID("500", 1))', '1', 1, now(), now() FROM planned
                """)
            let doors = try await lines("retries", fixture) { $0.by = ["door"] }
            #expect(
                doors.map { $0.prefix(30) } == [#"{"door":"bulk","retried":1,"su"#, #"{"door":"command","retried":1,"#])
        }
    }

    @Test func `an attempt whose worker died is a failure a minute after its deadline`() async throws {
        try await StoreFixture.with { fixture in
            _ = try await fixture.claim(.make(.created, version: 1), attempt: .make())
            #expect(try await lines("failures", fixture) == [])
            try await fixture.run("UPDATE caserouter.attempts SET deadline_at = now() - interval '2 minutes'")
            #expect(
                try await lines("failures", fixture) { $0.by = ["cause"] } == [
                    #"{"cause":"worker-died","attempts":1,"gave_up":0}"#
                ])
        }
    }

    @Test func `a gap tells which sweep healed it`() async throws {
        try await StoreFixture.with { fixture in
            let store = PostgresIngestStore(fixture.connections, owner: "one")
            try await store.openGap(org: "acme", channel: "/event/X", from: nil, reason: "refused")
            var partial = SweepResult(startedAt: try await store.now(), asked: nil, isWhole: false)
            partial.casesCompared = 7
            try await store.finishSweep(org: "acme", partial)
            #expect(try await lines("gaps", fixture)[0].contains(#""closed_at":null"#))
            var whole = SweepResult(startedAt: try await store.now(), asked: nil, isWhole: true)
            whole.casesCompared = 11
            try await store.closeGaps(org: "acme", openedBefore: whole.startedAt)
            try await store.finishSweep(org: "acme", whole)
            // One that only looked, between the two.
            try await fixture.run(
                """
                INSERT INTO caserouter.sweeps (org, started_at, finished_at, whole, compared, dry_run)
                SELECT 'acme', opened_at, now(), true, 12, true FROM caserouter.gaps
                """)
            try await store.openGap(org: "acme", channel: "/event/X", from: nil, reason: "again")
            let gaps = try await lines("gaps", fixture)
            #expect(gaps.map { $0.contains(#""cases_compared":11"#) } == [true, false])
        }
    }

    @Test func `API calls are counted once, whatever process counts them`() async throws {
        try await StoreFixture.with { fixture in
            let one = PostgresIngestStore(fixture.connections, owner: "one")
            let two = PostgresIngestStore(fixture.connections, owner: "two")
            let usage = APIUsage(used: 40, limit: 1_000)
            try await one.saveAPIUsage(org: "acme", usage, calls: ["query": 5, "update": 1])
            try await one.saveAPIUsage(org: "acme", usage, calls: ["query": 8, "update": 1, "login": 1])
            // Another process has made nine of its own; the first one begins anew with the settings.
            try await two.saveAPIUsage(org: "acme", usage, calls: ["query": 9])
            try await one.saveAPIUsage(org: "acme", usage, calls: ["query": 2, "update": 3])
            try await one.saveAPIUsage(
                org: "acme", APIUsage(used: 60, limit: 1_000), calls: ["query": 1, "update": 5])
            let calls = try await lines("api-calls", fixture) { $0.by = ["kind"] }
            #expect(
                calls.map { $0.replacing(#","used":60,"call_limit":1000"#, with: "") } == [
                    #"{"kind":"login","calls":1,"used":40,"call_limit":1000}"#, #"{"kind":"query","calls":20}"#,
                    #"{"kind":"update","calls":9}"#,
                ])
        }
    }

    @Test func `a period that is none, a name that is none and a zone that is none are refused`() async throws {
        try await StoreFixture.with { fixture in
            _ = try await fixture.take(.make(.created, of: 1, version: 1))
            _ = try await fixture.take(.make(.created, of: 2, version: 1, at: .today - .seconds(86_400)))
            for (change, needed) in [
                (
                    {
                        $0.from = .day(0); $0.to = .day(-1)
                    }, "--to"
                ), ({ $0.from = .date("2999-01-01") }, "future"),
                ({ $0.to = .date("2001-01-01") }, "there are requests of 20"), ({ $0.zone = "Mars" }, "Europe/Berlin"),
                ({ $0.filters = ["org": "acne"] }, "acme"), ({ $0.filters = ["cic": "x'"] }, "main"),
                ({ $0.filters = ["workgroup": "x"] }, "there are none"),
            ] as [((inout ReportRequest) -> Void, String)] {
                let error = await #expect(throws: Refusal.self, "\(needed)") {
                    _ = try await lines("volume", fixture, change)
                }
                #expect(error?.description.contains(needed) == true, "\(String(describing: error))")
            }
            #expect(try await lines("volume", fixture) { $0.from = .day(0) }.count == 1)
            #expect(try await lines("volume", fixture) { $0.to = .day(0) }.count == 1)
        }
    }
}
