import CaseRouting
import Postgres
import Testing

@testable import Store

@Suite(.serialized) struct FailureTests {
    private static let change = CaseChange.make(.created, version: 1)

    private static func failure(_ kind: RoutingFailure.Kind) -> RoutingFailure {
        RoutingFailure(
            kind, at: .create, cause: .cicError, "CIC answered with an error.\0",
            response: .init(status: 500, body: "bo\0dy"))
    }

    @Test func `a transient failure counts once and is failed at the limit`() async throws {
        try await StoreFixture.with { fixture in
            let key = Self.change.caseKey
            var claim = try await fixture.claim(Self.change, attempt: .make())
            for attempts in 1...8 {
                #expect(try await fixture.store.park(claim, Self.failure(.transient), delay: .zero))
                #expect(try await fixture.column("attempts", of: key) == "\(attempts)")
                let due = try await fixture.store.claimDue(limit: 5, servers: StoreFixture.servers)
                guard attempts < 8 else {
                    #expect(due.isEmpty)
                    break
                }
                claim = try #require(due.first)
                #expect(claim.state.attempts == Int32(attempts))
            }
            #expect(try await fixture.column("failure_number", of: key) == "1")
            #expect(try await fixture.column("failure_cause", of: key) == "cic-error")
            #expect(try await fixture.column("failed_at IS NOT NULL AND handle_at IS NULL", of: key) == "true")
            #expect(try await fixture.column("claims_without_outcome", of: key) == "0")
            let outcomes = try await fixture.text(
                "SELECT string_agg(outcome, ' ' ORDER BY started_at) FROM caserouter.attempts")
            #expect(outcomes == "retry retry retry retry retry retry retry failed")
            #expect(try await fixture.text("SELECT max(response) FROM caserouter.attempts") == "body")
            #expect(try await fixture.number("SELECT max(status) FROM caserouter.attempts") == 500)
        }
    }

