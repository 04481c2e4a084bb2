import Foundation
import FoundationNetworking
import TestSupport
import Testing

/// An installation with a CIC site that knows the skill German and no other, and cases that ask for what they please.
struct FailingSite {
    static let queue = "00G000000000001EAA"
    static let org = "acme"

    let installation: Installation
    let cic: SimulatedCIC

    static func with(_ body: (FailingSite) async throws -> Void) async throws {
        try await Installation.with { installation in
            let cic = try await SimulatedCIC.start("east", installation)
            defer { cic.process.end() }
            let site = FailingSite(installation: installation, cic: cic)
            try await site.setUp()
            try await body(site)
        }
    }

    private func setUp() async throws {
        let file = """
            orgs: [{name: \(Self.org), login_url: 'https://login.example', organization_id: 00D000000000001EAA, mode: live,
              route_changes_since: '2020-01-01T00:00:00Z'}]
            cic: [{name: east, hosts: \(cic.hosts), tls: false, creation: handler, holding: Hold}]
            mappings: [{org: \(Self.org), queue: \(Self.queue), cic: east, workgroup: Support}]
            """
        try await must(["config", "apply", "-"], input: file)
        try await must(["credentials", "set", "cic:east"], input: #"{"user": "caserouter", "password": "secret"}"#)
    }

    /// Runs a command that has to end well, and returns what it printed.
    @discardableResult
    func must(_ arguments: [String], input: String = "") async throws -> String {
        let outcome = try await installation.run(arguments, input: input)
        guard outcome.status == 0 else {
            throw Installation.Failure(description: "\(arguments): \(outcome.output)\(outcome.errors)")
        }
        return outcome.output
    }

    // MARK: Cases

    static func id(_ number: Int) -> String {
        let digits = String(number)
        return "500" + String(repeating: "0", count: 12 - digits.count) + digits + "AAA"
    }

    /// The request that a new case is, as ingest publishes it.
    static func request(_ number: Int, skills: String, queue: String = queue) -> [UInt8] {
        Array(
            """
            {"specversion":"1.0","id":"o:row\(number)","source":"/orgs/\(org)","type":"caserouter.case.created.v1",\
            "subject":"\(id(number))","time":"2026-11-21T00:00:00Z","datacontenttype":"application/json",\
            "data":{"version":\(number),"caseNumber":"\(1000 + number)","owner":"\(queue)","skills":"\(skills)"}}
            """.utf8)
    }

    func publish(_ number: Int, skills: String, queue: String = queue) async throws {
        try await installation.publish(Self.request(number, skills: skills, queue: queue))
    }

    /// Waits until so many cases are failed.
    func untilFailed(_ count: Int) async throws {
        try await eventually("\(count) cases are failed") {
            try await installation.query("SELECT case_id FROM caserouter.failed_requests").count == count
        }
    }

    func untilRouted(_ number: Int, on workgroup: String = "Support") async throws {
        try await eventually("case \(number) waits for an agent") {
            try await interactions(of: number).map(\.workgroup) == [workgroup]
        }
    }

    // MARK: CIC

    struct Interaction: Decodable {
        let interaction: String
        let workgroup: String
    }

    /// Live interactions of a case.
    func interactions(of number: Int) async throws -> [Interaction] {
        struct Found: Decodable { let interactions: [Interaction] }
        let data = try await control("GET", "interactions?case=\(Self.id(number))")
        return try JSONDecoder().decode(Found.self, from: data).interactions
    }

    /// How often an interaction was created, whatever became of it.
    func creations() throws -> Int {
        try ledger().split(separator: "\n").count { $0.contains("\"event\":\"created\"") }
    }

    /// What the CIC site has written down.
    func ledger() throws -> String { try Installation.text(cic.ledgerFile) }

    @discardableResult
    func control(_ method: String, _ path: String, _ body: String? = nil) async throws -> Data {
        try await cic.control(method, path, body)
    }
}

/// A CIC site of two hosts in a process of its own.
struct SimulatedCIC {
    let process: ChildProcess
    let port: Int
    let ledgerFile: String

    /// As a site file has them.
    var hosts: String { "['127.0.0.1:\(port)', '127.0.0.2:\(port)']" }

    /// - Parameter port: that of a site that has ended, to be the same one, restarted; 0 takes a free one.
    static func start(
        _ server: String, _ installation: Installation, port: Int = 0
    ) async throws -> SimulatedCIC {
        let ledger = installation.directory.appending(path: "\(server).ndjson").path
        let settings = """
            {"server": "\(server)", "users": [{"name": "caserouter", "password": "secret"}], "skills": ["German"],
            "ledgerPath": "\(ledger)",
            "hosts": [{"address": "127.0.0.1", "port": \(port)}, {"address": "127.0.0.2", "port": 0}],
            "workgroups": [{"name": "Support"}, {"name": "Hold", "queueType": 1}, {"name": "Idle", "isActive": false}]}
            """
        let file = installation.directory.appending(path: "\(server).json")
        try Data(settings.utf8).write(to: file)
        let output = installation.directory.appending(path: "\(server).out").path
        let process = try ChildProcess(
            try Installation.program("caserouter-dev"), ["simulate", "cic", "--config", file.path],
            environment: ["PATH": "/usr/bin:/bin"], directory: installation.directory.path, output: output)
        var port = 0
        try await eventually("the CIC site listens") {
            let digits = try Installation.text(output).matches(of: /[0-9]{4,5}/)
            port = digits.compactMap { Int($0.0) }.first ?? 0
            return port > 0
        }
        return SimulatedCIC(process: process, port: port, ledgerFile: ledger)
    }

    @discardableResult
    func control(_ method: String, _ path: String, _ body: String? = nil) async throws -> Data {
        guard let url = URL(string: "http://127.0.0.1:\(port)/control/\(path)") else {
            throw Installation.Failure(description: "\(path) is no path")
        }
        var request = URLRequest(url: url)
        request.httpMethod = method
        request.httpBody = body.map { Data($0.utf8) }
        let (data, response) = try await URLSession.shared.data(for: request)
        guard let status = (response as? HTTPURLResponse)?.statusCode, (200..<300).contains(status) else {
            throw Installation.Failure(description: "\(method) \(path): \(String(decoding: data, as: UTF8.self))")
        }
        return data
    }
}

extension Installation {
    /// Failed cases without a history, from this number on, wanted on a CIC server that no worker has.
    func failCases(_ numbers: ClosedRange<Int>, cause: String = "skill-unknown", cic: String = "east") async throws {
        _ = try await query(
            """
            INSERT INTO caserouter.cases (
                org, case_id, case_number, revision, applied_revision, version_epoch, owner, skills, want_cic,
                want_workgroup, want_skills, acts_on_cic, attempts, failure_kind, failure_stage, failure_cause,
                failure_summary, failed_at, failure_number)
            SELECT 'acme', '500' || lpad(n::text, 12, '0') || 'AAA', (1000 + n)::text, 1, 0, 1, '00G000000000001EAA',
                'Germn', '\(cic)', 'Support', 'Germn', '\(cic)', 8, 'configuration', 'assign', '\(cause)',
                'There is no skill Germn.', now() - (100000 - n) * interval '1 second', 1
            FROM generate_series(\(numbers.lowerBound), \(numbers.upperBound)) n
            """)
    }

    /// How often a case was sent again, by whatever means.
    func retries() async throws -> Int {
        try await query("SELECT target FROM caserouter.audit WHERE action = 'failed retry'").count
    }
}
