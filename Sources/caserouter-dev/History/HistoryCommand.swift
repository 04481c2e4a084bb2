import ArgumentParser
import Foundation

/// `generate-history`: a database as it is after a year of work, for reports and for measuring them.
struct HistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate-history", abstract: "Fill a migrated database with cases of the past.",
        discussion: """
            Some 3.5 requests, 1.2 episodes and 1.2 attempts a case, of two orgs that no worker works on; the last day's \
            newest cases wait or are failed. There is no way to remove them but to drop the database. Five million cases \
            need about 25 GB.
            """)

    @Option(help: "How many cases.") var cases = 50_000
    @Option(help: "Over how many days, today included.") var days = 30
    @Option(help: "The database's URL; by default CASEROUTER_DATABASE_URL.") var database: String?

    func validate() throws {
        guard (1...100_000_000).contains(cases) else { throw ValidationError("--cases is from 1 to 100000000") }
        guard (1...3_650).contains(days) else { throw ValidationError("--days is from 1 to 3650") }
    }

    func run() async throws {
        let own = ProcessInfo.processInfo.environment
        guard let url = database ?? own["CASEROUTER_DATABASE_URL"] else {
            throw RunFailure("say which database: --database URL, or CASEROUTER_DATABASE_URL")
        }
        let place = NSTemporaryDirectory() + "caserouter-history-\(UUID().uuidString)"
        let script = place + ".sql", log = place + ".log"
        defer {
            unlink(script)
            unlink(log)
        }
        try HistoryScript.text.write(toFile: script, atomically: false, encoding: .utf8)
        let start = ContinuousClock.now
        let child = try ChildProcess(
            command: [
                try Executables.postgres("psql"), "--no-psqlrc", "--quiet", "--set", "cases=\(cases)", "--set",
                "days=\(days)", "--file", script,
            ], environment: Executables.environment(home: "/tmp").merging(try Self.address(url)) { _, new in new },
            output: log)
        let code = try await child.waitForExit(limit: .seconds(24 * 3_600))
        guard code == 0 else {
            // Without a log psql could not even be started, which its exit code says.
            let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            throw RunFailure("psql ended with \(code): \(text.suffix(1_000))")
        }
        let seconds = (ContinuousClock.now - start).components.seconds
        print("generate-history: \(cases) cases over \(days) days in \(seconds) s")
    }

    /// As libpq's variables, because arguments are for everyone to read.
    private static func address(_ url: String) throws -> [String: String] {
        guard let parts = URLComponents(string: url), parts.scheme?.hasPrefix("postgres") == true,
            let host = parts.host, parts.path.count > 1
        else { throw RunFailure("the database is given as postgresql://user:password@host:port/database") }
        return [
            "PGHOST": host, "PGPORT": "\(parts.port ?? 5432)", "PGUSER": parts.user ?? "postgres",
            "PGPASSWORD": parts.password ?? "", "PGDATABASE": String(parts.path.dropFirst()), "PGCONNECT_TIMEOUT": "10",
        ]
    }
}
