import CaseRouting
import Foundation
import HTTPClient
import JSON
import Logging
import Polling
import Simulators
import Testing

@testable import CIC

/// Tests with servers run one after the other: several of them measure times.
@Suite(.serialized) enum SiteTests {}

struct LiveClock: RoutingClock {
    var monotonic: Duration { .nanoseconds(MonotonicTime.now.nanoseconds) }
    var wall: Timestamp { Timestamp(microseconds: Int64(Date().timeIntervalSince1970 * 1_000_000)) }
    func sleep(for duration: Duration) async throws(CancellationError) {
        do { try await Task.sleep(for: duration) } catch { throw CancellationError() }
    }
}

struct SystemRandom: RandomSource {
    func next() -> UInt64 { .random(in: .min ... .max) }
}

/// A simulated CIC site that lives as long as one test, and a worker's view of it.
struct TestSite: Sendable {
    static let loop = PollExecutor(name: "cic-tests")
    static let orgs = ["acme": CaseOrg(organization: "00D000000000001AAA", url: "https://acme.example.com/")]

    let ports: [Int]
    let ledgerPath: String
    let transport: HTTPTransport

    static func configuration(_ change: (inout CICSimulatorConfiguration) -> Void = { _ in })
        -> CICSimulatorConfiguration
    {
        var configuration = CICSimulatorConfiguration()
        configuration.server = "CIC1"
        configuration.ledgerPath = NSTemporaryDirectory() + "cic-tests-\(UUID().uuidString).ndjson"
        configuration.workgroups = [
            CICWorkgroup(name: "Support"), CICWorkgroup(name: "Sales Team"),
            CICWorkgroup(name: "Holding", queueType: 1),
        ]
        configuration.skills = ["English", "German"]
        configuration.lingering = 50
        configuration.acd = false
        change(&configuration)
        return configuration
    }