    @Test func `a create that was never sent is replaced by the next claim, one that was refused is looked for by it`()
        async throws
    {
        try await StoreFixture.with { fixture in
            let key = Self.change.caseKey, store = fixture.store
            let first = try await fixture.claim(Self.change, attempt: .make())
            #expect(try await store.park(first, Self.failure(.held), delay: .zero, create: .neverSent))
            let second = try #require(await store.claimDue(limit: 5, servers: StoreFixture.servers).first)
            #expect(second.state.episode?.attemptDeadline == Episode.neverSent)
            #expect(nextStep(for: second.state, now: second.now) == .create)

            let again = try #require(await store.beginCreate(second, attempt: .make(), opensEpisode: false))
            #expect(nextStep(for: again.state, now: again.now) != .create)
            // What a claim says of an attempt that another one has replaced concerns nobody.
            #expect(try await store.park(first, Self.failure(.held), delay: .zero, create: .neverSent) == false)
            #expect(
                try await fixture.number("SELECT count(*) FROM caserouter.episodes WHERE attempt_deadline < now()") == 0
            )
            #expect(try await store.park(again, Self.failure(.held), delay: .zero, create: .refused))
            let third = try #require(await store.claimDue(limit: 5, servers: StoreFixture.servers).first)
            #expect(nextStep(for: third.state, now: third.now) == .lookInHolding)
            #expect(try await fixture.column("attempts", of: key) == "0")
            #expect(try await fixture.number("SELECT count(*) FROM caserouter.attempts WHERE outcome = 'held'") == 2)
        }
    }

    @Test func `what is certain of a create is written although something else is wanted by now`() async throws {
        try await StoreFixture.with { fixture in
            let claim = try await fixture.claim(Self.change, attempt: .make())
            try await fixture.take(.make(.closed, version: 2, isClosed: true))
            #expect(try await fixture.store.park(claim, Self.failure(.held), delay: .zero, create: .neverSent) == false)
            #expect(
                try await fixture.number("SELECT count(*) FROM caserouter.episodes WHERE attempt_deadline = 'epoch'")
                    == 1)
        }
    }

    @Test func `a create without an answer that the watch has found is due at once`() async throws {
        try await StoreFixture.with { fixture in
            let attempt = AttemptID.make()
            let claim = try await fixture.claim(Self.change, attempt: attempt)
            _ = try await fixture.store.win(claim, InteractionID("1"), attempt)
            #expect(try await fixture.store.park(claim, Self.failure(.unknown), delay: .seconds(60)))
            #expect(try await fixture.column("next_at <= now()", of: claim.caseKey) == "true")
            #expect(try await fixture.column("attempts", of: claim.caseKey) == "1")
        }
    }

    @Test(arguments: [
        (RoutingFailure.Kind.permanent, 8, "failed"), (.configuration, 8, "failed"), (.unknown, 1, "unknown"),
        (.held, 0, "held"), (.own, 0, "held"),
    ])
    func `each kind of failure counts as it should`(_ kind: RoutingFailure.Kind, _ attempts: Int, _ outcome: String)
        async throws
    {
        try await StoreFixture.with { fixture in
            let claim = try await fixture.claim(Self.change, attempt: .make())
            #expect(try await fixture.store.park(claim, Self.failure(kind), delay: .seconds(60)))
            #expect(try await fixture.column("attempts", of: claim.caseKey) == "\(attempts)")
            #expect(try await fixture.text("SELECT outcome FROM caserouter.attempts") == outcome)
            let waits = try await fixture.column("next_at > now() + interval '50 s'", of: claim.caseKey)
            #expect(waits == (attempts == 8 ? "false" : "true"))
            #expect(try await fixture.column("lease_until", of: claim.caseKey) == nil)
        }
    }

    @Test func `a newer wish starts the attempts of a failed case afresh`() async throws {
        try await StoreFixture.with { fixture in
            let claim = try await fixture.claim(Self.change)
            #expect(try await fixture.store.park(claim, Self.failure(.permanent), delay: .zero))
            #expect(try await fixture.number("SELECT failed FROM report.accounting") == 1)
            let next = try await fixture.claim(
                .make(.queueChanged, version: 2, owner: StoreFixture.otherQueue), attempt: .make())
            #expect(next.state.attempts == 0)
            #expect(next.state.failureNumber == 1)
            #expect(try await fixture.column("failure_cause", of: claim.caseKey) == nil)
        }
    }

    @Test func `a handle retries the failure that it names and no other, once, and says so in the audit`() async throws
    {
        try await StoreFixture.with { fixture in
            let claim = try await fixture.claim(Self.change)
            #expect(try await fixture.store.park(claim, Self.failure(.permanent), delay: .zero))
            let key = claim.caseKey
            #expect(try await fixture.store.retry(RetryHandle(caseKey: key, failureNumber: 2)) == false)
            #expect(try await fixture.store.retry(RetryHandle(caseKey: key, failureNumber: 1)))
            #expect(try await fixture.store.retry(RetryHandle(caseKey: key, failureNumber: 1)) == false)
            #expect(try await fixture.number("SELECT count(*) FROM caserouter.audit") == 1)
            #expect(try await fixture.store.claimDue(limit: 5, servers: StoreFixture.servers).count == 1)
        }
    }

    @Test func `setting attempts to 0 in the view retries, as a role that may do nothing else`() async throws {
        try await StoreFixture.with { fixture in
            let role = "operator_\(fixture.database.name)"
            try await fixture.sql.execute(
                script: """
                    CREATE ROLE \(role) LOGIN;
                    GRANT USAGE ON SCHEMA caserouter TO \(role);
                    GRANT SELECT, UPDATE (attempts) ON caserouter.failed_requests TO \(role);
                    """, name: "role")
            let claim = try await fixture.claim(Self.change)
            #expect(try await fixture.store.park(claim, Self.failure(.configuration), delay: .zero))
            var settings = PostgresSettings(applicationName: "operator")
            settings.role = role
            let connection = try await PostgresConnection.open(
                fixture.database.address, settings, on: fixture.executor)
            func attempt(_ statement: String) async throws -> PostgresError? {
                do throws(PostgresError) {
                    _ = try await connection.query(statement)
                    return nil
                } catch {
                    return error
                }
            }
            let view = "caserouter.failed_requests"
            #expect(try await attempt("UPDATE caserouter.cases SET attempts = 0")?.kind == .permission)
            #expect(try await attempt("UPDATE \(view) SET failure_number = 0")?.kind == .permission)
            #expect(try await attempt("UPDATE \(view) SET attempts = 1")?.kind == .data)
            #expect(try await attempt("DELETE FROM \(view)")?.kind == .permission)
            #expect(try await fixture.column("attempts", of: claim.caseKey) == "8")

            let rows = try await connection.query(
                "UPDATE \(view) SET attempts = 0 WHERE cause = 'cic-error' RETURNING case_id")
            #expect(rows.count == 1)
            await connection.close()
            #expect(try await fixture.column("attempts", of: claim.caseKey) == "0")
            #expect(try await fixture.number("SELECT count(*) FROM \(view)") == 0)
            #expect(try await fixture.number("SELECT count(*) FROM caserouter.audit") == 1)
            #expect(try await fixture.store.claimDue(limit: 5, servers: StoreFixture.servers).count == 1)
            try await fixture.sql.execute(script: "DROP OWNED BY \(role); DROP ROLE \(role);", name: "role")
        }
    }

    @Test func `a case that three workers claimed without a word is failed, when due and when merged`() async throws {
        try await StoreFixture.with { fixture in
            _ = try await fixture.claim(Self.change)
            _ = try await fixture.claim(.make(.created, of: 2, version: 1))
            let expire = "UPDATE caserouter.cases SET lease_until = now(), next_at = now()"
            for _ in 2...3 {
                try await fixture.run(expire)
                #expect(try await fixture.store.claimDue(limit: 5, servers: StoreFixture.servers).count == 2)
            }
            try await fixture.run(expire)
            // Nothing new about the second, but it would be claimed.
            let result = try await fixture.take(.make(.observed, of: 2, version: 1, comparedWith: 1), claims: true)
            guard case .merged = result else {
                Issue.record("claimed a fourth time")
                return
            }
            #expect(try await fixture.store.claimDue(limit: 5, servers: StoreFixture.servers).isEmpty)
            let failed = "SELECT count(*) FROM caserouter.failed_requests WHERE cause = 'worker-died'"
            #expect(try await fixture.number(failed) == 2)
            #expect(try await fixture.number("SELECT sum(failure_number) FROM caserouter.cases") == 2)
        }
    }

    @Test func `an outcome ends the count of claims without one`() async throws {
        try await StoreFixture.with { fixture in
            for round in 1...5 {
                let due = try await fixture.store.claimDue(limit: 5, servers: StoreFixture.servers)
                let claim: Claim
                if round == 1 { claim = try await fixture.claim(Self.change) } else { claim = try #require(due.first) }
                try await fixture.store.release(claim, delay: .zero)
            }
            #expect(try await fixture.column("attempts", of: Self.change.caseKey) == "0")
        }
    }
}
