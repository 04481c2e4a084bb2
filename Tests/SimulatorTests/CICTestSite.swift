import Foundation
import Simulators
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// A simulated site that lives as long as one test, and the ways to talk to it.
struct CICTestSite: Sendable {
    let ports: [Int]
    let scheme: String
    let ledgerPath: String
    let urlSession: URLSession

    var server: String { "\(scheme)://127.0.0.1:\(ports[0])" }
    var backup: String { "\(scheme)://127.0.0.2:\(ports[1])" }

    /// A site with two ACD workgroups, a holding workgroup, and no agents.
    static func configuration(_ change: (inout CICSimulatorConfiguration) -> Void = { _ in })
        -> CICSimulatorConfiguration
    {
        var configuration = CICSimulatorConfiguration()
        configuration.server = "CIC1"
        configuration.ledgerPath = NSTemporaryDirectory() + "cic-\(UUID().uuidString).ndjson"
        configuration.workgroups = [
            CICWorkgroup(name: "Support"), CICWorkgroup(name: "Sales"), CICWorkgroup(name: "Holding", queueType: 1),
        ]
        configuration.skills = ["English", "German"]
        configuration.lingering = 50
        change(&configuration)
        return configuration
    }

    /// Runs a site, then `body`, then ends the site.
    static func run(
        _ configuration: CICSimulatorConfiguration = configuration(), authority: ThrowawayCA? = nil,
        _ body: @escaping @Sendable (CICTestSite) async throws -> Void
    ) async throws {
        let simulator = try CICSimulator(configuration, authority: authority)
        let (ready, start) = AsyncStream.makeStream(of: [Int].self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { start.finish() }
                try await simulator.run { start.yield($0) }
            }
            let ports = try #require(await ready.first { _ in true })
            let settings = URLSessionConfiguration.ephemeral
            settings.httpShouldSetCookies = false
            settings.httpCookieAcceptPolicy = .never
            let site = CICTestSite(
                ports: ports, scheme: authority == nil && configuration.tls == nil ? "http" : "https",
                ledgerPath: configuration.ledgerPath, urlSession: URLSession(configuration: settings))
            try await body(site)
            group.cancelAll()
        }
    }

    struct Answer: Sendable {
        let status: Int
        let headers: [String: String]
        let body: Data

        var json: [String: Any] { (try? JSONSerialization.jsonObject(with: body)) as? [String: Any] ?? [:] }
        var messages: [[String: Any]] { (try? JSONSerialization.jsonObject(with: body)) as? [[String: Any]] ?? [] }
    }

    func send(
        _ method: String, _ url: String, _ body: Any? = nil, headers: [String: String] = [:]
    ) async throws -> Answer {
        var request = URLRequest(url: try #require(URL(string: url)), timeoutInterval: 20)
        request.httpMethod = method
        for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
        if let body { request.httpBody = try JSONSerialization.data(withJSONObject: body, options: .fragmentsAllowed) }
        let (data, response) = try await urlSession.data(for: request)
        let http = try #require(response as? HTTPURLResponse)
        var fields: [String: String] = [:]
        for (name, value) in http.allHeaderFields { fields["\(name)".lowercased()] = "\(value)" }
        return Answer(status: http.statusCode, headers: fields, body: data)
    }

    @discardableResult
    func control(_ path: String, _ body: Any? = nil, method: String = "POST") async throws -> Answer {
        let answer = try await send(method, "\(server)/control/\(path)", body)
        #expect(answer.status < 300, "\(path): \(String(decoding: answer.body, as: UTF8.self))")
        return answer
    }

    static let credentials = [
        "__type": "urn:inin.com:connection:icAuthConnectionRequestSettings", "applicationName": "test",
        "userID": "caserouter", "password": "secret",
    ]

    func connect(to url: String? = nil, _ body: [String: Any] = credentials) async throws -> Answer {
        try await send("POST", "\(url ?? server)/icws/connection", body, headers: ["Accept-Language": "en-us"])
    }

    func session(on url: String? = nil) async throws -> CICTestSession {
        let answer = try await connect(to: url)
        try #require(answer.status == 201, "\(answer)")
        return CICTestSession(
            site: self, root: "\(url ?? server)/icws/\(answer.json["sessionId"] as? String ?? "")",
            headers: [
                "ININ-ICWS-CSRF-Token": answer.json["csrfToken"] as? String ?? "",
                "Cookie": answer.headers["set-cookie"] ?? "",
            ])
    }

    /// The ledger's lines of a kind.
    func ledger(_ kind: String) throws -> [[String: Any]] {
        let text = try String(contentsOfFile: ledgerPath, encoding: .utf8)
        return try text.split(separator: "\n").compactMap { line in
            let entry = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            return entry?["kind"] as? String == kind ? entry : nil
        }
    }

    /// The events of one interaction, in order.
    func events(_ interaction: String) throws -> [String] {
        try ledger("interaction").filter { $0["interaction"] as? String == interaction }
            .compactMap { $0["event"] as? String }
    }
}

