import Foundation
import Testing

@testable import Simulators

@Suite struct SalesforceRecordTests {
    @Test(arguments: [
        ("001D000000IqhSL", "IAZ"), ("001D000000KnaXj", "IAJ"), ("005xx000001TT96", "AAG"), ("00Uxx000000fvRQ", "EAY"),
        ("000000000000000", "AAA"),
    ])
    func `ids get the check characters of published pairs`(short: String, check: String) {
        #expect(SalesforceID.normalized(short) == short + check)
    }

    @Test func `ids rise in byte order with their number`() {
        let numbers = [1, 9, 10, 35, 36, 61, 62, 3843, 3844, 1_000_000]
        let ids = numbers.map { SalesforceID.make(prefix: "500", instance: "Wa", number: $0) }
        #expect(Set(ids).count == numbers.count)
        for (left, right) in zip(ids, ids.dropFirst()) { #expect(SOQLCompare.bytes(left, right) < 0) }
        #expect(ids.allSatisfy { SalesforceID.normalized(String($0.prefix(15))) == $0 })
    }

    @Test(arguments: [
        ("2026-11-20T19:05:28Z", "2026-11-20T19:05:28.000+0000"), ("2024-02-29", "2024-02-29T00:00:00.000+0000"),
        ("2026-11-20T19:05:28.334+0130", "2026-11-20T17:35:28.334+0000"),
        ("1969-12-31T23:59:59Z", "1969-12-31T23:59:59.000+0000"),
    ])
    func `times are read and written`(text: String, written: String) {
        #expect(SalesforceTime.parse(text).map(SalesforceTime.rest) == written)
    }

    @Test(arguments: ["2026-13-01", "2026-11-20T25:00:00Z", "today", "2026-11-20T19:05:28+1", ""])
    func `what is no time is refused`(text: String) {
        #expect(SalesforceTime.parse(text) == nil)
    }

    @Test func `one record is created, read, changed and deleted`() async throws {
        try await SalesforceTestOrg.run { org in
            let id = try await org.create("Case", #"{"Subject":"ä\u00df\n\"x\"","Priority":"High"}"#)
            let read = try await org.rest("GET", "/sobjects/Case/\(id)?fields=Subject,CaseNumber,IsClosed")
            #expect(read.json["Subject"] == .string("äß\n\"x\""))
            #expect(read.json["CaseNumber"] == .string("00001000"))
            #expect(read.json["attributes"]?["type"] == .string("Case"))
            #expect(try await org.rest("PATCH", "/sobjects/Case/\(id)", #"{"Status":"Closed"}"#).status == 204)
            #expect(try await org.rest("GET", "/sobjects/Case/\(id)").json["IsClosed"] == .bool(true))
            #expect(try await org.rest("DELETE", "/sobjects/Case/\(id)").status == 204)
            #expect(try await org.rest("GET", "/sobjects/Case/\(id)").status == 404)
            #expect(try await org.rest("DELETE", "/sobjects/Case/\(id)").errorCode == "ENTITY_IS_DELETED")
        }
    }

    @Test func `writes that Salesforce would refuse are refused with its codes`() async throws {
        try await SalesforceTestOrg.run { org in
            for (type, body, code) in [
                ("Case", #"{"Nope":1}"#, "INVALID_FIELD"),
                ("Case", #"{"CaseNumber":"1"}"#, "INVALID_FIELD_FOR_INSERT_UPDATE"),
                ("Case", #"{"OwnerId":"x"}"#, "MALFORMED_ID"),
                ("Case", #"{"OwnerId":"00GWa0000000099"}"#, "INVALID_CROSS_REFERENCE_KEY"),
                ("Case", #"{"Subject":5}"#, "JSON_PARSER_ERROR"), ("Case", "nonsense", "JSON_PARSER_ERROR"),
                ("Case", #"{"ObjectRouting_Skills__c":"\#(String(repeating: "x", count: 256))"}"#, "STRING_TOO_LONG"),
                ("CaseComment", "{}", "REQUIRED_FIELD_MISSING"),
            ] {
                let answer = try await org.rest("POST", "/sobjects/\(type)", body)
                #expect(answer.status == 400)
                #expect(answer.errorCode == code, "\(body)")
            }
            #expect(try await org.rest("POST", "/sobjects/Nope", "{}").status == 404)
            #expect(try await org.rest("PUT", "/sobjects/Case", "{}").status == 405)
            #expect(try await org.send("GET", "/services/data/v30.0/limits").status == 410)
            #expect(try await org.state()["cases"]?.array?.isEmpty == true)
        }
    }

    @Test func `a collection keeps its order, and all or none means it`() async throws {
        try await SalesforceTestOrg.run { org in
            let good = #"{"attributes":{"type":"Case"},"Subject":"good"}"#
            let bad = #"{"attributes":{"type":"Case"},"Nope":"bad"}"#
            let mixed = try await org.rest("POST", "/composite/sobjects", #"{"records":[\#(good),\#(bad),\#(good)]}"#)
            #expect(mixed.status == 200)
            #expect(mixed.json.array?.map { $0["success"]?.bool } == [true, false, true])
            let none = try await org.rest(
                "POST", "/composite/sobjects", #"{"allOrNone":true,"records":[\#(good),\#(bad)]}"#)
            #expect(none.json.array?.map { $0["success"]?.bool } == [false, false])
            #expect(
                none.json.array?[0]["errors"]?.array?.first?["statusCode"]
                    == .string("ALL_OR_NONE_OPERATION_ROLLED_BACK"))
            let ids = mixed.json.array?.compactMap { $0["id"]?.string } ?? []
            let read = try await org.rest(
                "GET", "/composite/sobjects/Case?ids=\(ids.joined(separator: ",")),500Wa0000000099&fields=Subject")
            #expect(read.json.array?.map { $0["Subject"]?.string } == ["good", "good", nil])
            let many = Array(repeating: good, count: 201).joined(separator: ",")
            #expect(try await org.rest("POST", "/composite/sobjects", #"{"records":[\#(many)]}"#).status == 400)
            let gone = try await org.rest("DELETE", "/composite/sobjects?ids=\(ids.joined(separator: ","))")
            #expect(gone.json.array?.map { $0["success"]?.bool } == [true, true])
            #expect(try await org.query("SELECT COUNT() FROM Case").json["totalSize"] == .number(0))
        }
    }

    @Test func `composite requests refer to the results of earlier ones`() async throws {
        try await SalesforceTestOrg.run { org in
            let answer = try await org.rest(
                "POST", "/composite",
                #"""
                {"compositeRequest":[
                {"method":"POST","url":"/services/data/v62.0/sobjects/Case","referenceId":"made","body":{"Subject":"x"}},
                {"method":"POST","url":"/services/data/v62.0/sobjects/CaseComment","referenceId":"said",
                 "body":{"ParentId":"@{made.id}","CommentBody":"y"}},
                {"method":"GET","url":"/services/data/v62.0/sobjects/Case/@{made.id}?fields=Subject","referenceId":"read"}]}
                """#)
            let parts = try #require(answer.json["compositeResponse"]?.array)
            #expect(parts.map { $0["httpStatusCode"]?.integer } == [201, 201, 200])
            #expect(parts[2]["body"]?["Subject"] == .string("x"))
            let batch = try await org.rest("POST", "/composite/batch", #"{"batchRequests":[]}"#)
            #expect(batch.status == 404 && batch.errorCode == "NOT_FOUND")
        }
    }

    @Test func `the ledger tells of effects before anybody can see them, without a gap`() async throws {
        try await SalesforceTestOrg.run { org in
            let id = try await org.createCase()
            let lines = try org.ledger()
            #expect(lines.compactMap { $0["n"]?.integer } == Array(1...lines.count))
            let kinds = lines.filter { $0["case"] == .string(id) }.compactMap { $0["kind"]?.string }
            #expect(kinds == ["case", "row"])
            let row = try #require(lines.first { $0["kind"] == .string("row") }?["row"])
            #expect(lines.contains { $0["kind"] == .string("event") && $0["row"] == row })
            let times = lines.compactMap { $0["at"]?.number }
            #expect(times == times.sorted())
        }
    }

    @Test func `two orgs of one process share nothing`() async throws {
        try await SalesforceTestOrg.run({ configuration in
            var south = SalesforceSimulatorConfiguration.Org(name: "south", organizationID: "00Dxx0000002gPL")
            south.queues = ["Support"]
            configuration.orgs.append(south)
        }) { north in
            let south = SalesforceTestOrg(
                port: try #require(north.ports["south"]), token: north.token, ledgerPath: north.ledgerPath)
            #expect(try await south.rest("GET", "/limits").status == 401)
            #expect(try await south.state()["organizationId"] == .string("00Dxx0000002gPLEAY"))
            let theirs = try await south.queue("Support")
            let ours = try await north.queue("Support")
            #expect(theirs != ours)
            _ = try await north.createCase()
            #expect(try await south.state()["cases"]?.array?.isEmpty == true)
        }
    }

    @Test func `an organisation id that is none stops the simulator before it serves`() {
        let org = SalesforceSimulatorConfiguration.Org(name: "north", organizationID: "005xx000001TT96")
        #expect(throws: SalesforceConfigurationError.self) {
            try SalesforceSimulator(SalesforceSimulatorConfiguration(orgs: [org]))
        }
    }

    @Test func `a configuration file needs to name only what differs`() throws {
        let json = #"{"orgs":[{"name":"a","organizationID":"00Dxx0000001gPL","legacy":{"topic":"T"}}],"https":true}"#
        let configuration = try JSONDecoder().decode(
            SalesforceSimulatorConfiguration.self, from: Data(json.utf8))
        #expect(configuration.https && configuration.connectHold == 110)
        #expect(configuration.orgs[0].clientID == "case-router")
        #expect(configuration.orgs[0].legacy?.topic == "T")
        #expect(configuration.orgs[0].legacy?.caseID == "Case__c")
    }
}
