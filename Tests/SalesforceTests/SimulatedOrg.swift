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
        let (ports, ready) = AsyncStream<Int>.makeStream()
        let serving = Task { try await simulator.run { ports in ready.yield(ports["acme"] ?? 0) } }
        var iterator = ports.makeAsyncIterator()
        let port = await iterator.next() ?? 0
        try await withTransport { transport in
            try await test(try SimulatedOrg(port: port, transport: transport))
        }
        serving.cancel()
        _ = await serving.result
    }

    func settings(
        flow: SalesforceSettings.Flow = .clientCredentials,
        credentials: String = #"{"client_id":"case-router","client_secret":"secret"}"#,
        organizationID: String = SimulatedOrg.organizationID, source: [String: String] = [:],
        apiVersion: String = "62.0", port: Int? = nil
    ) throws -> SalesforceSettings {
        try SalesforceSettings(
            org: "acme", organizationID: RecordID(organizationID), loginURL: "http://127.0.0.1:\(port ?? self.port)",
            flow: flow,
            credentials: Array(credentials.utf8), apiVersion: apiVersion, source: source)
    }

    func outbox(_ settings: SalesforceSettings? = nil) throws -> OutboxOrg {
        OutboxOrg(settings: try settings ?? self.settings(), transport: transport, logger: Logger(label: "test"))
    }

    // MARK: What people do

    /// - Returns: the id.
    @discardableResult
    func create(_ object: String, _ fields: [String: JSONValue]) async throws -> RecordID {
        let answer = try await people.call(
            .other, .post, "/services/data/v62.0/sobjects/\(object)", body: Self.body(fields), "create")
        return try RecordID(#require(try JSONValue(parsing: answer.body)["id"]?.string))
    }

    func update(_ object: String, _ id: RecordID, _ fields: [String: JSONValue]) async throws {
        _ = try await people.call(
            .other, .patch, "/services/data/v62.0/sobjects/\(object)/\(id)", body: Self.body(fields), "update")
    }

    func delete(_ object: String, _ id: RecordID) async throws {
        _ = try await people.call(.other, .delete, "/services/data/v62.0/sobjects/\(object)/\(id)", "delete")
    }

    func newCase(in queue: RecordID, _ more: [String: JSONValue] = [:]) async throws -> RecordID {
        try await create("Case", ["OwnerId": .string("\(queue)"), "Subject": "help"].merging(more) { $1 })
    }

    /// Many cases in a queue, 200 a call.
    func newCases(_ count: Int, in queue: RecordID) async throws {
        for start in stride(from: 0, to: count, by: 200) {
            let body = JSONWriter.object { object in
                object.write("allOrNone", true)
                object.array("records") { records in
                    for _ in start..<min(start + 200, count) {
                        records.object { record in
                            record.object("attributes") { $0.write("type", "Case") }
                            record.write("OwnerId", "\(queue)")
                        }
                    }
                }
            }
            _ = try await people.call(.other, .post, "/services/data/v62.0/composite/sobjects", body: body, "create")
        }
    }

    private static func body(_ fields: [String: JSONValue]) -> [UInt8] {
        JSONWriter.object { writer in for (name, value) in fields { writer.write(name, value) } }
    }

    func state() async throws -> JSONValue { try await control(.get, "state") }

    func queue(_ name: String) async throws -> RecordID {
        try RecordID(#require(try await state()["queues"]?[name]?.string))
    }

    func user(_ name: String = "agent@example.com") async throws -> RecordID {
        try RecordID(#require(try await state()["users"]?[name]?.string))
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

/// The failure that the call ends with; an issue when it ends well.
func failure<Value>(
    _ call: () async throws -> Value, sourceLocation: SourceLocation = #_sourceLocation
) async -> RoutingFailure? {
    do {
        _ = try await call()
        Issue.record("did not fail", sourceLocation: sourceLocation)
    } catch let failure as RoutingFailure {
        return failure
    } catch {
        Issue.record("failed with \(error)", sourceLocation: sourceLocation)
    }
    return nil
}

/// A transport on a loop of its own.
func withTransport(_ body: (HTTPTransport) async throws -> Void) async throws {
    let loop = PollExecutor(name: "salesforce-test")
    let transport = HTTPTransport(on: loop)
    let result: Result<Void, any Error>
    do { result = .success(try await body(transport)) } catch { result = .failure(error) }
    await transport.close()
    loop.stop()
    try result.get()
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
