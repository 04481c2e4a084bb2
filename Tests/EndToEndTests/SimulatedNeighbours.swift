import Foundation
import FoundationNetworking
import TestSupport
import Testing

/// Salesforce and CIC as simulators in processes of their own; they end with this value at the latest.
struct SimulatedNeighbours {
    private let processes: [ChildProcess]
    /// Where each org is.
    let orgs: [String: Int]
    var salesforcePort: Int { orgs["acme"] ?? 0 }
    let cicPort: Int
    static let secret = "the-client-secret"
    static let password = "the-cic-password"

    /// Orgs with these queues, `acme` at least, and one CIC site without agents, but for people who belong to no workgroup
    /// and do nothing before they are told to.
    static func start(
        in installation: Installation, orgs: [String] = ["acme"], queues: [String], workgroups: [String],
        skills: [String], people: [String] = []
    ) async throws -> SimulatedNeighbours {
        let salesforce: [String: Any] = [
            "orgs": orgs.enumerated().map { number, name in
                [
                    "name": name, "organizationID": "00D00000000000\(number + 1)EAA", "clientSecret": secret,
                    "queues": queues,
                    "mappingTable": [
                        "object": "Old_Mapping__c", "queue": "Queue__c", "workgroup": "Workgroup__c",
                        "skills": "Skills__c",
                    ],
                ] as [String: Any]
            }
        ]
        let cic: [String: Any] = [
            "users": [["name": "caserouter", "password": password]], "skills": skills,
            "hosts": [["address": "127.0.0.1", "port": 0] as [String: Any]],
            "ledgerPath": installation.directory.appending(path: "cic.ndjson").path,
            "workgroups": workgroups.map { ["name": $0, "queueType": 5] as [String: Any] }
                + [["name": "Holding", "queueType": 1] as [String: Any]],
            "agents": people.map {
                ["name": $0, "enabled": false, "pickUpDelay": 100, "handlingTime": 1500] as [String: Any]
            },
        ]
        let (first, salesforcePorts) = try await start("salesforce", salesforce, installation)
        let (second, cicPorts) = try await start("cic", cic, installation)
        let named: [String: Int] = try ports(of: salesforcePorts)
        let numbered: [Int] = try ports(of: cicPorts)
        return SimulatedNeighbours(processes: [first, second], orgs: named, cicPort: try #require(numbered.first))
    }

    private static func ports<Ports: Decodable>(of announcement: String) throws -> Ports {
        let announced = try JSONDecoder().decode([String: Ports].self, from: Data(announcement.utf8))
        return try #require(announced["ports"])
    }

    private static func start(
        _ kind: String, _ settings: [String: Any], _ installation: Installation
    ) async throws -> (ChildProcess, announcement: String) {
        let file = installation.directory.appending(path: kind + ".json")
        try JSONSerialization.data(withJSONObject: settings).write(to: file)
        let output = installation.directory.appending(path: kind + ".out").path
        let program = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appending(path: "caserouter-dev").path
        let process = try ChildProcess(
            program, ["simulate", kind, "--config", file.path],
            environment: ["PATH": "/usr/bin:/bin", "HOME": installation.directory.path, "LC_ALL": "C.UTF-8"],
            directory: installation.directory.path, output: output)
        try await eventually("\(kind) listens") {
            guard process.exitStatus == nil else {
                throw Installation.Failure(description: try Installation.text(output))
            }
            return try Installation.text(output).contains("\n")
        }
        return (process, try Installation.text(output))
    }

    // MARK: Salesforce

    /// Writes a row of the table in which an older connector keeps which queue goes where.
    func createMapping(of queue: String, to workgroup: String) async throws {
        _ = try await call(
            "POST", "services/data/v58.0/sobjects/Old_Mapping__c",
            json: ["Queue__c": queue, "Workgroup__c": workgroup], token: try await logIn())
    }

    private func logIn(to org: String = "acme") async throws -> String {
        let token = try await call(
            "POST", "services/oauth2/token", at: orgs[org],
            form: "grant_type=client_credentials&client_id=case-router&client_secret=\(Self.secret)", token: nil)
        guard let access = try Self.member("access_token", of: token) else {
            throw Installation.Failure(description: "Salesforce gives no token")
        }
        return access
    }

    /// Makes a user of the org `acme`; the user's id.
    func createUser(_ name: String) async throws -> String {
        let made = try await call("POST", "control/users", json: ["username": name], token: nil)
        guard let id = try Self.member("id", of: made) else {
            throw Installation.Failure(description: "Salesforce made no user")
        }
        return id
    }

    /// Creates a case that a user of `acme` owns; its id and number.
    func createCase(ownedBy user: String) async throws -> (id: String, number: String) {
        try await createCase(["OwnerId": user, "Subject": "x"], at: orgs["acme"], try await logIn())
    }

    /// Somebody who is not the owner writes about a case of `acme`.
    func comment(on caseID: String) async throws {
        _ = try await call(
            "POST", "services/data/v58.0/sobjects/CaseComment",
            json: ["ParentId": caseID, "CommentBody": "Any news?"], token: try await logIn())
    }

    /// Creates a case in a queue, as an agent would; its number.
    func createCase(in queue: String, of org: String = "acme", skills: String = "") async throws -> String {
        let access = try await logIn(to: org)
        let place = orgs[org]
        let found = try await call(
            "GET", "services/data/v58.0/query?q=SELECT%20Id%20FROM%20Group%20WHERE%20Name%20%3D%20%27\(queue)%27",
            at: place, token: access)
        guard let id = String(decoding: found, as: UTF8.self).firstMatch(of: /"Id":"([A-Za-z0-9]+)"/)?.1 else {
            throw Installation.Failure(description: "Salesforce has no queue \(queue)")
        }
        let fields = ["OwnerId": String(id), "Subject": "x", "ObjectRouting_Skills__c": skills]
        return try await createCase(fields, at: place, access).number
    }

    private func createCase(
        _ fields: [String: String], at place: Int?, _ access: String
    ) async throws -> (id: String, number: String) {
        let created = try await call(
            "POST", "services/data/v58.0/sobjects/Case", at: place, json: fields, token: access)
        guard let caseID = try Self.member("id", of: created) else {
            throw Installation.Failure(description: "Salesforce made no case")
        }
        let made = try await call(
            "GET", "services/data/v58.0/sobjects/Case/\(caseID)?fields=CaseNumber", at: place, token: access)
        guard let number = try Self.member("CaseNumber", of: made) else {
            throw Installation.Failure(description: "the case has no number")
        }
        return (caseID, number)
    }

    private static func member(_ name: String, of body: Data) throws -> String? {
        (try JSONSerialization.jsonObject(with: body) as? [String: Any])?[name] as? String
    }

    // MARK: CIC

    /// Changes a switch of the simulated CIC site.
    func changeCIC(_ switches: [String: Any]) async throws {
        _ = try await call(
            "PATCH", "control/configuration", at: cicPort,
            body: JSONSerialization.data(withJSONObject: switches), token: nil)
    }

    /// A person begins to work on what is offered.
    func setToWork(_ person: String) async throws {
        _ = try await call("POST", "control/agents/\(person)/on", at: cicPort, token: nil)
    }

    /// What the site holds now, as JSON.
    func interactions() async throws -> String {
        String(decoding: try await call("GET", "control/interactions", at: cicPort, token: nil), as: UTF8.self)
    }

    // MARK: HTTP

    private func call(
        _ method: String, _ path: String, at port: Int? = nil, form: String? = nil, json: [String: String]? = nil,
        body: Data? = nil, token: String?
    ) async throws -> Data {
        guard let url = URL(string: "http://127.0.0.1:\(port ?? salesforcePort)/\(path)") else {
            throw Installation.Failure(description: "\(path) is no address")
        }
        var request = URLRequest(url: url)
        request.httpMethod = method
        request.httpBody = body
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
