import CaseRouting
import Foundation
import HTTPClient
import JSON
import Simulators
import Synchronization
import Testing
import _CryptoExtras

@testable import Salesforce

@Suite struct SessionTests {
    @Test func `client credentials open a session`() async throws {
        try await SimulatedOrg.run { simulated in
            let org = try simulated.outbox()
            #expect(try await org.queues().map(\.name).sorted() == ["Billing", "Support", "Unmonitored"])
            #expect(await org.callCounts() == ["login": 1, "query": 1])
            let usage = try #require(await org.apiUsage())
            #expect(usage.limit == 5_000_000 && usage.used > 0)
        }
    }

    @Test func `a signed assertion opens a session`() async throws {
        let key = try _RSA.Signing.PrivateKey(keySize: .bits2048)
        try await SimulatedOrg.run({ $0.orgs[0].jwtCertificatePEM = key.publicKey.pemRepresentation }) { simulated in
            let credentials = JSONWriter.object { object in
                object.write("client_id", "case-router")
                object.write("private_key", key.pemRepresentation)
                object.write("username", "integration@example.com")
            }
            let text = String(decoding: credentials, as: UTF8.self)
            let org = try simulated.outbox(try simulated.settings(flow: .jwtBearer, credentials: text))
            #expect(try await org.queues().count == 3)
        }
    }

    @Test func `an assertion signed by another key is for a person to set right`() async throws {
        let key = try _RSA.Signing.PrivateKey(keySize: .bits2048)
        let other = try _RSA.Signing.PrivateKey(keySize: .bits2048)
        try await SimulatedOrg.run({ $0.orgs[0].jwtCertificatePEM = other.publicKey.pemRepresentation }) { simulated in
            let credentials = JSONWriter.object { object in
                object.write("client_id", "case-router")
                object.write("private_key", key.pemRepresentation)
                object.write("username", "integration@example.com")
            }
            let text = String(decoding: credentials, as: UTF8.self)
            let org = try simulated.outbox(try simulated.settings(flow: .jwtBearer, credentials: text))
            let failed = await failure { try await org.queues() }
            #expect(failed?.kind == .configuration)
            #expect(failed?.summary.contains("private key") == true)
        }
    }

    @Test func `user name, password and token open a session`() async throws {
        try await SimulatedOrg.run { simulated in
            let org = try simulated.outbox(try simulated.settings(flow: .password, credentials: password("password")))
            #expect(try await org.queues().count == 3)
        }
    }

    @Test func `a wrong password is tried once and then not again for a while`() async throws {
        try await SimulatedOrg.run { simulated in
            let org = try simulated.outbox(try simulated.settings(flow: .password, credentials: password("mistyped")))
            for _ in 0..<3 {
                let failed = await failure { try await org.queues() }
                #expect(failed?.kind == .configuration)
                #expect(failed?.cause == .salesforceCredentials)
                #expect(failed?.summary.contains("password") == true)
                #expect(!"\(failed!)".contains("mistyped"))
            }
            _ = await failure { try await org.subscribe(after: nil) }
            #expect(await org.callCounts() == ["login": 1])
        }
    }

    private func password(_ password: String) -> String {
        #"{"client_id":"case-router","client_secret":"secret","username":"integration@example.com","#
            + #""password":"\#(password)","security_token":"TOKEN"}"#
    }

    @Test func `a wrong secret says which one`() async throws {
        try await SimulatedOrg.run { simulated in
            let credentials = #"{"client_id":"case-router","client_secret":"hush-hush"}"#
            let org = try simulated.outbox(try simulated.settings(credentials: credentials))
            let failed = await failure { try await org.logIn() }
            #expect(failed?.kind == .configuration)
            #expect(failed?.summary.contains("client_secret") == true)
            #expect(!"\(failed!)".contains("hush-hush"))
        }
    }

    @Test func `credentials of another org are refused`() async throws {
        try await SimulatedOrg.run { simulated in
            let org = try simulated.outbox(try simulated.settings(organizationID: "00D000000000002EAA"))
            let failed = await failure { try await org.queues() }
            #expect(failed?.kind == .configuration)
            #expect(failed?.summary.contains(SimulatedOrg.organizationID) == true)
            #expect(await org.callCounts() == ["login": 1])
        }
    }

