import CaseRouting
import JSON
import Testing

@testable import Salesforce

@Suite struct ClassificationTests {
    private let failures: SalesforceFailure

    init() throws {
        failures = SalesforceFailure(try Self.settings())
    }

    private static func settings(
        _ flow: SalesforceSettings.Flow = .clientCredentials,
        _ credentials: String = #"{"client_id":"a","client_secret":"b"}"#, id: String = SimulatedOrg.organizationID,
        url: String = "https://acme.my.salesforce.com", version: String = "62.0", source: [String: String] = [:]
    ) throws -> SalesforceSettings {
        try SalesforceSettings(
            org: "acme", organizationID: RecordID(id), loginURL: url, flow: flow, credentials: Array(credentials.utf8),
            apiVersion: version, source: source)
    }

    @Test(
        arguments: [
            ("400::The replayId {82} you provided was invalid.  Please provide a valid ID, -2 …", .gap),
            ("400::API version in the URI is mandatory. URI format: '/cometd/43.0'", .configuration),
            ("400::The channel you requested to subscribe to doesn't exist {/topic/x}", .configuration),
            ("400::Client abc has established a session, but no BAYEUX_BROWSER cookie present", .handshake),
            ("400::Authenticated user id does not match the session's user id", .handshake),
            ("400::Invalid connection type websocket", .other),
            ("401::Authentication invalid", .login), ("401::Request requires authentication", .login),
            ("401:abc:Unknown client", .handshake), ("402::session_unknown", .handshake),
            ("403::Unknown client", .handshake), ("403::Client has not completed handshake", .handshake),
            ("403::Organization concurrent user limit exceeded", .limit),
            ("403::Subscription limit exceeded for this topic", .limit),
            ("403::Organization total events daily limit exceeded", .dailyLimit),
            ("403::To protect all customers from excessive use and Denial of Service attacks, we limit …", .limit),
            ("403::Restricted channel", .configuration), ("403::User not enabled for streaming", .configuration),
            ("403::Subscriber does not have access to the entity in this topic", .configuration),
            ("503::Server is too busy. Please try your request again later.", .busy),
            ("413::Maximum Request Size Exceeded", .other),
            ("", .other), ("nonsense", .other), ("403", .other),
        ] as [(String, BayeuxError.Remedy)])
    func `a refusal of the streaming server has one remedy`(_ error: String, _ remedy: BayeuxError.Remedy) {
        #expect(BayeuxError(error).remedy == remedy)
    }

    @Test func `the nested reason is the true one`() throws {
        let answer =
            #"[{"channel":"/meta/handshake","successful":false,"error":"403::Handshake denied","#
            + #""ext":{"sfdc":{"failureReason":"401::Authentication invalid"},"replay":true}}]"#
        let message = try #require(try BayeuxMessage.decode(Array(answer.utf8)).first)
        #expect(BayeuxError(message).remedy == .login)
        #expect(message.offersReplay)
    }

    @Test(
        arguments: [
            (400, "INVALID_FIELD", .configuration, .salesforceForbidden),
            (400, "INVALID_TYPE", .configuration, .salesforceForbidden),
            (400, "MALFORMED_QUERY", .transient, .salesforceError),
            (401, "INVALID_SESSION_ID", .transient, .salesforceCredentials),
            (403, "REQUEST_LIMIT_EXCEEDED", .transient, .salesforceLimit),
            (403, "API_DISABLED_FOR_ORG", .configuration, .salesforceForbidden),
            (403, "INSUFFICIENT_ACCESS", .configuration, .salesforceForbidden),
            (404, "NOT_FOUND", .configuration, .salesforceForbidden), (410, "GONE", .configuration, .configuration),
            (414, "", .transient, .salesforceError), (420, "", .transient, .salesforceUnreachable),
            (500, "UNKNOWN_EXCEPTION", .transient, .salesforceUnreachable),
            (502, "", .transient, .salesforceUnreachable),
            (503, "SERVER_UNAVAILABLE", .transient, .salesforceUnreachable), (302, "", .transient, .salesforceError),
        ] as [(Int, String, RoutingFailure.Kind, FailureCause)])
    func `a refusal of REST is one kind of failure`(
        _ status: Int, _ code: String, _ kind: RoutingFailure.Kind, _ cause: FailureCause
    ) {
        let body = code.isEmpty ? "<html>" : #"[{"errorCode":"\#(code)","message":"m"}]"#
        let failure = failures.rest("x", status: status, body: Array(body.utf8), token: "token")
        #expect(failure.kind == kind)
        #expect(failure.cause == cause)
        #expect(failure.response == .init(status: status, body: body))
    }

    @Test(
        arguments: [
            (400, "invalid_grant", "authentication failure", .configuration),
            (400, "invalid_grant", "user hasn't approved this consumer", .configuration),
            (400, "invalid_grant", "Audience validation failed", .configuration),
            (400, "invalid_client", "invalid client credentials", .configuration),
            (400, "invalid_client_id", "client identifier invalid", .configuration),
            (400, "unsupported_grant_type", "grant type not supported", .configuration),
            (400, "inactive_user", "", .configuration), (400, "unauthorized_client", "", .configuration),
            (400, "rate_limit_exceeded", "", .transient), (400, "server_error", "", .transient),
            (503, "", "", .transient),
            (302, "", "", .configuration), (404, "", "", .configuration),
        ] as [(Int, String, String, RoutingFailure.Kind)])
    func `a refused login is for a person, unless it passes`(
        _ status: Int, _ error: String, _ text: String, _ kind: RoutingFailure.Kind
    ) {
        let body = error.isEmpty ? "<html>" : #"{"error":"\#(error)","error_description":"\#(text)"}"#
        #expect(failures.login(.clientCredentials, status: status, body: Array(body.utf8)).kind == kind)
    }

