import Foundation
import FoundationNetworking
import TestSupport
import Testing

/// Salesforce and CIC as simulators in processes of their own; they end with this value at the latest.
struct SimulatedNeighbours {
    private let processes: [ChildProcess]
    let salesforcePort: Int
    let cicPort: Int
    static let secret = "the-client-secret"
    static let password = "the-cic-password"

    /// One org `acme` with these queues, and one CIC site without agents.
    static func start(
        in installation: Installation, queues: [String], workgroups: [String], skills: [String]
    ) async throws -> SimulatedNeighbours {
        let salesforce: [String: Any] = [
            "orgs": [
                [
                    "name": "acme", "organizationID": "00D000000000001EAA", "clientSecret": secret, "queues": queues,
                    "mappingTable": [
                        "object": "Old_Mapping__c", "queue": "Queue__c", "workgroup": "Workgroup__c",
                        "skills": "Skills__c",
                    ],
                ] as [String: Any]
            ]
        ]
        let cic: [String: Any] = [
            "users": [["name": "caserouter", "password": password]], "skills": skills,
            "hosts": [["address": "127.0.0.1", "port": 0] as [String: Any]],
            "ledgerPath": installation.directory.appending(path: "cic.ndjson").path,
            "workgroups": workgroups.map { ["name": $0, "queueType": 5] as [String: Any] }
                + [["name": "Holding", "queueType": 1] as [String: Any]],
        ]
        let (first, salesforcePort) = try await start("salesforce", salesforce, installation)
        let (second, cicPort) = try await start("cic", cic, installation)
        return SimulatedNeighbours(processes: [first, second], salesforcePort: salesforcePort, cicPort: cicPort)
    }

    private static func start(
        _ kind: String, _ settings: [String: Any], _ installation: Installation
    ) async throws -> (ChildProcess, Int) {
        let file = installation.directory.appending(path: kind + ".json")
        try JSONSerialization.data(withJSONObject: settings).write(to: file)
        let output = installation.directory.appending(path: kind + ".out").path
        let program = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appending(path: "caserouter-dev").path
        let process = try ChildProcess(
            program, ["simulate", kind, "--config", file.path],
            environment: ["PATH": "/usr/bin:/bin", "HOME": installation.directory.path, "LC_ALL": "C.UTF-8"],
            directory: installation.directory.path, output: output)
        var port: Int?
        try await eventually("\(kind) listens", within: .seconds(30)) {
            guard process.exitStatus == nil else {
                throw Installation.Failure(description: try Installation.text(output))
            }
            port =
                try Installation.text(output).firstMatch(of: /"ports":[^0-9]*([0-9]+)/).flatMap { Int($0.1) }
                ?? Installation.text(output).firstMatch(of: /:([0-9]{4,5})/).flatMap { Int($0.1) }
            return port != nil
        }
        guard let port else { throw Installation.Failure(description: "\(kind) did not say its port") }
        return (process, port)
    }

    // MARK: Salesforce

    /// Writes a row of the table in which an older connector keeps which queue goes where.
    func createMapping(of queue: String, to workgroup: String) async throws {
        _ = try await call(
            "POST", "services/data/v58.0/sobjects/Old_Mapping__c",
            json: ["Queue__c": queue, "Workgroup__c": workgroup], token: try await logIn())
    }

    private func logIn() async throws -> String {
        let token = try await call(
            "POST", "services/oauth2/token",
            form: "grant_type=client_credentials&client_id=case-router&client_secret=\(Self.secret)", token: nil)
        guard let access = try Self.member("access_token", of: token) else {
            throw Installation.Failure(description: "Salesforce gives no token")
        }
        return access
    }

    /// Creates a case in a queue, as an agent would; its number.
    func createCase(in queue: String) async throws -> String {
        let access = try await logIn()
        let found = try await call(
            "GET", "services/data/v58.0/query?q=SELECT%20Id%20FROM%20Group%20WHERE%20Name%20%3D%20%27\(queue)%27",
            token: access)
        guard let id = String(decoding: found, as: UTF8.self).firstMatch(of: /"Id":"([A-Za-z0-9]+)"/)?.1 else {
            throw Installation.Failure(description: "Salesforce has no queue \(queue)")
        }
        let created = try await call(
            "POST", "services/data/v58.0/sobjects/Case", json: ["OwnerId": String(id), "Subject": "x"], token: access)
        guard let caseID = try Self.member("id", of: created) else {
            throw Installation.Failure(description: "Salesforce made no case")
        }
        let made = try await call(
            "GET", "services/data/v58.0/sobjects/Case/\(caseID)?fields=CaseNumber", token: access)
        guard let number = try Self.member("CaseNumber", of: made) else {
            throw Installation.Failure(description: "the case has no number")
        }
        return number
    }

    private static func member(_ name: String, of body: Data) throws -> String? {
        (try JSONSerialization.jsonObject(with: body) as? [String: Any])?[name] as? String
    }

    private func call(
        _ method: String, _ path: String, form: String? = nil, json: [String: String]? = nil, token: String?
    ) async throws -> Data {
        guard let url = URL(string: "http://127.0.0.1:\(salesforcePort)/\(path)") else {
            throw Installation.Failure(description: "\(path) is no address")
        }
        var request = URLRequest(url: url)
        request.httpMethod = method
        if let form {
            request.httpBody = Data(form.utf8)
            request.setValue("application/x-www-form-urlencoded", forHTTPHeaderField: "Content-Type")
        } else if let json {
            request.httpBody = try JSONSerialization.data(withJSONObject: json)
            request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        }
        if let token { request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization") }
        let (data, response) = try await URLSession.shared.data(for: request)
        guard let status = (response as? HTTPURLResponse)?.statusCode, (200..<300).contains(status) else {
            throw Installation.Failure(
                description: "\(method) \(path): \(String(decoding: data.prefix(300), as: UTF8.self))")
        }
        return data
    }
}
