import Testing

@testable import Simulators

@Suite struct SalesforceQueryTests {
    @Test func `conditions select what they say`() async throws {
        try await SalesforceTestOrg.run { org in
            let billing = try await org.queue("Billing")
            for (subject, status, skills) in [
                ("alpha", "New", "English"), ("beta", "Closed", ""), ("Gamma_1", "Working", "German"),
                ("O'Neil \\\\ 50%", "New", "French"),
            ] {
                _ = try await org.create(
                    "Case",
                    #"{"Subject":"\#(subject)","Status":"\#(status)","ObjectRouting_Skills__c":"\#(skills)","OwnerId":"\#(billing)"}"#
                )
            }
            let odd = "O'Neil \\ 50%"
            for (condition, expected) in [
                ("Subject = 'alpha'", ["alpha"]), ("Subject = 'ALPHA'", ["alpha"]),
                ("IsClosed = true", ["beta"]), ("IsClosed = false AND Status != 'New'", ["Gamma_1"]),
                ("ObjectRouting_Skills__c = null", ["beta"]),
                ("ObjectRouting_Skills__c != null", ["alpha", "Gamma_1", odd]),
                ("Status IN ('Closed', 'Working')", ["beta", "Gamma_1"]),
                ("Status NOT IN ('New')", ["beta", "Gamma_1"]),
                ("NOT (Status = 'New')", ["beta", "Gamma_1"]),
                ("Subject = 'alpha' OR (Subject = 'beta' AND IsClosed = true)", ["alpha", "beta"]),
                ("Subject LIKE '%a'", ["alpha", "beta"]), ("Subject LIKE 'g_mma%'", ["Gamma_1"]),
                (#"Subject LIKE '%\_1'"#, ["Gamma_1"]), (#"Subject LIKE '%\_a'"#, []),
                (#"Subject = 'O\'Neil \\ 50%'"#, [odd]), (#"Subject = '\u0061lpha'"#, ["alpha"]),
                ("Subject > 'alpha' AND Subject < 'c'", ["beta"]), ("CaseNumber >= '00001002'", ["Gamma_1", odd]),
                (
                    "OwnerId IN (SELECT QueueId FROM QueueSobject WHERE SobjectType = 'Case') AND Subject = 'beta'",
                    ["beta"]
                ),
                ("OwnerId = '\(billing.prefix(15))'", ["alpha", "beta", "Gamma_1", odd]),
                ("Owner.Name = 'Billing' AND Owner.Type = 'Queue' AND IsClosed = true", ["beta"]),
                ("CreatedDate > 2020-01-01T00:00:00Z", ["alpha", "beta", "Gamma_1", odd]),
                ("SystemModstamp <= 2020-01-01T00:00:00.000+0000", []), ("CreatedDate < 2020-01-01T00:00:00+01:00", []),
            ] {
                let found = try await org.column("SELECT Subject FROM Case WHERE \(condition) ORDER BY Id", "Subject")
                #expect(found.compactMap(\.string) == expected, "\(condition)")
            }
        }
    }

    @Test func `order, limit, offset and counts`() async throws {
        try await SalesforceTestOrg.run { org in
            for (subject, priority) in [("a", "High"), ("b", "Low"), ("c", "High"), ("d", "")] {
                _ = try await org.create(
                    "Case", #"{"Subject":"\#(subject)","Priority":\#(priority.isEmpty ? "null" : "\"\(priority)\"")}"#)
            }
            for (suffix, expected) in [
                ("ORDER BY Subject DESC", "dcba"), ("ORDER BY Priority ASC NULLS LAST, Subject DESC", "cabd"),
                ("ORDER BY Priority, Subject LIMIT 2", "da"), ("ORDER BY Id LIMIT 2 OFFSET 1", "bc"),
                ("ORDER BY Id DESC LIMIT 1", "d"),
            ] {
                let found = try await org.column("SELECT Subject FROM Case \(suffix)", "Subject")
                #expect(found.compactMap(\.string).joined() == expected, "\(suffix)")
            }
            let count = try await org.query("SELECT COUNT() FROM Case WHERE Priority = 'High'").json
            #expect(count["totalSize"] == .number(2))
            #expect(count["records"] == .array([]))
            let aggregate = try await org.query("SELECT COUNT(Id) n, COUNT(Priority) FROM Case").json["records"]
            #expect(aggregate?.array?.first?["n"] == .number(4))
            #expect(aggregate?.array?.first?["expr1"] == .number(3))
        }
    }

    @Test func `broken queries are refused with the code that names what is wrong`() async throws {
        try await SalesforceTestOrg.run { org in
            for (query, code) in [
                ("SELECT FROM Case", "MALFORMED_QUERY"), ("SELECT Id FROM Case WHERE", "MALFORMED_QUERY"),
                ("SELECT Id FROM Case WHERE Subject = 'open", "MALFORMED_QUERY"),
                (#"SELECT Id FROM Case WHERE Subject = '\q'"#, "MALFORMED_QUERY"),
                ("SELECT Id FROM Case LIMIT many", "MALFORMED_QUERY"), ("DELETE FROM Case", "MALFORMED_QUERY"),
                ("SELECT Id FROM Case; DROP TABLE Case", "MALFORMED_QUERY"), ("SELECT Nope FROM Case", "INVALID_FIELD"),
                ("SELECT Id FROM Nope", "INVALID_TYPE"),
                ("SELECT Id FROM Case WHERE CreatedDate = 'x'", "INVALID_FIELD"),
                ("SELECT Id FROM Case WHERE Subject = 5", "INVALID_FIELD"),
                ("SELECT Id FROM Case WHERE OwnerId = 'nonsense'", "INVALID_QUERY_FILTER_OPERATOR"),
            ] {
                let answer = try await org.query(query)
                #expect(answer.status == 400, "\(query)")
                #expect(answer.errorCode == code, "\(query): \(answer.json)")
            }
        }
    }

    @Test func `long results come in pages, and a locator that is none is refused`() async throws {
        try await SalesforceTestOrg.run { org in
            for page in 0..<3 {
                let records = (0..<200).map { #"{"attributes":{"type":"Account"},"Name":"\#(page * 200 + $0)"}"# }
                _ = try await org.rest(
                    "POST", "/composite/sobjects", #"{"records":[\#(records.joined(separator: ","))]}"#)
            }
            let query = "/services/data/v62.0/query?q=SELECT+Name+FROM+Account"
            var answer = try await org.send("GET", query, headers: ["Sforce-Query-Options": "batchSize=250"]).json
            #expect(answer["totalSize"] == .number(600))
            #expect(answer["done"] == .bool(false))
            var names = answer["records"]?.array?.compactMap { $0["Name"]?.string } ?? []
            #expect(names.count == 250)
            while let next = answer["nextRecordsUrl"]?.string {
                answer = try await org.send("GET", next).json
                names += answer["records"]?.array?.compactMap { $0["Name"]?.string } ?? []
            }
            #expect(names == (0..<600).map(String.init))
            let lost = try await org.rest("GET", "/query/01gnothing-2000")
            #expect(lost.errorCode == "INVALID_QUERY_LOCATOR")
        }
    }

    @Test func `a URI longer than Salesforce reads is refused`() async throws {
        try await SalesforceTestOrg.run { org in
            let fits = try await org.query(
                "SELECT Id FROM Case WHERE Subject = '\(String(repeating: "a", count: 15_000))'")
            #expect(fits.status == 200)
            let long = try await org.query(
                "SELECT Id FROM Case WHERE Subject = '\(String(repeating: "a", count: 16_384))'")
            #expect(long.status == 414)
        }
    }
}
