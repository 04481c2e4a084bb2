import Foundation
import FoundationNetworking
import TestSupport
import Testing

/// A Salesforce org in a process of its own, which can be ended and begun anew at the same address.
struct SimulatedOrg {
    static let organization = "00D000000000001EAA"

    let process: ChildProcess
    let port: Int
    private let secret: String

    /// - Parameters:
    ///   - port: 0 takes a free one.
    ///   - secret: of the app by which one logs in.
    static func start(
        _ installation: Installation, queues: [String], secret: String, port: Int = 0
    ) async throws -> SimulatedOrg {
        let org: [String: Any] = [
            "name": "acme", "organizationID": organization, "clientSecret": secret, "queues": queues, "port": port,
        ]
        let place = installation.directory.appending(path: "org-\(UUID().uuidString)").path
        try JSONSerialization.data(withJSONObject: ["orgs": [org], "connectHold": 5])
            .write(to: URL(fileURLWithPath: place + ".json"))
        let process = try ChildProcess(
            try Installation.program("caserouter-dev"), ["simulate", "salesforce", "--config", place + ".json"],
            environment: ["PATH": "/usr/bin:/bin"], directory: installation.directory.path, output: place + ".out")
        var listensOn: Int?
        try await eventually("the org listens") {
            let output = try Installation.text(place + ".out")
            guard process.exitStatus == nil else { throw Installation.Failure(description: output) }
            listensOn = output.firstMatch(of: /"acme":([0-9]+)/).flatMap { Int($0.1) }
            return listensOn != nil
        }
        return SimulatedOrg(process: process, port: try #require(listensOn), secret: secret)
    }

    /// An administrator's doings, and what goes wrong.
    @discardableResult
    func control(_ method: String, _ path: String, _ body: [String: Any] = [:]) async throws -> [String: Any] {
        try await call(
            method, "control/\(path)", method == "GET" ? nil : JSONSerialization.data(withJSONObject: body), [:])
    }

    /// A person opens a case in a queue.
    func openCase(in queue: String) async throws {
        let form = "grant_type=client_credentials&client_id=case-router&client_secret=\(secret)"
        let session = try await call(
            "POST", "services/oauth2/token", Data(form.utf8), ["Content-Type": "application/x-www-form-urlencoded"])
        let token = try #require(session["access_token"] as? String)
        let queues = try #require(try await control("GET", "state")["queues"] as? [String: String])
        _ = try await call(
            "POST", "services/data/v62.0/sobjects/Case",
            JSONSerialization.data(withJSONObject: ["OwnerId": try #require(queues[queue]), "Subject": "help"]),
            ["Authorization": "Bearer \(token)", "Content-Type": "application/json"])
    }

    private func call(
        _ method: String, _ path: String, _ body: Data?, _ fields: [String: String]
    ) async throws -> [String: Any] {
        var request = URLRequest(url: try #require(URL(string: "http://127.0.0.1:\(port)/\(path)")))
        request.httpMethod = method
        request.httpBody = body
        for (name, value) in fields { request.setValue(value, forHTTPHeaderField: name) }
        let (data, response) = try await URLSession.shared.data(for: request)
        guard let status = (response as? HTTPURLResponse)?.statusCode, (200..<300).contains(status) else {
            throw Installation.Failure(description: "\(method) \(path): \(String(decoding: data, as: UTF8.self))")
        }
        return try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
    }
}
