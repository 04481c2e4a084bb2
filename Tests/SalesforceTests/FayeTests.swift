import CaseRouting
import Foundation
import HTTPClient
import JSON
import TestSupport
import Testing

@testable import Salesforce

/// Our CometD client against a Bayeux server that nobody here wrote: Debian's ruby-faye behind thin.
@Suite struct FayeTests {
    /// Runs a private faye on a free port. Fails when the packages ruby-faye and thin are not installed.
    private func withFaye(_ test: @Sendable (OutboxOrg, _ publish: (String) async throws -> Void) async throws -> Void)
        async throws
    {
        let port = try LoopbackSocket.freePort()
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "faye.ru")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/thin")
        process.arguments = [
            "--rackup", script.path, "--address", "127.0.0.1", "--port", "\(port)", "--quiet", "start",
        ]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        defer { process.terminate() }
        try await withTransport { transport in
            let origin = "http://127.0.0.1:\(port)"
            try await eventually("faye listens; are ruby-faye and thin installed?") {
                LoopbackSocket.connect(to: port).map { close($0) } != nil
            }
            let settings = try SalesforceSettings(
                org: "acme", organizationID: RecordID(SimulatedOrg.organizationID), loginURL: origin,
                flow: .clientCredentials, credentials: Array(#"{"client_id":"a","client_secret":"b"}"#.utf8))
            let org = OutboxOrg(settings: settings, transport: transport, logger: .init(label: "test"))
            try await test(org) { data in
                let body = #"{"channel":"/event/Routing_Request__e","data":\#(data)}"#
                _ = try await transport.send(HTTPRequest(.post, "\(origin)/publish", body: Array(body.utf8)))
            }
        }
    }

    private func event(_ replayID: Int) -> String {
        #"{"schema":"x","payload":{"Row_Id__c":"a0R000000000001EAA","Row_Created__c":"2026-11-20T19:05:28Z","#
            + #""Sequence__c":\#(replayID).0,"Case_Id__c":"500000000000001AAA","Change__c":"created","Record_Id__c":null,"#
            + #""Owner_Id__c":"00G000000000001EAA","Closed__c":false},"event":{"replayId":\#(replayID)}}"#
    }

    @Test func `events of faye arrive, one by one and several at once`() async throws {
        try await withFaye { org, publish in
            #expect(try await org.subscribe(after: nil) == .fresh)
            for id in [45, 46, 47] { try await publish(event(id)) }
            let changes = try await org.changes(3)
            #expect(changes.map(\.version) == [45, 46, 47])
            try await publish(event(48))
            #expect(try await org.changes(1).first?.version == 48)
            await org.unsubscribe()
        }
    }

    @Test func `a poll of faye that nothing happens in ends empty`() async throws {
        try await withFaye { org, _ in
            _ = try await org.subscribe(after: ReplayCursor(streamEpoch: 1, replayID: 7))
            #expect(try await org.nextEvents().isEmpty)
            #expect(try await org.nextEvents().isEmpty)
        }
    }

    @Test func `a position that faye's extension refuses is a gap`() async throws {
        try await withFaye { org, publish in
            guard case .gap = try await org.subscribe(after: ReplayCursor(streamEpoch: 1, replayID: 82)) else {
                Issue.record("no gap")
                return
            }
            try await publish(event(90))
            #expect(try await org.changes(1).first?.version == 90)
        }
    }

    @Test func `a client that faye forgot begins anew`() async throws {
        try await withFaye { org, publish in
            _ = try await org.subscribe(after: nil)
            await org.stream.forgetOnServer()
            let failed = await failure { try await org.nextEvents() }
            #expect(failed?.kind == .transient)
            #expect(try await org.subscribe(after: nil) == .fresh)
            try await publish(event(3))
            #expect(try await org.changes(1).first?.version == 3)
        }
    }
}

extension CometDClient {
    /// Disconnects behind the client's back.
    func forgetOnServer() async {
        let held = client
        await disconnect()
        client = held
    }
}
