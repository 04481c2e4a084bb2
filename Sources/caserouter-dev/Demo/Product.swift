import Foundation

/// The product as the demo uses it: its commands, run as an administrator would, and its workers.
struct Product: Sendable {
    /// A kind of worker, and how many of it the demo starts.
    enum Role: String, CaseIterable, Sendable {
        case ingest, route, serve

        var count: Int { self == .serve ? 1 : 2 }
    }

    let run: RunDirectory
    let stack: PrivateStack
    let servePort: UInt16
    /// What workers are told instead of or besides what commands are: the addresses of something in between.
    var workerSurroundings: [String: String] = [:]
    /// Of workers, where it shall be wrong sometimes.
    var falseClock: FalseClock?

    private var keyFile: String { run.file("key") }

    /// What every process of the product is told about its surroundings (design 11).
    private func environment(_ more: [String: String] = [:]) -> [String: String] {
        Executables.environment(home: run.path).merging([
            "CASEROUTER_DATABASE_URL": stack.postgres.url, "CASEROUTER_BROKER_URL": stack.brokerURL(),
            "CASEROUTER_KEY_FILE": keyFile,
        ]) { _, own in own }.merging(more) { _, more in more }
    }

    /// Sets the site up through the product's own commands.
    func setUp(_ site: DemoSite, _ ids: SalesforceIDs = SalesforceIDs()) async throws {
        try run.write(try site.siteFile(ids), to: "site.yaml")
        // For people who look around while the demo runs.
        try run.write(
            environment().filter { $0.key.hasPrefix("CASEROUTER_") }.sorted { $0.key < $1.key }
                .map { "export \($0.key)='\($0.value)'\n" }.joined(), to: "product.env")
        try await command("keys", ["keys", "generate", keyFile])
        try await command("migrate", ["migrate"])
        try await command("config", ["config", "apply", run.file("site.yaml")])
        for (target, parts) in site.credentials {
            let input = String(decoding: try JSONEncoder().encode(parts), as: UTF8.self)
            try await command("credentials", ["credentials", "set", target], input: input)
        }
    }

    /// Starts a worker and waits until it says that it is ready.
    func start(_ role: Role, _ number: Int) async throws -> ChildProcess {
        let label = "\(role.rawValue)-\(number)"
        var more = ["CASEROUTER_WORKER_NAME": label]
        if let falseClock { more.merge(try falseClock.surroundings(of: label)) { _, new in new } }
        if role == .serve { more["CASEROUTER_LISTEN"] = "127.0.0.1:\(servePort)" }
        let log = run.file(label + ".log")
        let before = Self.size(of: log)
        let child = try run.start(
            label, [try Executables.product(), role.rawValue],
            environment: environment(workerSurroundings.merging(more) { $1 }), rank: .worker,
            grace: 30)
        try await Readiness.wait(for: label, child, log: log, limit: .seconds(60)) {
            Self.saysReady(log, after: before)
        }
        return child
    }

    /// What became of the requests of every org, asked like any reader of reports would.
    func accounting() async throws -> [Accounting] {
        let output = try await output("accounting", ["report", "accounting", "--json"])
        return try JSONDecoder().decode(Accounting.Report.self, from: output).rows
    }

    /// Why servers, orgs or workgroups are not worked on.
    func holdReasons() async throws -> Set<String> {
        struct Status: Decodable {
            struct Hold: Decodable { let reason: String }
            let holds: [Hold]
        }
        // 1: something needs a person.
        let output = try await output("status", ["status", "--json"], codes: [0, 1])
        return Set(try JSONDecoder().decode(Status.self, from: output).holds.map(\.reason))
    }

    /// Runs a command as a person would, and returns what it printed.
    ///
    /// - Parameters:
    ///   - label: names the files of its output; not two at a time.
    ///   - codes: with which it may end.
    func output(_ label: String, _ arguments: [String], codes: Set<Int32> = [0]) async throws -> Data {
        let (output, errors) = (run.file(label + ".out"), run.file(label + ".log"))
        unlink(output)
        let child = try ChildProcess(
            command: [try Executables.product()] + arguments,
            environment: environment().merging([RunDirectory.marker: run.path]) { _, marker in marker },
            output: output, errors: errors)
        let code = try await child.waitForExit(limit: .seconds(30))
        guard codes.contains(code) else {
            throw RunFailure("caserouter \(arguments.joined(separator: " ")) ended with \(code): see \(errors)")
        }
        return try Data(contentsOf: URL(fileURLWithPath: output))
    }

    private func command(_ label: String, _ arguments: [String], input: String? = nil) async throws {
        try await run.run(
            label, [try Executables.product()] + arguments, environment: environment(), input: input)
    }

    private static func saysReady(_ log: String, after offset: Int) -> Bool {
        // The log appears with the first line.
        guard let text = try? Data(contentsOf: URL(fileURLWithPath: log)) else { return false }
        return text.dropFirst(offset).range(of: Data("ready".utf8)) != nil
    }

    private static func size(of file: String) -> Int {
        // No file yet: nothing to skip.
        (try? Data(contentsOf: URL(fileURLWithPath: file)).count) ?? 0
    }
}

/// What became of the requests of one org.
struct Accounting: Decodable, Sendable {
    struct Report: Decodable { let rows: [Accounting] }

    var org = ""
    var received = 0
    var routed = 0
    var ignored = 0
    var superseded = 0
    var failed = 0
    var discarded = 0
    var pending = 0
    /// Of those received, what sweeps published because no change told it.
    var observed = 0

    /// Whether every request received is in exactly one of the other columns.
    var balances: Bool { received == routed + ignored + superseded + failed + discarded + pending }

    static func total(_ orgs: [Accounting]) -> Accounting {
        orgs.reduce(into: Accounting(org: "total")) { sum, org in
            sum.received += org.received
            sum.routed += org.routed
            sum.ignored += org.ignored
            sum.superseded += org.superseded
            sum.failed += org.failed
            sum.discarded += org.discarded
            sum.pending += org.pending
            sum.observed += org.observed
        }
    }
}