/// One ICWS session, as a client holds it.
struct CICTestSession: Sendable {
    let site: CICTestSite
    let root: String
    let headers: [String: String]

    var id: String { root.split(separator: "/").last.map(String.init) ?? "" }

    func call(_ method: String, _ path: String, _ body: Any? = nil) async throws -> CICTestSite.Answer {
        try await site.send(method, root + path, body, headers: headers)
    }

    func poll() async throws -> [[String: Any]] {
        let answer = try await call("GET", "/messaging/messages")
        #expect(answer.status == 200)
        return answer.messages
    }

    /// Polls until a message fits.
    func message(_ fits: ([String: Any]) -> Bool) async throws -> [String: Any] {
        let deadline = ContinuousClock.now + .seconds(240)
        while ContinuousClock.now < deadline {
            if let found = try await poll().first(where: fits) { return found }
            try await Task.sleep(for: .milliseconds(10))
        }
        Issue.record("no such message within 240 s")
        return [:]
    }

    func watch(_ workgroups: String..., id: String = "q", attributes: [String] = ["Eic_State", "CR_CaseId"])
        async throws
    {
        let queues = workgroups.map { ["queueType": 2, "queueName": $0] as [String: Any] }
        let answer = try await call(
            "PUT", "/messaging/subscriptions/queues/\(id)", ["queueIds": queues, "attributeNames": attributes])
        #expect(answer.status == 200)
    }

    static func generic(_ workgroup: String, _ attributes: [String: String] = [:]) -> [String: Any] {
        [
            "__type": "urn:inin.com:interactions:createGenericInteractionParameters",
            "queueId": ["queueType": 2, "queueName": workgroup], "initialState": 5, "remoteName": "Case 1",
            "additionalAttributes": attributes,
        ]
    }

    func create(in workgroup: String, _ attributes: [String: String] = [:]) async throws -> String {
        let answer = try await call("POST", "/interactions", Self.generic(workgroup, attributes))
        #expect(answer.status == 201)
        return answer.json["interactionId"] as? String ?? ""
    }

    func attributes(_ interaction: String, _ names: String) async throws -> [String: String] {
        let answer = try await call("GET", "/interactions/\(interaction)?select=\(names)")
        return answer.json["attributes"] as? [String: String] ?? ["status": "\(answer.status)"]
    }

    // MARK: The handler

    func listen(_ event: String = "Answers") async throws {
        let headers = [["objectId": "CaseRouter", "eventIds": [event]] as [String: Any]]
        let answer = try await call(
            "PUT", "/messaging/subscriptions/system/handler-sent-notifications", ["headers": headers])
        #expect(answer.status == 204)
    }

    func notify(_ event: String, _ data: String...) async throws {
        try await notify(event, data)
    }

    private func notify(_ event: String, _ data: [String]) async throws {
        let body: [String: Any] = ["objectId": "CaseRouter", "eventId": event, "data": ["1", "Answers"] + data]
        #expect(try await call("POST", "/system/handler-notification", body).status == 202)
    }

    /// Sends a request to the handler and returns its answer's data.
    func ask(_ event: String, _ data: String...) async throws -> [String] {
        try await notify(event, data)
        return try await message { $0["data"] != nil }["data"] as? [String] ?? []
    }

    /// Creates by the handler and returns the interaction.
    func handlerCreate(_ attempt: String, _ attributes: String...) async throws -> String {
        try await notify("Create", [attempt, "Holding"] + attributes)
        let answer = try await message { $0["data"] != nil }["data"] as? [String] ?? []
        try #require(answer.count == 3 && answer[0] == "Created", "\(answer)")
        return answer[2]
    }
}

/// The interactions' ids of a part of queue messages.
func ids(_ messages: [[String: Any]], _ part: String) -> [String] {
    messages.flatMap { message -> [String] in
        if part == "interactionsRemoved" { return message[part] as? [String] ?? [] }
        return (message[part] as? [[String: Any]] ?? []).compactMap { $0["interactionId"] as? String }
    }
}

/// The attributes of an interaction in a part of queue messages.
func attributes(_ messages: [[String: Any]], _ part: String, _ interaction: String) -> [[String: String]] {
    messages.flatMap { $0[part] as? [[String: Any]] ?? [] }
        .filter { $0["interactionId"] as? String == interaction }
        .compactMap { $0["attributes"] as? [String: String] }
}