    @Test(
        arguments: [
            ("api-usage=10018/100000", APIUsage(used: 10_018, limit: 100_000)),
            ("api-usage=25/5000; per-app-api-usage=17/250(appName=x)", APIUsage(used: 25, limit: 5_000)),
            ("per-app-api-usage=17/250(appName=x); api-usage=25/5000", APIUsage(used: 25, limit: 5_000)),
            ("api-usage=", nil), ("api-usage=1/0", nil), ("api-usage=-1/5", nil), ("", nil),
            ("api-usage=99999999999999999999/1", nil),
        ] as [(String, APIUsage?)])
    func `the use of calls is read from a header`(_ text: String, _ usage: APIUsage?) {
        #expect(SalesforceSession.usage(text) == usage)
    }

    @Test func `a literal cannot end itself`() {
        #expect(SOQL.text(#"a' OR Name != 'b\"#) == #"'a\' OR Name != \'b\\'"#)
        #expect(SOQL.text("a\nb") == #"'a\nb'"#)
        #expect(SOQL.queryEncoded("Id > 'a' AND x=1 & +%é") == "Id+%3E+'a'+AND+x%3D1+%26+%2B%25%C3%A9")
        #expect(SOQL.percentEncoded("p@ss wörd+&=") == "p%40ss+w%C3%B6rd%2B%26%3D")
        #expect(SOQL.time(Timestamp("2026-11-20T19:05:28.9Z")!) == "2026-11-20T19:05:28Z")
    }

    @Test func `the date of an answer is read`() {
        #expect(HTTPDate.seconds("Sat, 21 Nov 2026 03:47:41 GMT") == 1_795_232_861)
        #expect(HTTPDate.seconds("Sat, 21 Nov 2026 03:47:41 CET") == nil)
        #expect(HTTPDate.seconds("yesterday") == nil)
    }

    // MARK: Settings

    @Test(arguments: [
        ["object": "X__c"], ["object": "X__c", "case": "C__c"], ["object": "X__c", "case": "C__c", "status": "S__c"],
        ["object": "X__c WHERE", "case": "C__c", "status": "S__c"],
        ["object": "X__c", "case": "C'__c", "status": "S__c"],
        ["object": "X__c", "case": "C__c", "status": "S__c", "channel": "/topic/X", "colour": "blue"],
        ["object": "X__c", "case": "C__c", "status": "S__c", "channel": "/data/CaseChangeEvent"],
        ["object": "X__c", "case": "C__c", "status": "S__c", "channel": "/topic/a?b=c"],
        ["object": "X__c", "case": "C__c", "status": "S__c", "channel": "/topic/X", "new": "A", "processed": "A"],
    ])
    func `names that do not fit are refused`(_ source: [String: String]) {
        #expect(throws: RoutingFailure.self) { try Self.settings(source: source) }
    }

    @Test func `without names the package's are used, with names only those given`() throws {
        let package = try Self.settings().names
        #expect(package.object == "Routing_Request__c" && package.channel == "/event/Routing_Request__e")
        #expect(package.hasSequence && package.rowsAreWhole)
        let source = ["object": "X__c", "case": "C__c", "status": "S__c", "channel": "/topic/X"]
        let legacy = try Self.settings(source: source).names
        #expect(legacy.isTopic && legacy.retention == .seconds(24 * 3_600))
        #expect(legacy.rowColumns == "Id, CreatedDate, SystemModstamp, C__c, S__c")
        #expect(!legacy.hasSequence && !legacy.rowsAreWhole && legacy.caseSkills == nil)
    }

    @Test func `settings that cannot work are refused and say why, without secrets`() throws {
        func refusal(_ make: () throws -> SalesforceSettings) -> String {
            do {
                _ = try make()
                return "accepted"
            } catch { return "\(error)" }
        }
        #expect(refusal { try Self.settings(id: "005000000000001") }.contains("00D"))
        #expect(refusal { try Self.settings(url: "https://a.com/path") }.contains("login URL"))
        #expect(refusal { try Self.settings(url: "ftp://a.com") }.contains("login URL"))
        #expect(refusal { try Self.settings(url: "https://user:pw@a.com") }.contains("login URL"))
        #expect(refusal { try Self.settings(version: "40.0") }.contains("41.0"))
        #expect(refusal { try Self.settings(version: "62") }.contains("62.0"))
        #expect(refusal { try Self.settings(.password) }.contains("username"))
        #expect(
            refusal { try Self.settings(.jwtBearer, #"{"client_id":"a","username":"u","private_key":"hush"}"#) }
                .contains("PEM"))
        for text in ["hush", #"{"client_id":"a","client_secret":"hush","more":"x"}"#, #"{"client_id":["hush"]}"#, ""] {
            let refused = refusal { try Self.settings(.clientCredentials, text) }
            #expect(refused != "accepted" && !refused.contains("hush"), "\(refused)")
        }
        let settings = try Self.settings(.clientCredentials, #"{"client_id":"a","client_secret":"hush"}"#)
        #expect(!String(reflecting: settings).contains("hush"))
    }
}
