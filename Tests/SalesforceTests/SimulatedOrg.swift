import CaseRouting
import Foundation
import HTTPClient
import JSON
import Logging
import Polling
import Simulators
import Testing

@testable import Salesforce

/// One org of the simulator in this process, and ways to do to it what people and faults do.
final class SimulatedOrg: Sendable {
    static let organizationID = "00D000000000001EAA"
    static let queueNames = ["Support", "Billing", "Unmonitored"]
    let port: Int
    let transport: HTTPTransport
    /// An agent's session: changes by the integration user would be made by the same person as the write-back.
    private let people: SalesforceSession

    private init(port: Int, transport: HTTPTransport) throws {
        self.port = port
        self.transport = transport
        let credentials =
            #"{"client_id":"case-router","client_secret":"secret","username":"agent@example.com","#
            + #""password":"password","security_token":"TOKEN"}"#
        people = SalesforceSession(
            try SalesforceSettings(
                org: "acme", organizationID: RecordID(Self.organizationID), loginURL: "http://127.0.0.1:\(port)",
                flow: .password, credentials: Array(credentials.utf8)), transport, Logger(label: "people"))
    }

    /// Runs a test against an org of its own.
    static func run(
        _ change: (inout SalesforceSimulatorConfiguration) -> Void = { _ in },
        _ test: @Sendable (SimulatedOrg) async throws -> Void
    ) async throws {
        var org = SalesforceSimulatorConfiguration.Org(name: "acme", organizationID: organizationID)
        org.queues = queueNames
        org.users = ["agent@example.com"]
        var configuration = SalesforceSimulatorConfiguration(orgs: [org])
        configuration.connectHold = 2
        change(&configuration)
        let simulator = try SalesforceSimulator(configuration)
        let loop = PollExecutor(name: "salesforce-test")
        let transport = HTTPTransport(on: loop)
        let (ports, ready) = AsyncStream<Int>.makeStream()
        let serving = Task { try await simulator.run { ports in ready.yield(ports["acme"] ?? 0) } }
        var iterator = ports.makeAsyncIterator()
        let port = await iterator.next() ?? 0
        let result: Result<Void, any Error>
        do {
            try await test(try SimulatedOrg(port: port, transport: transport))
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await transport.close()
        serving.cancel()
        _ = await serving.result
        loop.stop()
        try result.get()
    }

    func settings(
        flow: SalesforceSettings.Flow = .clientCredentials,
        credentials: String = #"{"client_id":"case-router","client_secret":"secret"}"#,
        organizationID: String = SimulatedOrg.organizationID, source: [String: String] = [:],
        apiVersion: String = "62.0"
    ) throws -> SalesforceSettings {
        try SalesforceSettings(
            org: "acme", organizationID: RecordID(organizationID), loginURL: "http://127.0.0.1:\(port)", flow: flow,
            credentials: Array(credentials.utf8), apiVersion: apiVersion, source: source)
    }

    func outbox(_ settings: SalesforceSettings? = nil) throws -> OutboxOrg {
        OutboxOrg(settings: try settings ?? self.settings(), transport: transport, logger: Logger(label: "test"))
    }

    // MARK: What people do

    /// - Returns: the id.
    @discardableResult
    func create(_ object: String, _ fields: JSONObject) async throws -> RecordID {
        let answer = try await people.call(
            .other, .post, "/services/data/v62.0/sobjects/\(object)", body: JSONValue.object(fields).bytes, "create")
        return try RecordID(#require(try JSONValue(parsing: answer.body)["id"]?.string))
    }

    func update(_ object: String, _ id: RecordID, _ fields: JSONObject) async throws {
        _ = try await people.call(
            .other, .patch, "/services/data/v62.0/sobjects/\(object)/\(id)", body: JSONValue.object(fields).bytes,
            "update")
    }

    func delete(_ object: String, _ id: RecordID) async throws {
        _ = try await people.call(.other, .delete, "/services/data/v62.0/sobjects/\(object)/\(id)", "delete")
    }

    func newCase(in queue: RecordID, _ more: KeyValuePairs<String, JSONValue> = [:]) async throws -> RecordID {
        var fields: [(String, JSONValue)] = [("OwnerId", .string("\(queue)")), ("Subject", "help")]
        fields += more.map { ($0.key, $0.value) }
        return try await create("Case", fields)
    }

    private func create(_ object: String, _ fields: [(String, JSONValue)]) async throws -> RecordID {
        let body = JSONWriter.object { writer in for (name, value) in fields { writer.write(name, value) } }
        let answer = try await people.call(
            .other, .post, "/services/data/v62.0/sobjects/\(object)", body: body, "create")
        return try RecordID(#require(try JSONValue(parsing: answer.body)["id"]?.string))
    }

    // MARK: What goes wrong

    @discardableResult
    func control(_ method: HTTPRequest.Method, _ path: String, _ body: String = "{}") async throws -> JSONValue {
        let answer = try await transport.send(
            HTTPRequest(
                method, "http://127.0.0.1:\(port)/control/\(path)", body: method == .get ? nil : Array(body.utf8)))
        try #require(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
        return try JSONValue(parsing: answer.body, limits: JSONLimits(maximumBytes: 16 << 20))
    }

    func faults(_ body: String) async throws { try await control(.post, "faults", body) }
}

extension StreamEvent {
    var change: CaseChange? { if case .change(let change) = content { change } else { nil } }
}

extension OutboxOrg {
    /// Polls until as many changes have come; fails by itself when they do not.
    func changes(_ count: Int, within polls: Int = 20) async throws -> [CaseChange] {
        var changes: [CaseChange] = []
        for _ in 0..<polls where changes.count < count {
            changes += try await nextEvents().compactMap(\.change)
        }
        return changes
    }
}
