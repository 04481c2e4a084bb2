import Foundation
import FoundationNetworking
import Polling
import Postgres
import TestSupport
import Testing

/// The product's real program with a database, a virtual host and a key file of its own.
///
/// Its processes start with nothing in their environment but what is written here.
struct Installation {
    struct Outcome {
        let status: Int32?
        let output: String
        let errors: String
    }

    struct Failure: Error, CustomStringConvertible { let description: String }

    let directory: URL
    let loop: PollExecutor
    let database: TestDatabase
    let virtualHost: String
    private var environment: [String: String]

    var keyFile: String { directory.appending(path: "key").path }
    var databaseURL: String { database.url }

    /// Runs `body` with an installation that is migrated and has a key, and removes it afterwards.
    static func with(_ body: (Installation) async throws -> Void) async throws {
        try await TestDatabase.with { database in
            let host = database.name
            _ = try await management("PUT", "vhosts/\(host)")
            let directory = FileManager.default.temporaryDirectory.appending(path: "installation-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            let result: Result<Void, any Error>
            do {
                let installation = Installation(
                    directory: directory, loop: PollExecutor(name: "installation"), database: database,
                    virtualHost: host,
                    environment: [
                        "PATH": "/usr/bin:/bin", "HOME": directory.path, "LC_ALL": "C.UTF-8",
                        "CASEROUTER_DATABASE_URL": database.url,
                        "CASEROUTER_BROKER_URL": try variable("CASEROUTER_TEST_BROKER_URL") + "/" + host,
                        "CASEROUTER_KEY_FILE": directory.appending(path: "key").path,
                    ])
                defer { installation.loop.stop() }
                for words in [["keys", "generate", installation.keyFile], ["migrate"]] {
                    let outcome = try await installation.run(words)
                    guard outcome.status == 0 else { throw Failure(description: "\(words): \(outcome.errors)") }
                }
                result = .success(try await body(installation))
            } catch {
                result = .failure(error)
            }
            _ = try await management("DELETE", "vhosts/\(host)")
            try FileManager.default.removeItem(at: directory)
            try result.get()
        }
    }

    // MARK: Programs

    /// Runs one command to its end.
    ///
    /// - Parameter changes: variables set anew; nil leaves one out.
    func run(
        _ arguments: [String], input: String = "", _ changes: [String: String?] = [:]
    ) async throws -> Outcome {
        let place = directory.appending(path: UUID().uuidString).path
        try Data(input.utf8).write(to: URL(fileURLWithPath: place + ".in"))
        let variables = surroundings(changes).merging(["PLACE": place]) { _, new in new }
        // The shell takes input and errors apart, and the program takes its place.
        let process = try ChildProcess(
            "/bin/sh", ["-c", #"exec "$0" "$@" <"$PLACE.in" 2>"$PLACE.errors""#, try Self.program()] + arguments,
            environment: variables, directory: directory.path, output: place + ".out")
        let status = try await process.wait(atMost: .seconds(240))
        return Outcome(status: status, output: try Self.text(place + ".out"), errors: try Self.text(place + ".errors"))
    }

    /// Sets the site up.
    func apply(_ site: String) async throws {
        let outcome = try await run(["config", "apply", "-"], input: site)
        guard outcome.status == 0 else { throw Failure(description: outcome.errors) }
    }

    /// Starts a worker and returns when it says that it is ready.
    ///
    /// - Parameter name: where there are several of a role.
    func start(_ role: String, name: String? = nil) async throws -> RunningWorker {
        let log = directory.appending(path: (name ?? role) + ".log").path
        let process = try ChildProcess(
            try Self.program(), [role],
            environment: surroundings(["CASEROUTER_LISTEN": "127.0.0.1:0", "CASEROUTER_WORKER_NAME": name ?? role]),
            directory: directory.path, output: log)
        let worker = RunningWorker(process: process, logFile: log)
        try await eventually("\(role) is ready") {
            guard process.exitStatus == nil else { throw Failure(description: try worker.log) }
            return try worker.log.contains("info worker ready")
        }
        return worker
    }

    /// Starts a simulated neighbour and returns when it listens.
    func simulate(_ neighbour: String) async throws -> Simulator {
        let place = directory.appending(path: neighbour).path
        let process = try ChildProcess(
            try Self.program("caserouter-dev"),
            ["simulate", neighbour, "--ledger", place + ".ndjson"], environment: environment,
            directory: directory.path, output: place + ".out")
        let simulator = Simulator(process: process, outputFile: place + ".out")
        try await eventually("\(neighbour) listens") {
            try Self.text(simulator.outputFile).contains("\n")
        }
        return simulator
    }

    /// The same, with other surroundings for every program that is started: a test that reads the database itself keeps
    /// its own way to it.
    func changing(_ changes: [String: String]) -> Installation {
        var other = self
        other.environment.merge(changes) { _, new in new }
        return other
    }

    func surroundings(_ changes: [String: String?]) -> [String: String] {
        var variables = environment
        for (name, value) in changes { variables[name] = value }
        return variables
    }

    /// The build puts it beside the tests.
    static func program(_ name: String = "caserouter") throws -> String {
        let path = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appending(path: name).path
        guard access(path, X_OK) == 0 else { throw Failure(description: "\(path) is missing") }
        return path
    }

    static func text(_ file: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: file)), as: UTF8.self)
    }

    // MARK: Neighbours

    /// The first column of every row.
    func query(_ sql: String) async throws -> [String] {
        let connection = try await database.connect(on: loop)
        do {
            let rows = try await connection.query(sql).map { row throws(PostgresError) in try row.text(0) }
            await connection.close()
            return rows
        } catch {
            await connection.close()
            throw error
        }
    }

    /// Puts a message into a queue, as people do by hand.
    func publish(_ body: [UInt8], to queue: String = "caserouter.requests") async throws {
        let message: [String: Any] = [
            "properties": ["delivery_mode": 2], "routing_key": queue, "payload": Data(body).base64EncodedString(),
            "payload_encoding": "base64",
        ]
        let answer = try await Self.management(
            "POST", "exchanges/\(virtualHost)/amq.default/publish", JSONSerialization.data(withJSONObject: message))
        guard String(decoding: answer, as: UTF8.self).contains("true") else {
            throw Failure(description: "\(queue) did not take a message")
        }
    }

    /// How many messages lie in a queue, by looking: the broker's figures lag by seconds.
    func bodies(in queue: String) async throws -> [String] {
        let request: [String: Any] = [
            "count": 1_000, "ackmode": "ack_requeue_true", "encoding": "base64", "truncate": 1_000,
        ]
        let answer = try await Self.management(
            "POST", "queues/\(virtualHost)/\(queue)/get", JSONSerialization.data(withJSONObject: request))
        struct Message: Decodable { let payload: String }
        return try JSONDecoder().decode([Message].self, from: answer).map {
            String(decoding: Data(base64Encoded: $0.payload) ?? Data(), as: UTF8.self)
        }
    }

    @discardableResult
    static func management(_ method: String, _ path: String, _ body: Data? = nil) async throws -> Data {
        guard let base = URLComponents(string: try variable("CASEROUTER_TEST_BROKER_MANAGEMENT_URL")),
            let port = base.port, let user = base.user, let password = base.password,
            let url = URL(string: "http://127.0.0.1:\(port)/api/\(path)")
        else { throw Failure(description: "CASEROUTER_TEST_BROKER_MANAGEMENT_URL is no URL with a user") }
        var request = URLRequest(url: url)
        request.httpMethod = method
        request.httpBody = body
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        request.setValue(
            "Basic " + Data("\(user):\(password)".utf8).base64EncodedString(), forHTTPHeaderField: "Authorization")
        let (data, response) = try await URLSession.shared.data(for: request)
        guard let status = (response as? HTTPURLResponse)?.statusCode, (200..<300).contains(status) else {
            throw Failure(description: "\(method) \(path): \(String(decoding: data.prefix(300), as: UTF8.self))")
        }
        return data
    }

    static func variable(_ name: String) throws -> String {
        guard let value = ProcessInfo.processInfo.environment[name] else {
            throw Failure(description: "set \(name) (scripts/test starts the servers and does)")
        }
        return value
    }
}

/// A worker that a test started; it ends with this value at the latest.
struct RunningWorker {
    let process: ChildProcess
    let logFile: String

    var log: String { get throws { try Installation.text(logFile) } }
}

/// A simulated neighbour that a test started; it ends with this value at the latest.
struct Simulator {
    let process: ChildProcess
    let outputFile: String

    /// Where it listens: by org, or one per host.
    func ports<Ports: Decodable>(as: Ports.Type) throws -> Ports {
        let announced = try JSONDecoder().decode([String: Ports].self, from: Data(Installation.text(outputFile).utf8))
        guard let ports = announced["ports"] else { throw Installation.Failure(description: "\(announced)") }
        return ports
    }
}
