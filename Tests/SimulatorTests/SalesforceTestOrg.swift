import Foundation
import Testing

@testable import Simulators

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// A running simulator of one org, reached by plain HTTP as a client would.
struct SalesforceTestOrg: Sendable {
    let port: Int
    let token: String
    let ledgerPath: String
    /// Ports of all orgs of the process.
    var ports: [String: Int] = [:]

    static let channel = "/event/Routing_Request__e"

    struct Answer: Sendable {
        let status: Int
        let json: SalesforceJSON
        let headers: [String: String]

        /// `errorCode` of a REST failure.
        var errorCode: String? { json.array?.first?["errorCode"]?.string }
    }

    /// Runs a simulator for the length of `body`; two queues and an agent exist.
    static func run(
        _ change: (inout SalesforceSimulatorConfiguration) -> Void = { _ in },
        _ body: @Sendable (SalesforceTestOrg) async throws -> Void
    ) async throws {
        var org = SalesforceSimulatorConfiguration.Org(name: "north", organizationID: "00Dxx0000001gPL")
        org.queues = ["Support", "Billing"]
        org.users = ["ann@example.com"]
        var configuration = SalesforceSimulatorConfiguration(orgs: [org])
        configuration.connectHold = 5
        let ledger = FileManager.default.temporaryDirectory
            .appendingPathComponent("salesforce-\(UUID().uuidString).ndjson").path
        configuration.ledgerPath = ledger
        change(&configuration)
        let simulator = try SalesforceSimulator(configuration)
        let (ready, continuation) = AsyncStream<[String: Int]>.makeStream()
        defer { _ = try? FileManager.default.removeItem(atPath: ledger) }  // Only a temporary file.
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { continuation.finish() }
                try await simulator.run { continuation.yield($0) }
            }
            var ports = ready.makeAsyncIterator()
            let all = try #require(await ports.next())
            let port = try #require(all["north"])
            let anonymous = SalesforceTestOrg(port: port, token: "", ledgerPath: ledger)
            let token = try await anonymous.form(
                "/services/oauth2/token",
                "grant_type=client_credentials&client_id=case-router&client_secret=secret"
            ).json["access_token"]?.string
            try await body(
                SalesforceTestOrg(port: port, token: try #require(token), ledgerPath: ledger, ports: all))
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    // MARK: HTTP

    private static let session: URLSession = {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.httpMaximumConnectionsPerHost = 100
        configuration.httpShouldSetCookies = false
        configuration.httpCookieAcceptPolicy = .never
        configuration.timeoutIntervalForRequest = 30
        return URLSession(configuration: configuration)
    }()

    func send(
        _ method: String, _ path: String, _ body: String? = nil, headers: [String: String] = [:]
    ) async throws -> Answer {
        var request = URLRequest(url: try #require(URL(string: "http://127.0.0.1:\(port)\(path)")))
        request.httpMethod = method
        request.httpBody = body.map { Data($0.utf8) }
        if !token.isEmpty { request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization") }
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
        let (data, response) = try await Self.session.data(for: request)
        let http = try #require(response as? HTTPURLResponse)
        var fields: [String: String] = [:]
        for (name, value) in http.allHeaderFields { fields["\(name)".lowercased()] = "\(value)" }
        return Answer(
            status: http.statusCode, json: data.isEmpty ? .null : try SalesforceJSON(parsing: Array(data)),
            headers: fields)
    }

    func form(_ path: String, _ body: String, headers: [String: String] = [:]) async throws -> Answer {
        var headers = headers
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        return try await send("POST", path, body, headers: headers)
    }

    func rest(_ method: String, _ path: String, _ body: String? = nil) async throws -> Answer {
        try await send(method, "/services/data/v62.0" + path, body)
    }

    @discardableResult
    func control(_ path: String, _ body: String = "{}") async throws -> SalesforceJSON {
        let answer = try await send("POST", "/control/" + path, body)
        try #require(answer.status == 200, "\(answer)")
        return answer.json
    }

    func state() async throws -> SalesforceJSON {
        try await send("GET", "/control/state").json
    }

    // MARK: Records

    func query(_ soql: String, all: Bool = false) async throws -> Answer {
        let escaped = try #require(soql.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
        return try await rest("GET", (all ? "/queryAll?q=" : "/query?q=") + escaped)
    }

    /// One column of a query's rows.
    func column(_ soql: String, _ name: String) async throws -> [SalesforceJSON] {
        let answer = try await query(soql)
        try #require(answer.status == 200, "\(soql): \(answer.json)")
        return try #require(answer.json["records"]?.array).map { $0[name] ?? .null }
    }

    func create(_ type: String, _ fields: String) async throws -> String {
        let answer = try await rest("POST", "/sobjects/\(type)", fields)
        try #require(answer.status == 201, "\(answer.json)")
        return try #require(answer.json["id"]?.string)
    }

    func queue(_ name: String) async throws -> String {
        try #require(try await state()["queues"]?[name]?.string)
    }

    func user(_ name: String) async throws -> String {
        try #require(try await state()["users"]?[name]?.string)
    }

    /// A case in a queue.
    func createCase(in queue: String? = nil, skills: String = "") async throws -> String {
        let owner = if let queue { queue } else { try await self.queue("Support") }
        return try await create(
            "Case", #"{"Subject":"s","OwnerId":"\#(owner)","ObjectRouting_Skills__c":"\#(skills)"}"#)
    }

    func update(_ id: String, _ fields: String) async throws {
        let answer = try await rest("PATCH", "/sobjects/Case/\(id)", fields)
        try #require(answer.status == 204, "\(answer.json)")
    }

    /// The changes of a case's rows, in their order.
    func changes(of id: String) async throws -> [String] {
        try await column(
            "SELECT Change__c FROM Routing_Request__c WHERE Case_Id__c = '\(id)' ORDER BY Id", "Change__c"
        ).compactMap(\.string)
    }

    /// Every ledger line so far.
    func ledger() throws -> [SalesforceJSON] {
        let data = try Data(contentsOf: URL(fileURLWithPath: ledgerPath))
        return try data.split(separator: UInt8(ascii: "\n")).map { try SalesforceJSON(parsing: Array($0)) }
    }
}

/// A Bayeux client by hand: one session, messages as they are.
final class SalesforceTestSubscriber: Sendable {
    let org: SalesforceTestOrg
    let clientID: String
    let cookie: String

    init(_ org: SalesforceTestOrg) async throws {
        self.org = org
        let answer = try await org.send(
            "POST", "/cometd/62.0",
            #"[{"channel":"/meta/handshake","version":"1.0","supportedConnectionTypes":["long-polling"],"id":"1"}]"#)
        let message = try #require(answer.json.array?.first)
        clientID = try #require(message["clientId"]?.string, "\(message)")
        let setCookie = try #require(answer.headers["set-cookie"])
        let start = try #require(setCookie.range(of: "BAYEUX_BROWSER="))
        cookie = "BAYEUX_BROWSER=" + setCookie[start.upperBound...].prefix { $0 != ";" }
    }

    func send(_ messages: String, token: String? = nil, cookie: String? = nil) async throws -> [SalesforceJSON] {
        var headers = ["Cookie": cookie ?? self.cookie]
        if let token { headers["Authorization"] = token }
        let answer = try await org.send("POST", "/cometd/62.0", messages, headers: headers)
        return try #require(answer.json.array)
    }

    @discardableResult
    func connect(timeout: Int? = nil) async throws -> [SalesforceJSON] {
        let advice = timeout.map { #","advice":{"timeout":\#($0)}"# } ?? ""
        return try await send(
            #"[{"channel":"/meta/connect","clientId":"\#(clientID)","connectionType":"long-polling","id":"c"\#(advice)}]"#
        )
    }

    @discardableResult
    func subscribe(_ channel: String = SalesforceTestOrg.channel, replay: Int = -1) async throws -> [SalesforceJSON] {
        try await send(
            #"""
            [{"channel":"/meta/subscribe","clientId":"\#(clientID)","subscription":"\#(channel)","id":"s",
            "ext":{"replay":{"\#(channel)":\#(replay)}}}]
            """#)
    }

    /// Connects until so many events are in, or 10 seconds are over.
    func events(_ count: Int) async throws -> [SalesforceJSON] {
        var events: [SalesforceJSON] = []
        let deadline = ContinuousClock.now + .seconds(10)
        while events.count < count, ContinuousClock.now < deadline {
            events += try await connect().filter { $0["data"] != nil }
        }
        return events
    }
}

extension SalesforceJSON {
    var replayID: Int? { self["data"]?["event"]?["replayId"]?.integer }
    var change: String? { self["data"]?["payload"]?["Change__c"]?.string }
}
