import Foundation

/// The directory of one run, `.run/NAME` in the checkout: what the run wrote, and a record of every process it started.
///
/// A record is written as soon as a process exists. Whoever finds the directory later can end exactly these processes:
/// the run itself, its guard after the run was killed, or the next `start` and `stop` after both were.
struct RunDirectory: Sendable {
    /// Every process of a run finds this variable in its environment and hands it on, so that also one that was started
    /// in the instant before its record is written can be found. (Not `CASEROUTER_…`: workers refuse unknown names.)
    static let marker = "CASE_ROUTER_RUN"

    let path: String

    init(root: String, name: String) throws {
        guard !name.isEmpty, name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") })
        else { throw RunFailure("a run's name consists of letters, digits, - and _") }
        let absolute = URL(fileURLWithPath: root).standardizedFileURL.path
        path = absolute + "/.run/" + name
    }

    private var records: String { path + "/processes" }

    func file(_ name: String) -> String { path + "/" + name }

    /// Makes the directory; empties it when it is there. No process of an earlier run may be alive.
    func makeEmpty() throws {
        if FileManager.default.fileExists(atPath: path) {
            for entry in try FileManager.default.contentsOfDirectory(atPath: path) where entry != RunLock.file {
                try FileManager.default.removeItem(atPath: file(entry))
            }
        }
        try FileManager.default.createDirectory(atPath: records, withIntermediateDirectories: true)
    }

    /// Writes a file that only its owner may read.
    func write(_ text: String, to name: String) throws {
        let data = Data(text.utf8)
        guard FileManager.default.createFile(atPath: file(name), contents: data, attributes: [.posixPermissions: 0o600])
        else { throw RunFailure("\(file(name)) cannot be written") }
    }

    /// Starts a process of this run and records it. Its output goes to `LABEL.log`, or to where ours goes.
    func start(
        _ label: String, _ command: [String], environment: [String: String], rank: ProcessRecord.Rank,
        endSignal: Int32 = SIGTERM, grace: Int = 20, sharesOutput: Bool = false
    ) throws -> ChildProcess {
        let child = try ChildProcess(
            command: command, environment: environment.merging([Self.marker: path]) { _, marker in marker },
            output: sharesOutput ? nil : file(label + ".log"))
        guard let status = ProcessStatus(pid: child.pid) else {
            throw RunFailure("\(label) ended before it could be recorded: see \(file(label + ".log"))")
        }
        let record = ProcessRecord(
            label: label, pid: child.pid, startTicks: status.startTicks, rank: rank, endSignal: endSignal, grace: grace)
        try JSONEncoder().encode(record).write(to: URL(fileURLWithPath: "\(records)/\(label).json"))
        return child
    }

    /// Runs a program to its end. Its output is appended to `LABEL.log`.
    ///
    /// - Throws: when it does not end with 0 within the limit; the message names the log.
    func run(
        _ label: String, _ command: [String], environment: [String: String], input: String? = nil,
        limit: Duration = .seconds(120)
    ) async throws {
        let log = file(label + ".log")
        var descriptor: Int32?
        if let input {
            let name = ".input-\(label)"
            try write(input, to: name)
            descriptor = open(file(name), O_RDONLY | O_CLOEXEC)
            try FileManager.default.removeItem(atPath: file(name))
        }
        defer { if let descriptor { close(descriptor) } }
        let child = try ChildProcess(
            command: command, environment: environment.merging([Self.marker: path]) { _, marker in marker },
            input: descriptor, output: log)
        let code = try await child.waitForExit(limit: limit)
        guard code == 0 else {
            throw RunFailure("\(label) ended with \(code): see \(log)\n\(RunDirectory.lastLines(of: log))")
        }
    }

    /// The records of all processes the run started, alive or not.
    func recorded() throws -> [ProcessRecord] {
        guard FileManager.default.fileExists(atPath: records) else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: records).sorted().map { name in
            try JSONDecoder().decode(
                ProcessRecord.self, from: Data(contentsOf: URL(fileURLWithPath: "\(records)/\(name)")))
        }
    }

    /// The end of a log, for a message about a process that failed.
    static func lastLines(of log: String, count: Int = 12) -> String {
        // No log means the process never wrote: the message that names it says enough.
        guard let text = try? String(contentsOfFile: log, encoding: .utf8) else { return "" }
        return text.split(separator: "\n", omittingEmptySubsequences: false).suffix(count + 1).joined(separator: "\n")
    }
}
