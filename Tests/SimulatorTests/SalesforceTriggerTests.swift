import Testing

@testable import Simulators

@Suite struct SalesforceTriggerTests {
    @Test func `a created case writes one row with its state and one event that carries the same`() async throws {
        try await SalesforceTestOrg.run { org in
            let subscriber = try await SalesforceTestSubscriber(org)
            try await subscriber.connect()
            try await subscriber.subscribe()
            let queue = try await org.queue("Support")
            let id = try await org.createCase(in: queue, skills: "English;German")
            let row = try #require(
                try await org.query(
                    """
                    SELECT Id, Name, Sequence__c, Case_Id__c, Case_Number__c, Change__c, Record_Id__c, Owner_Id__c, \
                    Previous_Owner_Id__c, Closed__c, Skills__c, Priority__c, Actor_Id__c, Status__c, CreatedDate \
                    FROM Routing_Request__c
                    """
                ).json["records"]?.array?.first)
            #expect(row["Sequence__c"] == .string("1"))
            #expect(row["Change__c"] == .string("created"))
            #expect(row["Case_Id__c"] == .string(id))
            #expect(row["Owner_Id__c"] == .string(queue))
            #expect(row["Skills__c"] == .string("English;German"))
            #expect(row["Status__c"] == .string("New"))
            #expect(row["Previous_Owner_Id__c"] == .null)
            #expect(row["CreatedDate"]?.string?.hasSuffix(".000+0000") == true)
            let event = try #require(try await subscriber.events(1).first)
            let payload = try #require(event["data"]?["payload"])
            #expect(payload["Row_Id__c"] == row["Id"])
            #expect(payload["Sequence__c"] == .number(1))
            #expect(payload["Row_Created__c"]?.string?.hasSuffix(".000Z") == true)
            for field in ["Case_Id__c", "Case_Number__c", "Change__c", "Owner_Id__c", "Skills__c", "Actor_Id__c"] {
                #expect(payload[field] == row[field], "\(field)")
            }
            #expect(payload["Status__c"] == nil)
        }
    }

    @Test func `every kind of change of a case has its own name, and the most significant one is taken`() async throws {
        try await SalesforceTestOrg.run { org in
            let support = try await org.queue("Support")
            let billing = try await org.queue("Billing")
            let ann = try await org.user("ann@example.com")
            let id = try await org.createCase(in: support)
            try await org.update(id, #"{"Subject":"nothing that routing asks"}"#)
            try await org.update(id, #"{"OwnerId":"\#(billing)"}"#)
            try await org.update(id, #"{"OwnerId":"\#(ann)","ObjectRouting_Skills__c":"French"}"#)
            try await org.update(id, #"{"ObjectRouting_Skills__c":"Italian"}"#)
            try await org.update(id, #"{"Status":"Closed","OwnerId":"\#(support)"}"#)
            try await org.update(id, #"{"Status":"New"}"#)
            _ = try await org.rest("DELETE", "/sobjects/Case/\(id)")
            #expect(
                try await org.changes(of: id) == [
                    "created", "queue-changed", "owner-changed", "skills-changed", "closed", "reopened", "deleted",
                ])
            let previous = try await org.column(
                "SELECT Previous_Owner_Id__c FROM Routing_Request__c WHERE Change__c = 'closed'",
                "Previous_Owner_Id__c")
            #expect(previous == [.string(ann)])
            try await org.control("undelete", #"{"id":"\#(id)"}"#)
            #expect(try await org.changes(of: id).last == "reopened")
        }
    }

    @Test func `comments go to the bin with their case and come back with it`() async throws {
        try await SalesforceTestOrg.run { org in
            let id = try await org.createCase()
            _ = try await org.create("CaseComment", #"{"ParentId":"\#(id)","CommentBody":"x"}"#)
            let comments = "SELECT Id FROM CaseComment WHERE ParentId = '\(id)'"
            #expect(try await org.rest("DELETE", "/sobjects/Case/\(id)").status == 204)
            #expect(try await org.column(comments, "Id").isEmpty)
            try await org.control("undelete", #"{"id":"\#(id)"}"#)
            #expect(try await org.column(comments, "Id").count == 1)
        }
    }

    @Test func `a merge deletes the losers, and their rows say merged`() async throws {
        try await SalesforceTestOrg.run { org in
            let master = try await org.createCase()
            let loser = try await org.createCase()
            try await org.control("merge", #"{"master":"\#(master)","losers":["\#(loser)"]}"#)
            #expect(try await org.changes(of: loser) == ["created", "merged"])
            #expect(try await org.changes(of: master) == ["created"])
            let found = try await org.query(
                "SELECT MasterRecordId FROM Case WHERE IsDeleted = true AND Id = '\(loser)'", all: true)
            #expect(found.json["records"]?.array?.first?["MasterRecordId"] == .string(master))
        }
    }

    @Test func `comments and e-mails are told apart by who wrote them and whether they reach the customer`()
        async throws
    {
        try await SalesforceTestOrg.run { org in
            let integration = try await org.user("integration@example.com")
            let id = try await org.createCase()
            let comment = try await org.create("CaseComment", #"{"ParentId":"\#(id)","CommentBody":"by another"}"#)
            try await org.update(id, #"{"OwnerId":"\#(integration)"}"#)
            _ = try await org.create("CaseComment", #"{"ParentId":"\#(id)","CommentBody":"own note"}"#)
            let note = try await org.create(
                "CaseComment", #"{"ParentId":"\#(id)","CommentBody":"own reply","IsPublished":true}"#)
            let received = try await org.create("EmailMessage", #"{"ParentId":"\#(id)","Incoming":true}"#)
            let draft = try await org.create(
                "EmailMessage", #"{"ParentId":"\#(id)","Incoming":false,"Status":"5"}"#)
            let sent = try await org.create(
                "EmailMessage", #"{"ParentId":"\#(id)","Incoming":false,"Status":"3"}"#)
            _ = try await org.rest("PATCH", "/sobjects/EmailMessage/\(draft)", #"{"Status":"3"}"#)
            #expect(
                try await org.changes(of: id) == [
                    "created", "comment", "owner-changed", "agent-replied", "email-received", "agent-replied",
                    "agent-replied",
                ])
            let records = try await org.column(
                "SELECT Record_Id__c FROM Routing_Request__c WHERE Record_Id__c != null ORDER BY Id", "Record_Id__c")
            #expect(records.compactMap(\.string) == [comment, note, received, sent, draft])
        }
    }

    @Test func `marking rows as processed fires nothing and is in the ledger`() async throws {
        try await SalesforceTestOrg.run { org in
            let subscriber = try await SalesforceTestSubscriber(org)
            try await subscriber.connect()
            _ = try await org.createCase()
            try await subscriber.subscribe()
            let row = try #require(try await org.column("SELECT Id FROM Routing_Request__c", "Id").first?.string)
            let answer = try await org.rest(
                "PATCH", "/composite/sobjects",
                #"{"records":[{"attributes":{"type":"Routing_Request__c"},"id":"\#(row)","Status__c":"Processed"}]}"#)
            #expect(answer.json.array?.first?["success"] == .bool(true))
            #expect(try await org.state()["rows"]?["Processed"] == .number(1))
            #expect(try await subscriber.connect(timeout: 0).count == 1)
            let marks = try org.ledger().filter { $0["kind"] == .string("row-status") }
            #expect(marks.map { $0["row"] } == [.string(row)])
        }
    }

    @Test func `one call that changes many cases writes one row for each`() async throws {
        try await SalesforceTestOrg.run { org in
            let queue = try await org.queue("Support")
            let records = (0..<200).map {
                #"{"attributes":{"type":"Case"},"Subject":"\#($0)","OwnerId":"\#(queue)"}"#
            }
            let answer = try await org.rest(
                "POST", "/composite/sobjects", #"{"records":[\#(records.joined(separator: ","))]}"#)
            let ids = Set(try #require(answer.json.array).compactMap { $0["id"]?.string })
            #expect(ids.count == 200)
            let rows = try await org.column("SELECT Case_Id__c FROM Routing_Request__c", "Case_Id__c")
            #expect(rows.count == 200)
            #expect(Set(rows.compactMap(\.string)) == ids)
        }
    }

    @Test func `without triggers cases change and no row is written`() async throws {
        try await SalesforceTestOrg.run { org in
            try await org.control("faults", #"{"triggersOff":true}"#)
            let id = try await org.createCase()
            #expect(try await org.changes(of: id).isEmpty)
            #expect(try org.ledger().contains { $0["kind"] == .string("case") && $0["case"] == .string(id) })
        }
    }
}
