import CaseRouting
import Operations
import Polling
import Postgres
import Testing

@testable import Store

/// What `case` tells of one case.
@Suite struct CaseStoryTests {
    private static let mapping = """
        INSERT INTO caserouter.mappings (id, version, org, queue_id, queue_name, cic, workgroup, changed_by)
        VALUES (1, 1, 'acme', '\(StoreFixture.queue)', 'Support Queue', 'main', 'Support', 'ann')
        """

    private static func store(_ fixture: StoreFixture) -> PostgresCaseStore {
        PostgresCaseStore(fixture.connections, worker: "worker-1", host: "test", encode: RequestMessage.encode)
    }

    @Test func `a case that waits for an agent is told from its change to its workgroup`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.run(Self.mapping)
            let store = Self.store(fixture)
            let change = CaseChange.make(.created, version: 1, skills: "German")
            let attempt = AttemptID.make()
            let taken = try await fixture.take(change, claims: true, attempt: attempt, with: store)
            guard case .claimed(let claim) = taken else { throw StoreFixture.NotClaimed() }
            let won = try #require(await store.win(claim, InteractionID("i1"), attempt))
            #expect(try await store.recordPlaced(won, workgroup: "Support", skills: "German"))

            let stories = CaseStories(store: PostgresCaseStoryStore(fixture.connections))
            let story = try await stories.story(of: "1", org: nil)
            #expect(story.whereabouts.place == .waiting)
            #expect(story.whereabouts.sentence == "waits on workgroup Support of main for an agent, interaction i1")
            #expect(
                story.timeline.map(\.what).filter { $0 != .received } == [.changed, .decided, .attempt, .interaction])
            let request = try #require(story.requests.first)
            #expect(request.rule == .arrived)
            #expect(request.record?.before == CaseState())
            #expect(request.record?.becomes?.workgroup == "Support")

            let explanation = try #require(DecisionExplanation(request, now: StoreFixture.configuration))
            #expect(explanation.mapping?.changedBy == "ann")
            #expect(explanation.mapping?.newestVersion == 1)
            #expect(explanation.skills == [DecisionExplanation.Skill(name: "German", from: "the case")])
            #expect(explanation.now.rule == .arrived)
            #expect(!explanation.rulesThatDidNotMatch.contains { $0.rule == .arrived })
            // The same case by its ids, in both lengths.
            for name in [change.caseID.description, String(change.caseID.description.prefix(15))] {
                #expect(try await stories.story(of: name, org: nil).key == change.caseKey)
            }
        }
    }

    @Test func `a failed case says why and since when, and a held one what holds it`() async throws {
        try await StoreFixture.with { fixture in
            let store = Self.store(fixture)
            let stories = CaseStories(store: PostgresCaseStoryStore(fixture.connections))
            guard
                case .claimed(let claim) = try await fixture.take(
                    .make(.created, version: 1), claims: true, attempt: .make(), with: store)
            else { throw StoreFixture.NotClaimed() }
            let failure = RoutingFailure(.configuration, at: .resolve, cause: .skillUnknown, "No skill of that name.")
            #expect(try await store.park(claim, failure, delay: .zero))
            let failed = try await stories.story(of: "1", org: nil).whereabouts
            #expect(failed.place == .failed)
            #expect(failed.sentence.contains("skill-unknown: No skill of that name."))

            // What people did about it stands between.
            let failures = Failures(store: PostgresFailureStore(fixture.connections))
            _ = try await failures.discard(["1"], org: nil, reason: "spam", by: Author(name: "ann", host: "here"))
            _ = try await failures.restore(["1"], org: nil, by: Author(name: "bob", host: "here"))
            let deeds = try await stories.story(of: "1", org: nil).timeline.filter { $0.what == .person }
            #expect(deeds.map(\.text) == ["given up by ann: spam", "brought back and sent again by bob"])

            try await fixture.take(.make(.created, of: 2, version: 1), with: store)
            let pauses = PostgresPauseStore(fixture.connections)
            #expect(
                try await pauses.pause(
                    PauseTarget("workgroup:main/Support"), why: "a test", by: Author(name: "ann", host: "here")))
            let held = try await stories.story(of: "2", org: nil).whereabouts
            #expect(held.place == .held)
            #expect(held.sentence.contains("workgroup:main/Support"))
        }
    }

    @Test func `a number that two orgs have is not guessed`() async throws {
        try await StoreFixture.with { fixture in
            try await fixture.run(
                """
                INSERT INTO caserouter.orgs (name, organization_id, login_url, flow)
                VALUES ('other', '00D000000000002EAA', 'https://other', 'client-credentials')
                """)
            for org in ["acme", "other"] { try await fixture.take(.make(.created, version: 1, org: org)) }
            let stories = CaseStories(store: PostgresCaseStoryStore(fixture.connections))
            await #expect {
                _ = try await stories.story(of: "1", org: nil)
            } throws: { error in
                (error as? Refusal)?.kind == .usage && "\(error)".contains("acme") && "\(error)".contains("other")
            }
            #expect(try await stories.story(of: "1", org: "other").key.org == "other")
            await #expect {
                _ = try await stories.story(of: "99", org: nil)
            } throws: { ($0 as? Refusal)?.kind == .notDone }
        }
    }

    @Test func `a case knows the days of all its requests and attempts, and its story is complete`() async throws {
        try await StoreFixture.with { fixture in
            let store = Self.store(fixture)
            let day: Duration = .seconds(86_400)
            // Changes that came late, an attempt of today, and a failure.
            let first = CaseChange.make(.created, version: 1, at: .today - day * 40)
            guard
                case .claimed(let claim) = try await fixture.take(first, claims: true, attempt: .make(), with: store)
            else { throw StoreFixture.NotClaimed() }
            let failure = RoutingFailure(.configuration, at: .resolve, cause: .skillUnknown, "No skill of that name.")
            #expect(try await store.park(claim, failure, delay: .zero))
            try await fixture.take(
                .make(.closed, version: 2, isClosed: true, at: .today - day * 30), with: store)
            // Older than what is known: changes nothing, and is told of all the same.
            let changedAt = try await fixture.column("changed_at", of: first.caseKey)
            try await fixture.take(
                .make(.created, version: 0, at: .today - day * 20), with: store)
            #expect(try await fixture.column("changed_at", of: first.caseKey) == changedAt)
            try await fixture.take(.make(.comment, version: 4, isClosed: true, at: .today), with: store)

            let missing = """
                SELECT count(*) FROM (
                    SELECT org, case_id, day FROM caserouter.requests UNION SELECT org, case_id, day FROM caserouter.attempts
                ) k JOIN caserouter.cases c USING (org, case_id) WHERE NOT k.day = ANY (c.days)
                """
            #expect(try await fixture.number(missing) == 0)
            #expect(try await fixture.column("cardinality(days)", of: first.caseKey) == "4")
            let stories = CaseStories(store: PostgresCaseStoryStore(fixture.connections))
            let story = try await stories.story(of: "1", org: nil)
            #expect(story.requests.map(\.change) == ["created", "closed", "created", "comment"])
            #expect(story.attempts.count == 1 && !story.isCut)
        }
    }

    @Test func `a case of which no worker has heard is found by its id, however old its change is`() async throws {
        try await StoreFixture.with { fixture in
            for (number, age) in [(1, 0), (2, 60)] {
                try await fixture.run(
                    """
                    INSERT INTO caserouter.requests (
                        day, org, event_key, case_id, version, version_epoch, change, body, found, occurred_at)
                    VALUES (current_date - \(age), 'acme', 'o:\(number)', '\(recordID("500", number))', 1, 1, 'created', 'body',
                        'sweep', now())
                    """)
                let stories = CaseStories(store: PostgresCaseStoryStore(fixture.connections))
                let story = try await stories.story(of: "\(recordID("500", number))", org: nil)
                #expect(story.requests.map(\.eventKey) == ["o:\(number)"])
            }
        }
    }

    @Test func `an org that is none is named, with those there are`() async throws {
        try await StoreFixture.with { fixture in
            let stories = CaseStories(store: PostgresCaseStoryStore(fixture.connections))
            await #expect {
                _ = try await stories.story(of: "1", org: "acmee")
            } throws: { ($0 as? Refusal)?.kind == .usage && "\($0)".contains("did you mean “acme”?") }
        }
    }

    /// Enough rows that a plan which reads a table from end to end is never the cheapest.
    private static let fill = """
        INSERT INTO caserouter.cases (
            org, case_id, case_number, revision, applied_revision, version_epoch, owner, closed, episode, next_at)
        SELECT 'acme', '500' || lpad(n::text, 12, '0') || 'AAA', n::text, 1, 1, 1, '\(StoreFixture.queue)', true, 1, now()
        FROM generate_series(1, 60000) n;
        INSERT INTO caserouter.episodes (
            org, case_id, number, cic, state, attempt_id, attempt_day, attempt_deadline, ended_at)
        SELECT org, case_id, 1, 'main', 'ended', gen_random_uuid(), current_date, now(), now() FROM caserouter.cases;
        INSERT INTO caserouter.attempts (
            day, attempt_id, org, case_id, episode, revision, epoch, stage, worker, deadline_at, outcome)
        SELECT current_date - case_number::int % 6, attempt_id, org, case_id, 1, 1, 1, 'record', 'w', now(), 'ok'
        FROM caserouter.cases JOIN caserouter.episodes USING (org, case_id);
        INSERT INTO caserouter.requests (
            day, org, event_key, case_id, version, version_epoch, change, body, found, occurred_at, seen_at, outcome)
        SELECT current_date - case_number::int % 6, org, 'o:' || case_number, case_id, 1, 1, 'created', 'body', 'stream',
            now(), now(), 'routed'
        FROM caserouter.cases;
        ANALYZE;
        """

    @Test(.timeLimit(.minutes(3))) func `a story is found by index in every table, whatever lies there`() async throws {
        try await StoreFixture.with { fixture in
            var settings = PostgresSettings.migration(applicationName: "fill")
            settings.lockTimeout = .zero
            let filler = try await PostgresConnection.open(fixture.database.address, settings, on: fixture.executor)
            try await filler.execute(script: Self.fill, name: "fill")
            await filler.close()

            let id = "'500000000030000AAA'"
            let list = try await fixture.text("SELECT ARRAY[current_date, current_date - 1]") ?? ""
            let days = "'\(list)'::date[]"
            let statements = [
                PostgresCaseStoryStore.byNumber.filled("'30000'", "NULL"),
                PostgresCaseStoryStore.byID.filled(id, "NULL"),
                PostgresCaseStoryStore.byIDOfRequests.filled(id, "NULL", "NULL"),
                PostgresCaseStoryStore.standing.filled("'acme'", id),
                PostgresCaseStoryStore.requests.filled("'acme'", id, "NULL"),
                PostgresCaseStoryStore.attempts.filled("'acme'", id, days),
                PostgresCaseStoryStore.episodes.filled("'acme'", id),
                PostgresCaseStoryStore.deeds.filled("'acme'", id),
            ]
            for statement in statements {
                let plan = try await fixture.sql.query("EXPLAIN " + statement)
                    .map { row throws(PostgresError) in try row.text(0) }
                for line in plan {
                    // The few orgs, queues and mappings are read whole.
                    let readsAll = ["cases", "episodes", "requests_2", "attempts_2"].contains {
                        // An empty partition costs nothing and has no better way.
                        line.contains("Seq Scan on \($0)") && !line.contains("cost=0.00..0.00 ")
                    }
                    #expect(!readsAll, "\(plan.joined(separator: "\n"))")
                }
            }
            // Of the partitions only those of the days are opened.
            for statement in [PostgresCaseStoryStore.requests, PostgresCaseStoryStore.attempts] {
                let plan = try await fixture.sql.query("EXPLAIN " + statement.filled("'acme'", id, days))
                    .map { row throws(PostgresError) in try row.text(0) }.joined(separator: "\n")
                let names = Set(plan.matches(of: #/ on ((?:requests|attempts)_\w+) /#).map { String($0.1) })
                #expect(names.count == 2 && !plan.contains("Subplans Removed"), "\(plan)")
            }
            let stories = CaseStories(store: PostgresCaseStoryStore(fixture.connections))
            let begin = MonotonicTime.now
            #expect(try await stories.story(of: "30000", org: nil).requests.count == 1)
            // 200 ms on a quiet machine.
            #expect(MonotonicTime.now - begin < .seconds(1))
        }
    }
}

extension String {
    fileprivate func filled(_ first: String, _ second: String, _ third: String = "") -> String {
        replacing("$1", with: first).replacing("$2", with: second).replacing("$3", with: third)
    }
}
