import CaseRouting
import Operations
import Postgres
import Testing

@testable import Store

/// What people see of failed cases, and what becomes of those that they give up.
@Suite(.serialized) struct FailureStoreTests {
    @Test func `the list holds what every filter given allows, longest failed first, and counts it by anything`()
        async throws
    {
        try await StoreFixture.mapped { fixture in
            try await fixture.fail(1, .skillUnknown, skills: "Germn")
            try await fixture.fail(2, .workgroupUnknown, owner: StoreFixture.otherQueue)
            try await fixture.fail(3, .skillUnknown)
            let failures = fixture.failures
            func numbers(_ change: (inout FailureFilter) -> Void) async throws -> [String] {
                var filter = FailureFilter()
                change(&filter)
                return try await failures.list(filter).map(\.caseNumber)
            }
            #expect(try await numbers { _ in } == ["1", "2", "3"])
            #expect(try await numbers { $0.cause = .skillUnknown } == ["1", "3"])
            #expect(
                try await numbers {
                    $0.cause = .skillUnknown; $0.limit = 1
                } == ["1"])
            #expect(try await numbers { $0.to = .today - .seconds(3_600) } == [])
            #expect(try await numbers { $0.from = .today - .seconds(3_600) } == ["1", "2", "3"])

            let groups = try await failures.groups(by: .cause, FailureFilter())
            #expect(groups.map(\.name) == ["skill-unknown", "workgroup-unknown"])
            #expect(groups.map(\.cases) == [2, 1])
            #expect(groups.first?.example == "3")
            let places = try await failures.groups(by: .workgroup, FailureFilter())
            #expect(places.map(\.name) == ["main/Support", "main/Sales"])
            #expect(try await failures.groups(by: .org, FailureFilter()).map(\.cases) == [3])
        }
    }

    @Test func `a filter that names what does not exist is refused with what does`() async throws {
        try await StoreFixture.mapped { fixture in
            try await fixture.fail(1)
            func refusal(_ change: (inout FailureFilter) -> Void) async throws -> String {
                var filter = FailureFilter()
                change(&filter)
                let filterNow = filter
                let error = await #expect(throws: Refusal.self) { try await fixture.failures.list(filterNow) }
                #expect(error?.kind == .usage)
                return error?.description ?? ""
            }
            #expect(try await refusal { $0.cause = FailureCause(rawValue: "skil") }.contains("skill-unknown"))
            #expect(try await refusal { $0.org = "acne" }.contains("acme"))
            #expect(try await refusal { $0.cic = "mein" }.contains("main"))
            #expect(try await refusal { $0.workgroup = "Suport" }.contains("Support"))
            #expect(
                try await refusal {
                    $0.from = .today; $0.to = .today - .seconds(60)
                }.contains("--to"))
            let error = await #expect(throws: Refusal.self) {
                _ = try await fixture.failures.show("4711", org: nil)
            }
            #expect(error?.kind == .notDone)
        }
    }

    @Test func `the story of a case holds every attempt with answer, duration, worker and mapping`() async throws {
        try await StoreFixture.mapped { fixture in
            let key = try await fixture.fail(1, skills: "Germn")
            let story = try await fixture.failures.show("1", org: nil)
            #expect(story.key == key)
            #expect(story.failure?.cause == .skillUnknown)
            #expect(story.failure?.number == 1)
            #expect(story.standing == nil)
            #expect(story.skills == "Germn")
            #expect(story.episodeState == "creating")
            #expect(story.waiting.map(\.change) == ["created"])
            let one = try #require(story.tries.first)
            #expect((one.outcome, one.status, one.response) == ("failed", 403, "no"))
            #expect((one.worker, one.mapping, one.mappingVersion) == (StoreFixture.worker, 1, 1))
            #expect(one.endedAt.map { $0 >= one.startedAt } == true)

            // Retried and failed where no new attempt is begun: it still has its own row, from its claim on.
            #expect(try await fixture.failures.retry(["1"], org: nil, by: StoreFixture.author).first?.objection == nil)
            #expect(
                try await fixture.failures.show(key.caseID.description, org: "acme").standing
                    == "is being tried again already")
            #expect(try await fixture.work { _ in true } == 1)
            let again = try await fixture.failures.show(key.caseID.description, org: nil)
            #expect(again.failure?.number == 2)
            #expect(again.tries.count == 2)
            #expect(again.tries.allSatisfy { $0.mapping == 1 && $0.mappingVersion == 1 })
        }
    }

    @Test func `a discarded case is off the list, counted apart, and its interaction is ended`() async throws {
        try await StoreFixture.mapped { fixture in
            let key = try await fixture.fail(1)
            let answer = try await fixture.failures.discard(
                ["1"], org: nil, reason: " spam ", by: StoreFixture.author)
            #expect(answer.map(\.objection) == [nil])
            #expect(try await fixture.failures.list(FailureFilter()).isEmpty)
            #expect(try await fixture.number("SELECT discarded FROM report.accounting") == 1)
            #expect(try await fixture.number("SELECT failed + pending FROM report.accounting") == 0)
            #expect(try await fixture.text("SELECT write_back FROM caserouter.requests") == "due")
            let audit = try await fixture.text("SELECT action || ' ' || (after ->> 'reason') FROM caserouter.audit")
            #expect(audit == "discard spam")
            // The episode that was being created has to be looked for and ended: the case is due, wanted nowhere.
            let due = try #require(try await fixture.store.claimDue(limit: 5, servers: StoreFixture.servers).first)
            #expect(due.state.wanted == nil)
            #expect(due.state.sparesAgent)
            #expect(try await fixture.store.endUnborn(due))
            #expect(try await fixture.column("applied_revision = revision", of: key) == "true")
            #expect(try await fixture.number("SELECT discarded FROM report.accounting") == 1)

            let second = try await fixture.failures.discard(["1"], org: nil, reason: "x", by: StoreFixture.author)
            #expect(second.first?.objection == "discarded")
            let retried = try await fixture.failures.retry(["1"], org: nil, by: StoreFixture.author)
            #expect(retried.first?.objection == "discarded")
        }
    }

    @Test func `a restored case is sent again as it was, once, and not over something newer`() async throws {
        try await StoreFixture.mapped { fixture in
            try await fixture.fail(1, skills: "Germn")
            let author = StoreFixture.author
            _ = try await fixture.failures.discard(["1"], org: nil, reason: "by mistake", by: author)
            #expect(try await fixture.failures.restore(["1"], org: nil, by: author).first?.objection == nil)
            #expect(try await fixture.number("SELECT pending FROM report.accounting") == 1)
            let claim = try #require(try await fixture.store.claimDue(limit: 5, servers: StoreFixture.servers).first)
            #expect(claim.state.wanted?.workgroup == "Support")
            #expect(claim.state.wanted?.skills == "Germn")
            #expect(try await fixture.store.finish(claim))
            #expect(try await fixture.number("SELECT routed FROM report.accounting") == 1)
            #expect(
                try await fixture.failures.restore(["1"], org: nil, by: author).first?.objection
                    == "it is not discarded")
            #expect(try await fixture.failures.show("1", org: nil).discards.first?.restoredBy == "ann")

            // A newer change has decided otherwise.
            try await fixture.fail(2)
            _ = try await fixture.failures.discard(["2"], org: nil, reason: "spam", by: author)
            try await fixture.take(.make(.closed, of: 2, version: 2, isClosed: true))
            #expect(
                try await fixture.failures.restore(["2"], org: nil, by: author).first?.objection
                    == "it was closed since")
            #expect(
                try await fixture.column("want_cic IS NULL", of: CaseKey(org: "acme", caseID: recordID("500", 2)))
                    == "true")
        }
    }

    @Test func `a discard keeps a change that nobody has merged yet`() async throws {
        try await StoreFixture.mapped { fixture in
            try await fixture.fail(1)
            try await fixture.run(
                """
                INSERT INTO caserouter.requests (
                    day, org, event_key, case_id, version, version_epoch, change, body, found, occurred_at)
                SELECT current_date, 'acme', 'n:new', case_id, 2, 1, 'comment', '', 'stream', now() FROM caserouter.cases
                """)
            _ = try await fixture.failures.discard(["1"], org: nil, reason: "spam", by: StoreFixture.author)
            #expect(try await fixture.text("SELECT outcome FROM caserouter.requests WHERE event_key = 'n:new'") == nil)
            #expect(try await fixture.number("SELECT discarded FROM report.accounting") == 1)
            #expect(try await fixture.number("SELECT pending FROM report.accounting") == 1)
        }
    }
}