    @Test func `however many calls find the session gone, one login is sent`() async throws {
        try await SimulatedOrg.run { simulated in
            let org = try simulated.outbox()
            try await org.logIn()
            try await simulated.control(.post, "tokens/revoke")
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<20 { group.addTask { try await org.queues().count } }
                for try await count in group { #expect(count == 3) }
            }
            let counts = await org.callCounts()
            #expect(counts["login"] == 2)
            #expect(counts["query"] == 40)
        }
    }

    @Test func `a call that is refused in a new session too is not repeated for ever`() async throws {
        try await SimulatedOrg.run { simulated in
            let org = try simulated.outbox()
            try await simulated.control(
                .post, "faults/rest",
                #"{"path":"/query","status":401,"errorCode":"INVALID_SESSION_ID","message":"expired","count":100}"#)
            let failed = await failure { try await org.queues() }
            #expect(failed?.kind == .transient)
            #expect(await org.callCounts() == ["login": 2, "query": 2])
        }
    }

    @Test func `when the day's calls are used up no more are sent for a while, and the stream goes on`() async throws {
        try await SimulatedOrg.run { simulated in
            let org = try simulated.outbox()
            _ = try await org.subscribe(after: nil)
            let queue = try await simulated.queue("Support")
            try await simulated.newCases(1, in: queue)
            try await simulated.control(.post, "limits", #"{"used":9,"maximum":9}"#)
            let failed = await failure { try await org.queues() }
            #expect(failed?.kind == .transient)
            #expect(failed?.cause == .salesforceLimit)
            #expect(await failure { try await org.newRows(after: nil, limit: 10) }?.cause == .salesforceLimit)
            #expect(await org.callCounts()["query"] == 1)
            #expect(try await org.changes(1).count == 1)
        }
    }

    @Test func `nobody listening is a passing failure`() async throws {
        try await withTransport { transport in
            let settings = try SalesforceSettings(
                org: "acme", organizationID: RecordID(SimulatedOrg.organizationID), loginURL: "http://127.0.0.1:1/",
                flow: .clientCredentials, credentials: Array(#"{"client_id":"a","client_secret":"b"}"#.utf8))
            let org = OutboxOrg(settings: settings, transport: transport, logger: .init(label: "test"))
            let failed = await failure { try await org.queues() }
            #expect(failed?.kind == .transient)
            #expect(failed?.cause == .salesforceUnreachable)
        }
    }

    @Test func `an assertion that Salesforce's clock refuses is signed once more by that clock`() async throws {
        let key = try _RSA.Signing.PrivateKey(keySize: .bits2048)
        let logins = Mutex<[String]>([])
        try await withTransport { transport in
            let server = try ScriptedServer { request in
                let isFirst = logins.withLock { logins in
                    logins.append(request.body)
                    return logins.count == 1
                }
                let refused = #"{"error":"invalid_grant","error_description":"expired authorization code"}"#
                let granted =
                    #"{"access_token":"t","instance_url":"http://127.0.0.1:1","id":"/id/\#(SimulatedOrg.organizationID)/u"}"#
                return .answer(
                    isFirst ? 400 : 200, isFirst ? refused : granted, [("Date", "Tue, 01 Jan 2030 00:00:00 GMT")])
            }
            defer { server.close() }
            let credentials = JSONWriter.object { object in
                object.write("client_id", "a")
                object.write("private_key", key.pemRepresentation)
                object.write("username", "u")
            }
            let settings = try SalesforceSettings(
                org: "acme", organizationID: RecordID(SimulatedOrg.organizationID),
                loginURL: "http://127.0.0.1:\(server.port)", flow: .jwtBearer, credentials: credentials)
            try await OutboxOrg(settings: settings, transport: transport, logger: .init(label: "test")).logIn()
            let claims = try logins.withLock { try $0.map { try Self.claims($0) } }
            #expect(claims.count == 2)
            #expect(claims.last?["exp"]?.int == 1_893_456_000 + 120)
            #expect(claims.last?["aud"]?.string == "http://127.0.0.1:\(server.port)")
            #expect(claims.last?["iss"]?.string == "a" && claims.last?["sub"]?.string == "u")
        }
    }

    /// The claims of the assertion in a login's form.
    private static func claims(_ form: String) throws -> JSONValue {
        let assertion = try #require(form.split(separator: "assertion=").last)
        var text = String(assertion.split(separator: ".")[1]).replacing("-", with: "+").replacing("_", with: "/")
        text += String(repeating: "=", count: (4 - text.count % 4) % 4)
        return try JSONValue(parsing: Array(#require(Data(base64Encoded: text))))
    }
}