    static func run(
        _ change: (inout CICSimulatorConfiguration) -> Void = { _ in }, authority: ThrowawayCA? = nil,
        _ body: @escaping @Sendable (TestSite) async throws -> Void
    ) async throws {
        let configuration = configuration(change)
        let simulator = try CICSimulator(configuration, authority: authority)
        let (ready, start) = AsyncStream.makeStream(of: [Int].self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { start.finish() }
                try await simulator.run { start.yield($0) }
            }
            let ports = try #require(await ready.first { _ in true })
            let site = TestSite(
                ports: ports, ledgerPath: configuration.ledgerPath, transport: HTTPTransport(on: loop))
            do {
                try await body(site)
            } catch {
                await site.transport.close()
                throw error
            }
            await site.transport.close()
            group.cancelAll()
        }
        try FileManager.default.removeItem(atPath: configuration.ledgerPath)
    }

    // MARK: The worker

    static let limits: CICLimits = {
        var limits = CICLimits()
        limits.poll = .milliseconds(50)
        limits.call = .seconds(10)
        limits.firstRound = .milliseconds(50)
        limits.longestRound = .milliseconds(400)
        limits.refusedRound = .milliseconds(200)
        limits.heartbeat = .milliseconds(500)
        limits.shortStream = .milliseconds(200)
        limits.unreadableRetry = .milliseconds(300)
        limits.next = .seconds(5)
        return limits
    }()

    func settings(
        _ creation: CICServerSettings.Creation = .generic, messaging: CICServerSettings.Messaging = .poll,
        hosts: [String]? = nil, password: String = "secret", attributes: [AttributeTemplate] = [],
        installation: String = "test-installation"
    ) throws -> CICServerSettings {
        try CICServerSettings(
            name: "cic1", hosts: hosts ?? ["127.0.0.1:\(ports[0])"], usesTLS: false, creation: creation,
            holdingWorkgroup: "Holding", messaging: messaging, attributes: attributes, installation: installation,
            orgs: Self.orgs, user: "caserouter", password: password)
    }

    static let logger: Logger = {
        var logger = Logger(label: "cic-tests")
        logger.logLevel = ProcessInfo.processInfo.environment["CIC_TEST_LOG"] == nil ? .critical : .debug
        return logger
    }()

    /// Runs a server of the adapter, waits for its session, then runs `body`.
    func withServer(
        _ settings: CICServerSettings? = nil, limits: CICLimits = limits, isOpen: Bool = true,
        _ body: @escaping @Sendable (CICServer) async throws -> Void
    ) async throws {
        let server = CICServer(
            try settings ?? self.settings(), on: Self.loop, clock: LiveClock(), random: SystemRandom(),
            logger: Self.logger, limits: limits)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await server.run() }
            if isOpen { try #require(await server.isOpen(within: .seconds(120))) }
            try await body(server)
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    // MARK: The simulator's controls

    @discardableResult
    func control(_ path: String, _ body: JSONValue? = nil, method: HTTPRequest.Method = .post) async throws -> JSONValue
    {
        let answer = try await transport.send(
            HTTPRequest(
                method, "http://127.0.0.1:\(ports[0])/control/\(path)", headers: ["Content-Type": "application/json"],
                body: body?.bytes, maximumResponseBytes: 64 << 20))
        #expect(answer.status < 300, "\(path): \(String(decoding: answer.body, as: UTF8.self))")
        return answer.body.isEmpty
            ? .null : try JSONValue(parsing: answer.body, limits: JSONLimits(maximumBytes: 64 << 20))
    }

    func fault(
        _ operation: String, when: String = "before", do effect: String = "cut", status: Int? = nil, ms: Int? = nil,
        count: Int? = 1
    ) async throws {
        var body: JSONObject = JSONObject()
        body["operation"] = .string(operation)
        body["when"] = .string(when)
        body["do"] = .string(effect)
        if let status { body["status"] = .int(status) }
        if let ms { body["ms"] = .int(ms) }
        if let count { body["count"] = .int(count) }
        try await control("faults", .object(body))
    }

    struct Held: Sendable {
        let id: String
        let state: String
        let workgroup: String
        let agent: String?
        let skills: [String]
        let attributes: JSONValue
        subscript(name: String) -> String? { attributes[name]?.string }
    }

    /// Live interactions, oldest first.
    func interactions(_ query: String = "") async throws -> [Held] {
        let answer = try await control("interactions\(query)", method: .get)
        return (answer["interactions"]?.array ?? []).map { one in
            Held(
                id: one["interaction"]?.string ?? "", state: one["state"]?.string ?? "",
                workgroup: one["workgroup"]?.string ?? "", agent: one["agent"]?.string,
                skills: (one["skills"]?.array ?? []).compactMap(\.string), attributes: one["attributes"] ?? .null)
        }
    }

    /// The ledger's lines of a kind.
    func ledger(_ kind: String) throws -> [JSONValue] {
        try Data(contentsOf: URL(fileURLWithPath: ledgerPath)).split(separator: UInt8(ascii: "\n"))
            .map { try JSONValue(parsing: Array($0)) }.filter { $0["kind"]?.string == kind }
    }

    func requests(_ method: String, suffix: String) throws -> Int {
        try ledger("request").count {
            $0["method"]?.string == method && $0["path"]?.string?.hasSuffix(suffix) == true
        }
    }
}

// MARK: Cases

func newAttempt() -> AttemptID {
    AttemptID(
        milliseconds: LiveClock().wall.microseconds / 1_000, random: (SystemRandom().next(), SystemRandom().next()))
}

func episode(_ number: Int32 = 1, case id: Int = 1) -> EpisodeKey {
    let text = "500" + String(repeating: "0", count: 12 - String(id).count) + String(id)
    guard let caseID = try? RecordID(text) else { preconditionFailure("\(text) is no id") }  // A test's own mistake.
    return EpisodeKey(CaseKey(org: "acme", caseID: caseID), number)
}

func attributes(_ number: Int32 = 1, case id: Int = 1, caseNumber: String = "00001000") -> InteractionAttributes {
    InteractionAttributes(episode: episode(number, case: id), caseNumber: caseNumber, priority: "High")
}

func order(
    _ interaction: InteractionID, _ attempt: AttemptID, number: Int64, on workgroup: String = "Support",
    skills: [String] = [], takesBack: Bool = true
) -> AssignOrder {
    AssignOrder(
        interaction: interaction, attempt: attempt, number: number,
        target: ResolvedTarget(workgroup: workgroup, skills: skills), priority: "High", takesBack: takesBack)
}

/// The failure that a call ends with.
func failure(_ body: () async throws(RoutingFailure) -> some Any) async -> RoutingFailure? {
    do {
        let value = try await body()
        Issue.record("no failure, but \(value)")
        return nil
    } catch {
        return error
    }
}
