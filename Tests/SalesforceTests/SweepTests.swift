import CaseRouting
import JSON
import Simulators
import Testing

@testable import Salesforce

@Suite struct SweepTests {
    @Test func `new rows come by id, page after page`() async throws {
        try await SimulatedOrg.run { simulated in
            let queue = try await simulated.queue("Support")
            try await simulated.newCases(450, in: queue)
            let org = try simulated.outbox()
            var rows: [RecordID] = []
            while true {
                let page = try await org.newRows(after: rows.last, limit: 200)
                if page.isEmpty { break }
                #expect(page.count <= 200)
                rows += page.compactMap(\.row)
            }
            #expect(rows.count == 450)
            #expect(rows == rows.sorted())
            #expect(Set(rows).count == 450)
        }
    }

    @Test func `an answer in several parts is read to its end`() async throws {
        try await SimulatedOrg.run { simulated in
            let queue = try await simulated.queue("Support")
            try await simulated.newCases(2_100, in: queue)
            let org = try simulated.outbox()
            #expect(try await org.newRows(after: nil, limit: 5_000).count == 2_100)
            #expect(await org.callCounts()["query"] == 2)
        }
    }

    @Test func `an answer whose rest Salesforce forgot is continued by id`() async throws {
        try await SimulatedOrg.run { simulated in
            let queue = try await simulated.queue("Support")
            try await simulated.newCases(2_100, in: queue)
            try await simulated.control(
                .post, "faults/rest",
                #"{"path":"/query/","status":400,"errorCode":"INVALID_QUERY_LOCATOR","message":"gone","count":1}"#)
            let org = try simulated.outbox()
            let first = try await org.newRows(after: nil, limit: 5_000)
            #expect(first.count == 2_000)
            #expect(try await org.newRows(after: first.last?.row, limit: 5_000).count == 100)
        }
    }

    @Test func `open cases are those of the owners, changed since then`() async throws {
        try await SimulatedOrg.run { simulated in
            let support = try await simulated.queue("Support")
            let other = try await simulated.queue("Unmonitored")
            let open = try await simulated.newCase(
                in: support, ["ObjectRouting_Skills__c": "Dutch", "Priority": "High"])
            let closed = try await simulated.newCase(in: support)
            _ = try await simulated.newCase(in: other)
            try await simulated.update("Case", closed, ["Status": "Closed"])
            let org = try simulated.outbox()
            let found = try await org.openCases(of: [support], changedSince: nil, after: nil, limit: 2_000)
            #expect(found.map(\.caseID) == [open])
            #expect(found.first?.facts.skills == "Dutch")
            #expect(found.first?.facts.priority == "High")
            #expect(found.first?.isDeleted == false)
            let stamp = try #require(found.first?.modifiedAt)
            #expect(try await org.openCases(of: [support], changedSince: stamp, after: nil, limit: 9).count == 1)
            let later = stamp + .seconds(60)
            #expect(try await org.openCases(of: [support], changedSince: later, after: nil, limit: 9).isEmpty)
            #expect(try await org.openCases(of: [support], changedSince: nil, after: open, limit: 9).isEmpty)
        }
    }

    @Test func `a thousand owners fit into queries that Salesforce reads`() async throws {
        try await SimulatedOrg.run { simulated in
            let support = try await simulated.queue("Support")
            var owners = try (0..<1_000).map {
                try RecordID("00G9\(String(repeating: "0", count: 8))\(100 + $0 % 900)")
            }
            owners = Array(Set(owners)).sorted() + [support]
            try await simulated.newCases(3, in: support)
            let org = try simulated.outbox()
            #expect(try await org.openCases(of: owners, changedSince: nil, after: nil, limit: 2).count == 2)
            #expect(await org.callCounts()["query"] == 3)
        }
    }

    @Test func `cases are told by id whatever their state, deleted ones as deleted and closed`() async throws {
        try await SimulatedOrg.run { simulated in
            let support = try await simulated.queue("Support")
            let open = try await simulated.newCase(in: support)
            let closed = try await simulated.newCase(in: support)
            let deleted = try await simulated.newCase(in: support)
            try await simulated.update("Case", closed, ["Status": "Closed"])
            try await simulated.delete("Case", deleted)
            let org = try simulated.outbox()
            let found = try await org.cases([open, closed, deleted, try RecordID("500000000000999")])
            let byID = Dictionary(uniqueKeysWithValues: found.map { ($0.caseID, $0) })
            #expect(byID.count == 3)
            #expect(byID[open]?.facts.isClosed == false)
            #expect(byID[closed]?.facts.isClosed == true)
            #expect(byID[closed]?.isDeleted == false)
            #expect(byID[deleted]?.isDeleted == true)
            #expect(byID[deleted]?.facts.isClosed == true)
        }
    }

    // MARK: Occurrences

    @Test func `comments and e-mails are the changes that their rows tell`() async throws {
        try await SimulatedOrg.run { simulated in
            let support = try await simulated.queue("Support")
            let id = try await simulated.newCase(in: support)
            let name = JSONValue.string("\(id)")
            try await simulated.create("CaseComment", ["ParentId": name, "CommentBody": "hello", "IsPublished": false])
            try await simulated.create("EmailMessage", ["ParentId": name, "Incoming": true, "Status": "0"])
            try await simulated.create("EmailMessage", ["ParentId": name, "Incoming": false, "Status": "3"])
            try await simulated.create("EmailMessage", ["ParentId": name, "Incoming": false, "Status": "5"])
            let org = try simulated.outbox()
            let rows = try await org.newRows(after: nil, limit: 100)
            let since = try #require(rows.first?.occurredAt) - .seconds(60)
            let found = try await org.occurrences(of: [support], since: since)
            #expect(found == rows.filter(\.kind.isOccurrence))
            #expect(found.count == 3)
            #expect(try await org.occurrences(of: [support], since: since + .seconds(3_600)).isEmpty)
            #expect(try await org.occurrences(of: [try await simulated.queue("Billing")], since: since).isEmpty)
        }
    }

    @Test func `a comment whose row was never written has the version that its case had then`() async throws {
        try await SimulatedOrg.run { simulated in
            let support = try await simulated.queue("Support")
            let id = try await simulated.newCase(in: support)
            let other = try await simulated.newCase(in: support)
            let org = try simulated.outbox()
            let rows = try await org.newRows(after: nil, limit: 100)
            let created = try #require(rows.first { $0.caseID == id })
            try await simulated.faults(#"{"triggersOff":true}"#)
            let comment = try await simulated.create(
                "CaseComment", ["ParentId": .string("\(id)"), "CommentBody": "hello", "IsPublished": true])
            try await simulated.faults(#"{"triggersOff":false}"#)
            let found = try await org.occurrences(of: [support], since: created.occurredAt - .seconds(60))
            #expect(found.map(\.key) == ["n:\(comment)"])
            #expect(found.first?.version == created.version)
            #expect(found.first?.row == nil)
            #expect(found.first?.kind == .comment)
            #expect(found.first?.actor == (try await simulated.user()))
            #expect(other != id)
        }
    }

    @Test func `an answer of the owner by comment counts as a reply when published and not at all when internal`()
        async throws
    {
        try await SimulatedOrg.run { simulated in
            let agent = try await simulated.user()
            let id = try await simulated.newCase(in: agent)
            let name = JSONValue.string("\(id)")
            try await simulated.faults(#"{"triggersOff":true}"#)
            let reply = try await simulated.create(
                "CaseComment", ["ParentId": name, "CommentBody": "done", "IsPublished": true])
            try await simulated.create("CaseComment", ["ParentId": name, "CommentBody": "note", "IsPublished": false])
            let org = try simulated.outbox()
            let found = try await org.occurrences(of: [agent], since: Timestamp("2020-01-01T00:00:00Z")!)
            #expect(found.map(\.key) == ["n:\(reply)"])
            #expect(found.map(\.kind) == [.agentReplied])
        }
    }

    // MARK: Write-back

    @Test func `rows are marked, 200 a call, and are no longer new`() async throws {
        try await SimulatedOrg.run { simulated in
            let queue = try await simulated.queue("Support")
            try await simulated.newCases(250, in: queue)
            let org = try simulated.outbox()
            let rows = try await org.newRows(after: nil, limit: 2_000).compactMap(\.row)
            let results = try await org.markProcessed(rows)
            #expect(results == rows.map { RowResult(row: $0, failure: nil) })
            #expect(await org.callCounts()["update"] == 2)
            #expect(try await simulated.state()["rows"]?["Processed"]?.int == 250)
            #expect(try await org.newRows(after: nil, limit: 2_000).isEmpty)
        }
    }

    @Test func `every row has its own result: locked ones are tried again, vanished ones are done`() async throws {
        try await SimulatedOrg.run { simulated in
            let queue = try await simulated.queue("Support")
            try await simulated.newCases(4, in: queue)
            let org = try simulated.outbox()
            let rows = try await org.newRows(after: nil, limit: 2_000).compactMap(\.row)
            for (row, code) in [
                (rows[0], "UNABLE_TO_LOCK_ROW"), (rows[1], "ENTITY_IS_DELETED"),
                (rows[2], "INSUFFICIENT_ACCESS_OR_READONLY"),
            ] {
                try await simulated.control(
                    .post, "faults/rows", #"{"ids":["\#(row)"],"statusCode":"\#(code)","message":"no","count":1}"#)
            }
            let unknown = try RecordID("a0R000000000999")
            let results = try await org.markProcessed(rows + [unknown, rows[3]])
            #expect(results.map(\.row) == rows + [unknown])
            #expect(results.map { $0.failure?.kind } == [.transient, nil, .configuration, nil, nil])
            #expect(results[2].failure?.cause == .salesforceForbidden)
        }
    }

    @Test func `marking is repeated in a new session`() async throws {
        try await SimulatedOrg.run { simulated in
            let queue = try await simulated.queue("Support")
            try await simulated.newCases(1, in: queue)
            let org = try simulated.outbox()
            let rows = try await org.newRows(after: nil, limit: 2_000).compactMap(\.row)
            try await simulated.control(.post, "tokens/revoke")
            #expect(try await org.markProcessed(rows).allSatisfy { $0.failure == nil })
        }
    }
}
