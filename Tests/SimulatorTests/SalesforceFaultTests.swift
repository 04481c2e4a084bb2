import Foundation
import Testing

@testable import Simulators

@Suite struct SalesforceFaultTests {
    /// Creates three cases for a subscriber and returns the case sequence numbers in the order of arrival.
    private func sequences(_ org: SalesforceTestOrg, events: Int) async throws -> [Int] {
        let subscriber = try await SalesforceTestSubscriber(org)
        try await subscriber.connect()
        try await subscriber.subscribe()
        for _ in 0..<3 { _ = try await org.createCase() }
        return try await subscriber.events(events).compactMap { $0["data"]?["payload"]?["Sequence__c"]?.integer }
    }

    @Test func `a dropped event never comes, and its row is there`() async throws {
        try await SalesforceTestOrg.run { org in
            try await org.control("faults", #"{"dropEvents":1}"#)
            #expect(try await sequences(org, events: 2) == [2, 3])
            #expect(try await org.column("SELECT Id FROM Routing_Request__c", "Id").count == 3)
        }
    }

    @Test func `a duplicated event comes twice with the same replay id`() async throws {
        try await SalesforceTestOrg.run { org in
            try await org.control("faults", #"{"duplicateEvents":1}"#)
            #expect(try await sequences(org, events: 4) == [1, 1, 2, 3])
        }
    }

    @Test func `a reordered event comes after its successor`() async throws {
        try await SalesforceTestOrg.run { org in
            try await org.control("faults", #"{"reorderEvents":1}"#)
            #expect(try await sequences(org, events: 3) == [2, 1, 3])
        }
    }

    @Test func `a silent stream answers connects and keeps its events until it speaks again`() async throws {
        try await SalesforceTestOrg.run({ $0.connectHold = 0.3 }) { org in
            let subscriber = try await SalesforceTestSubscriber(org)
            try await subscriber.connect()
            try await subscriber.subscribe()
            try await org.control("faults", #"{"silent":true}"#)
            _ = try await org.createCase()
            let quiet = try await subscriber.connect()
            #expect(quiet.count == 1 && quiet[0]["successful"] == .bool(true))
            try await org.control("faults", #"{"silent":false}"#)
            #expect(try await subscriber.events(1).count == 1)
        }
    }

    @Test func `delayed events come late`() async throws {
        try await SalesforceTestOrg.run { org in
            let subscriber = try await SalesforceTestSubscriber(org)
            try await subscriber.connect()
            try await subscriber.subscribe()
            try await org.control("faults", #"{"eventDelay":0.6}"#)
            let start = ContinuousClock.now
            _ = try await org.createCase()
            #expect(try await subscriber.events(1).count == 1)
            #expect(ContinuousClock.now - start >= .milliseconds(590))
        }
    }

    @Test func `an event waits behind one that is delayed, also when nothing is delayed any more`() async throws {
        try await SalesforceTestOrg.run { org in
            let subscriber = try await SalesforceTestSubscriber(org)
            try await subscriber.connect()
            try await subscriber.subscribe()
            try await org.control("faults", #"{"eventDelay":1}"#)
            let start = ContinuousClock.now
            _ = try await org.createCase()
            try await org.control("faults", #"{"eventDelay":0}"#)
            _ = try await org.createCase()
            let events = try await subscriber.events(2)
            #expect(events.compactMap { $0["data"]?["payload"]?["Sequence__c"]?.integer } == [1, 2])
            #expect(ContinuousClock.now - start >= .milliseconds(990))
        }
    }

    @Test func `while the triggers are off no row is written, and the ledger says so`() async throws {
        try await SalesforceTestOrg.run { org in
            try await org.control("faults", #"{"triggersOff":true}"#)
            let id = try await org.createCase()
            _ = try await org.create("CaseComment", #"{"ParentId":"\#(id)","CommentBody":"x"}"#)
            try await org.control("faults", #"{"triggersOff":false}"#)
            try await org.update(id, #"{"Status":"Closed"}"#)
            #expect(try await org.changes(of: id) == ["closed"])
            let told = try org.ledger().filter { ["case", "comment"].contains($0["kind"]?.string) }
            #expect(told.map { $0["rowless"] == .bool(true) } == [true, true, false])
        }
    }

    @Test func `clients become unknown after so many connects`() async throws {
        try await SalesforceTestOrg.run { org in
            try await org.control("faults", #"{"unknownClientAfterConnects":2}"#)
            let subscriber = try await SalesforceTestSubscriber(org)
            #expect(try await subscriber.connect(timeout: 0).first?["successful"] == .bool(true))
            #expect(try await subscriber.connect(timeout: 0).first?["successful"] == .bool(true))
            #expect(try await subscriber.connect(timeout: 0).first?["error"] == .string("403::Unknown client"))
            #expect(try await SalesforceTestSubscriber(org).connect().first?["successful"] == .bool(true))
        }
    }

    @Test func `daily limit, a busy server and a disconnect by the server are told to the stream's clients`()
        async throws
    {
        try await SalesforceTestOrg.run { org in
            let subscriber = try await SalesforceTestSubscriber(org)
            try await org.control("faults", #"{"dailyLimit":true}"#)
            #expect(
                try await subscriber.connect().first?["error"]
                    == .string("403::Organization total events daily limit exceeded"))
            try await org.control("faults", #"{"dailyLimit":false,"busy":1}"#)
            let busy = try await subscriber.connect().first
            #expect(busy?["error"]?.string?.hasPrefix("503::") == true)
            #expect(busy?["ext"]?["sfdc"]?["failureReason"]?.string?.hasPrefix("503::Server is too busy") == true)
            #expect(try await subscriber.connect().first?["successful"] == .bool(true))
            try await org.control("sessions/disconnect")
            #expect(try await subscriber.connect().first?["channel"] == .string("/meta/disconnect"))
            #expect(try await subscriber.connect().first?["error"] == .string("403::Unknown client"))
        }
    }

    @Test func `REST calls fail as often as asked, before or after their effect`() async throws {
        try await SalesforceTestOrg.run { org in
            try await org.control(
                "faults/rest",
                #"{"method":"POST","path":"/sobjects/Case","status":503,"errorCode":"SERVER_UNAVAILABLE","count":2}"#)
            for _ in 0..<2 {
                let answer = try await org.rest("POST", "/sobjects/Case", "{}")
                #expect(answer.status == 503)
                #expect(answer.errorCode == "SERVER_UNAVAILABLE")
            }
            #expect(try await org.state()["cases"]?.array?.isEmpty == true)
            try await org.control("faults/rest", #"{"path":"/sobjects/Case","status":500,"afterEffect":true}"#)
            #expect(try await org.rest("POST", "/sobjects/Case", "{}").status == 500)
            #expect(try await org.state()["cases"]?.array?.count == 1)
            #expect(try await org.rest("POST", "/sobjects/Case", "{}").status == 201)
        }
    }

    @Test func `a delayed call is answered late`() async throws {
        try await SalesforceTestOrg.run { org in
            try await org.control("faults/rest", #"{"path":"/limits","delay":5}"#)
            let start = ContinuousClock.now
            #expect(try await org.rest("GET", "/limits").status == 200)
            #expect(ContinuousClock.now - start >= .milliseconds(4_990))
            let again = ContinuousClock.now
            #expect(try await org.rest("GET", "/limits").status == 200)
            #expect(ContinuousClock.now - again < .milliseconds(4_900))
        }
    }

    @Test func `single rows of a collection fail while their neighbours are written`() async throws {
        try await SalesforceTestOrg.run { org in
            let ids = [try await org.createCase(), try await org.createCase()]
            try await org.control("faults/rows", #"{"ids":["\#(ids[0])"],"count":1}"#)
            let body = ids.map { #"{"attributes":{"type":"Case"},"id":"\#($0)","Status":"Closed"}"# }
            let records = #"{"records":[\#(body.joined(separator: ","))]}"#
            let rows = try #require(try await org.rest("PATCH", "/composite/sobjects", records).json.array)
            #expect(rows[0]["errors"]?.array?.first?["statusCode"] == .string("UNABLE_TO_LOCK_ROW"))
            #expect(rows[1]["success"] == .bool(true))
            let again = try await org.rest("PATCH", "/composite/sobjects", records)
            #expect(again.json.array?[0]["success"] == .bool(true))
        }
    }

    @Test func `a response is cut in its middle, and the call was carried out`() async throws {
        try await SalesforceTestOrg.run { org in
            for beforeStatus in [false, true] {
                try await org.control(
                    "faults/drop", #"{"path":"/sobjects/Case","after":5,"beforeStatus":\#(beforeStatus)}"#)
                let socket = try SalesforceTestSocket(org: org)
                try socket.send(#"{"Subject":"x"}"#, to: "/services/data/v62.0/sobjects/Case")
                let failure = await #expect(throws: SalesforceTestSocket.Failed.self) { try await socket.receive() }
                let received = try #require(failure?.received)
                #expect(received.isEmpty == beforeStatus, "\(received)")
                #expect(!received.contains("success"))
            }
            #expect(try await org.state()["cases"]?.array?.count == 2)
        }
    }

    @Test func `the daily quota of requests refuses calls, and every answer tells what is used`() async throws {
        try await SalesforceTestOrg.run { org in
            try await org.control("limits", #"{"used":10,"maximum":11}"#)
            let last = try await org.rest("GET", "/limits")
            #expect(last.headers["sforce-limit-info"] == "api-usage=11/11")
            let refused = try await org.rest("GET", "/limits")
            #expect(refused.status == 403)
            #expect(refused.errorCode == "REQUEST_LIMIT_EXCEEDED")
            let browser = ["Sforce-Call-Options": "client=browser"]
            let clicked = try await org.send("GET", "/services/data/v62.0/limits", headers: browser)
            #expect(clicked.status == 200)
            #expect(clicked.headers["sforce-limit-info"] == "api-usage=12/11")
        }
    }

    @Test func `the org's clock can be wrong`() async throws {
        try await SalesforceTestOrg.run { org in
            try await org.control("clock", #"{"offset":-86400}"#)
            let id = try await org.createCase()
            let created = try await org.column("SELECT CreatedDate FROM Case WHERE Id = '\(id)'", "CreatedDate")
            let time = try #require(created.first?.string.flatMap(SalesforceTime.parse))
            let behind = Date().timeIntervalSince1970 - Double(time) / 1000
            #expect(behind > 86_000 && behind < 87_000)
            let format = DateFormatter()
            format.locale = Locale(identifier: "en_US_POSIX")
            format.timeZone = TimeZone(identifier: "GMT")
            format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
            let said = try #require(try await org.rest("GET", "/limits").headers["date"])
            let date = try #require(format.date(from: said))
            #expect(abs(date.timeIntervalSinceNow + 86_400) < 60)
            #expect(format.string(from: date) == said)
        }
    }

    @Test func `queues and users can be added`() async throws {
        try await SalesforceTestOrg.run { org in
            let queue = try await org.control("queues", #"{"name":"Returns"}"#)["id"]
            let user = try await org.control("users", #"{"username":"bob@example.com"}"#)["id"]
            #expect(try await org.queue("Returns") == queue?.string)
            #expect(try await org.user("bob@example.com") == user?.string)
        }
    }

    @Test func `a reset takes the org back to its start, and unknown faults are refused`() async throws {
        try await SalesforceTestOrg.run { org in
            _ = try await org.createCase()
            let wrong = try await org.send("POST", "/control/faults", #"{"dropEvnts":1}"#)
            #expect(wrong.status == 400)
            try await org.control("faults", #"{"silent":true}"#)
            try await org.control("reset")
            let state = try await org.state()
            #expect(state["cases"]?.array?.isEmpty == true)
            #expect(state["queues"]?["Support"]?.string?.hasPrefix("00G") == true)
            #expect(try await org.send("GET", "/control/faults").json["silent"] == .bool(false))
            #expect(try await org.rest("GET", "/limits").status == 401)
        }
    }
}
