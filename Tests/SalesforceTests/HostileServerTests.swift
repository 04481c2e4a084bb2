import CaseRouting
import Foundation
import HTTPClient
import JSON
import Logging
import Testing

@testable import Salesforce

/// Answers that Salesforce would never give, and a proxy or an attacker might.
@Suite struct HostileServerTests {
    private static let token = "00D0000000000001!a.secret.token"

    /// Runs a test against a server that logs in well, unless told otherwise, and answers the rest as the script says.
    private func run(
        login: String? = nil, _ script: @escaping @Sendable (ScriptedServer.Request) -> ScriptedServer.Reply,
        _ test: (OutboxOrg, ScriptedServer) async throws -> Void
    ) async throws {
        try await withTransport { transport in
            let server = try ScriptedServer { request in
                guard request.path == "/services/oauth2/token" else { return script(request) }
                let identity = "https://login.salesforce.com/id/\(SimulatedOrg.organizationID)/005000000000001AAA"
                return .answer(
                    200,
                    login
                        ?? #"{"access_token":"\#(Self.token)","instance_url":"http://127.0.0.1:\#(request.port)","id":"\#(identity)"}"#
                )
            }
            defer { server.close() }
            let settings = try SalesforceSettings(
                org: "acme", organizationID: RecordID(SimulatedOrg.organizationID),
                loginURL: "http://127.0.0.1:\(server.port)", flow: .clientCredentials,
                credentials: Array(#"{"client_id":"a","client_secret":"top-secret"}"#.utf8))
            try await test(OutboxOrg(settings: settings, transport: transport, logger: Logger(label: "test")), server)
        }
    }

    /// A Bayeux session in which everything goes well until the first connect that may wait.
    private static func bayeux(
        _ request: ScriptedServer.Request, later: ScriptedServer.Reply
    ) -> ScriptedServer.Reply {
        if request.body.contains("/meta/handshake") {
            return .answer(
                200,
                #"[{"channel":"/meta/handshake","clientId":"c1","successful":true,"ext":{"replay":true},"id":"1"}]"#)
        }
        if request.body.contains("/meta/subscribe") {
            return .answer(200, #"[{"channel":"/meta/subscribe","successful":true,"subscription":"x"}]"#)
        }
        if request.body.contains("/meta/disconnect") || request.body.contains(#""timeout":0"#) {
            let channel = request.body.contains("/meta/disconnect") ? "disconnect" : "connect"
            return .answer(
                200,
                #"[{"channel":"/meta/\#(channel)","successful":true,"advice":{"reconnect":"retry","interval":0,"timeout":200}}]"#
            )
        }
        return later
    }

    @Test(arguments: [
        "", "<html>", "{}", #"{"access_token":"x"}"#,
        #"{"access_token":"a b","instance_url":"http://127.0.0.1","id":"/id/00D000000000001EAA/005000000000001AAA"}"#,
        #"{"access_token":"x","instance_url":"http://user@evil/","id":"/id/00D000000000001EAA/005000000000001AAA"}"#,
        #"{"access_token":"x","instance_url":"http://127.0.0.1","id":"nonsense"}"#,
    ])
    func `a login answer that is none opens no session`(_ answer: String) async throws {
        try await run(login: answer, { _ in .answer(500, "") }) { org, _ in
            let failed = await failure { try await org.logIn() }
            #expect(failed?.kind == .transient)
            #expect(failed?.cause == .salesforceError)
        }
    }

    @Test(arguments: [
        "", "null", "[]", "{", #"{"records":[{}],"done":false}"#, #"{"done":true}"#, #"{"records":{}}"#,
        #"{"records":[{"Id":"a"}],"done":false,"nextRecordsUrl":"http://evil/"}"#,
        #"{"records":[{"Id":"a"}],"done":false,"nextRecordsUrl":"//evil/services/data/"}"#,
        #"{"records":[],"done":false,"nextRecordsUrl":"/services/data/v62.0/query/01g-2000"}"#,
        String(repeating: "[", count: 100_000),
    ])
    func `a query answer that is none fails the query`(_ answer: String) async throws {
        try await run({ _ in .answer(200, answer) }) { org, server in
            let failed = await failure { try await org.newRows(after: nil, limit: 10) }
            #expect(failed?.kind == .transient)
            #expect(failed?.cause == .salesforceError)
            #expect(server.requests.count == 2)
        }
    }

    @Test func `rows that say nothing usable are passed over, and those behind them are read`() async throws {
        let row =
            #"{"Id":"a0R000000000002EAA","CreatedDate":"2026-11-20T19:05:28.000+0000","Sequence__c":"7","#
            + #""Case_Id__c":"500000000000001AAA","Change__c":"created","Owner_Id__c":"00G000000000001EAA","Closed__c":false}"#
        try await run({ request in
            request.path.contains("Id+%3E")
                ? .answer(200, #"{"done":true,"records":[\#(row)]}"#)
                : .answer(
                    200, #"{"done":true,"records":[{"Id":"a0R000000000001"},{"Id":"a0R000000000001","Closed__c":[1]}]}"#
                )
        }) { org, _ in
            let changes = try await org.newRows(after: nil, limit: 2)
            #expect(changes.map(\.version) == [7])
        }
    }

    @Test func `a marking that answers for other than its rows fails as a whole`() async throws {
        try await run({ _ in .answer(200, #"[{"success":true}]"#) }) { org, _ in
            let rows = [try RecordID("a0R000000000001"), try RecordID("a0R000000000002")]
            #expect(await failure { try await org.markProcessed(rows) }?.kind == .transient)
        }
    }

    @Test func `a larger answer than allowed is refused`() async throws {
        let answer = #"{"records":["# + String(repeating: " ", count: SalesforceSession.maximumAnswer) + "]}"
        try await run({ _ in .answer(200, answer) }) { org, _ in
            #expect(await failure { try await org.queues() }?.cause == .salesforceError)
        }
    }

    @Test func `secrets that an answer repeats are not kept`() async throws {
        let body = #"[{"errorCode":"X","message":"\#(Self.token) top-secret"}]"#
        try await run({ request in
            request.path.hasPrefix("/cometd")
                ? .answer(
                    200, #"[{"channel":"/meta/handshake","successful":false,"error":"400::\#(Self.token) top-secret"}]"#
                )
                : .answer(400, body)
        }) { org, _ in
            for failed in [
                await failure { try await org.queues() }, await failure { try await org.subscribe(after: nil) },
            ] {
                let text = "\(try #require(failed))"
                #expect(!text.contains(Self.token) && !text.contains("top-secret"), "\(text)")
                #expect(text.contains("(removed)"))
            }
        }
    }

    @Test(arguments: [
        "", "[]", "{}", "[1]", "[{}]", #"[{"channel":"/meta/connect"}]"#,
        #"[{"channel":"/meta/connect","successful":false}]"#,
        #"[{"channel":"/meta/other","successful":true}]"#, "deep",
    ])
    func `a streaming answer that is none fails the subscription`(_ body: String) async throws {
        // Not an argument itself, because arguments are printed.
        let answer = body == "deep" ? String(repeating: "[", count: 50_000) : body
        try await run({ Self.bayeux($0, later: .answer(200, answer)) }) { org, _ in
            _ = try await org.subscribe(after: nil)
            let failed = await failure { try await org.nextEvents() }
            #expect(failed?.kind == .transient)
        }
    }

    @Test func `an unreadable event is said to be malformed, and does not hide the others`() async throws {
        let good =
            #"{"payload":{"Row_Id__c":"a0R000000000001EAA","Row_Created__c":"2026-11-20T19:05:28Z","Sequence__c":1042,"#
            + #""Case_Id__c":"500000000000001AAA","Change__c":"created","Owner_Id__c":"00G000000000001EAA","#
            + #""Closed__c":false},"event":{"replayId":47}}"#
        let answer =
            #"[{"channel":"/event/R","data":{"payload":{"Sequence__c":1,"Sequence__c":2},"event":{"replayId":45}}},"#
            + #"{"channel":"/event/R","data":{"payload":{"Row_Id__c":7},"event":{"replayId":46}}},"#
            + #"{"channel":"/event/R","data":{"payload":null,"event":{}}},"#
            + #"{"channel":"/event/R","data":\#(good)},{"channel":"/meta/connect","successful":true}]"#
        try await run({ Self.bayeux($0, later: .answer(200, answer)) }) { org, _ in
            _ = try await org.subscribe(after: nil)
            let events = try await org.nextEvents()
            // The third has no position of its own; the one before it stands for it.
            #expect(events.map(\.replayID) == [45, 46, 46, 47])
            #expect(events.map { $0.change?.version } == [nil, nil, nil, 1_042])
        }
    }

    @Test func `events of an answer that also fails are not lost`() async throws {
        let answer =
            #"[{"channel":"/event/R","data":{"payload":{},"event":{"replayId":45}}},"#
            + #"{"channel":"/meta/connect","successful":false,"error":"403::Unknown client"}]"#
        try await run({ Self.bayeux($0, later: .answer(200, answer)) }) { org, _ in
            _ = try await org.subscribe(after: nil)
            #expect(try await org.nextEvents().map(\.replayID) == [45])
            #expect(await failure { try await org.nextEvents() }?.summary.contains("Unknown client") == true)
        }
    }

    @Test func `a server that answers empty at once is not asked in a circle`() async throws {
        let answer = #"[{"channel":"/meta/connect","successful":true}]"#
        try await run({ Self.bayeux($0, later: .answer(200, answer)) }) { org, server in
            _ = try await org.subscribe(after: nil)
            let began = ContinuousClock.now
            while ContinuousClock.now - began < .seconds(2) { _ = try await org.nextEvents() }
            #expect(server.requests.count < 20)
        }
    }

    @Test func `a connect that nobody answers fails when its hold and the grace are over`() async throws {
        try await withTransport { transport in
            let server = try ScriptedServer { request in
                if request.path == "/services/oauth2/token" {
                    return .answer(
                        200,
                        #"{"access_token":"t","instance_url":"http://127.0.0.1:\#(request.port)","id":"/id/\#(SimulatedOrg.organizationID)/x"}"#
                    )
                }
                return Self.bayeux(request, later: .silence)
            }
            defer { server.close() }
            let settings = try SalesforceSettings(
                org: "acme", organizationID: RecordID(SimulatedOrg.organizationID),
                loginURL: "http://127.0.0.1:\(server.port)", flow: .clientCredentials,
                credentials: Array(#"{"client_id":"a","client_secret":"b"}"#.utf8))
            let session = SalesforceSession(settings, transport, Logger(label: "test"))
            let client = CometDClient(session, channel: "/event/R", grace: .milliseconds(300))
            #expect(try await client.subscribe(-1))
            let began = ContinuousClock.now
            #expect(await failure { try await client.next() }?.cause == .salesforceUnreachable)
            // The server's advice: a hold of 200 ms.
            #expect(ContinuousClock.now - began < .seconds(3))
        }
    }

    @Test(arguments: [301, 403, 404, 410, 420, 500, 502, 503])
    func `a status without an answer of Bayeux ends the subscription`(_ status: Int) async throws {
        try await run({ Self.bayeux($0, later: .answer(status, "<html>sorry</html>")) }) { org, _ in
            _ = try await org.subscribe(after: nil)
            let failed = await failure { try await org.nextEvents() }
            #expect(failed?.kind == (status == 404 || status == 410 ? .configuration : .transient))
            #expect(failed?.response?.status == status)
        }
    }
}
