import CaseRouting
import HTTPClient
import JSON
import Simulators
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
}
