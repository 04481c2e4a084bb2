import ArgumentParser
import Foundation
import ProtocolSimulation

/// `simulate-protocol`: seeded histories through the whole core, in virtual time.
struct SimulateProtocolCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate-protocol",
        abstract: "Play seeded histories through the whole core in virtual time, and judge what came of each.",
        discussion: """
            The real ingest, routing, watch and housekeeping between a database, a broker, Salesforce and CIC in memory, while \
            the seed decides what happens and what goes wrong. A promise that was broken is printed with its seed and \
            everything that happened. Same seed, same history, on any machine. Exit 1 when a promise was broken.
            """)

    @Option(help: "How many histories.") var seeds: UInt64 = 1_000
    @Option(help: "The first seed.") var from: UInt64 = 1
    @Flag(help: "Print everything that happens, also when all promises are kept.") var trace = false
    @Option(help: "Go on after this many broken promises; only the first is printed whole.") var violations = 1
    @Option(
        help: ArgumentHelp(
            "Let workers break a rule, and tell after how many histories it is found out: all, or one of "
                + BrokenWorker.allCases.map(\.rawValue).joined(separator: ", ") + "."))
    var broken: String?
    @Flag(help: "Print the result as JSON.") var json = false

    func validate() throws {
        guard seeds > 0 else { throw ValidationError("--seeds must be at least 1.") }
        guard from.addingReportingOverflow(seeds).overflow == false else {
            throw ValidationError("--from and --seeds together are too large.")
        }
        guard violations > 0 else { throw ValidationError("--violations must be at least 1.") }
        guard broken == nil || broken == "all" || broken.flatMap(BrokenWorker.init) != nil else {
            throw ValidationError("No worker is broken in the way '\(broken ?? "")'; see --help for those that are.")
        }
    }

    func run() throws {
        Self.ensureRepeatableHashing()
        if let broken {
            try tryBroken(
                broken == "all" ? BrokenWorker.allCases : BrokenWorker.allCases.filter { $0.rawValue == broken })
        } else {
            try tryCore()
        }
    }

    /// Swift seeds hashing by the process, and sets are walked in the order of their hashes: two runs of one seed would
    /// differ. The runtime reads the switch when the process begins, so it begins again.
    private static func ensureRepeatableHashing() {
        let name = "SWIFT_DETERMINISTIC_HASHING"
        guard ProcessInfo.processInfo.environment[name] == nil else { return }
        setenv(name, "1", 1)
        var arguments: [UnsafeMutablePointer<CChar>?] = CommandLine.arguments.map { strdup($0) } + [nil]
        execv("/proc/self/exe", &arguments)
        // Only reached when the file of the running program cannot be read.
        FileHandle.standardError.write(Data("the program cannot start itself again: \(errno)\n".utf8))
    }

    // MARK: The core

    private func tryCore() throws {
        var tally = HistoryTally()
        for seed in from..<(from + seeds) {
            let result = ProtocolHistory.play(seed: seed, isVerbose: trace)
            tally.add(result)
            if trace || (result.problem != nil && tally.violations.count == 1) {
                // Played again for its text: the same seed is the same history.
                show(trace ? result : ProtocolHistory.play(seed: seed, isVerbose: true))
            } else if result.problem != nil {
                show(result)
            }
            if tally.violations.count >= violations { break }
        }
        print(json ? tally.json() : tally.summary)
        if !tally.violations.isEmpty { throw ExitCode(1) }
    }

    private func show(_ result: ProtocolHistory.Result) {
        guard !json else { return }
        for line in result.lines { print(line) }
        print("seed \(result.seed): \(result.problem ?? "all promises kept"), hash \(String(result.hash, radix: 16))")
    }

    // MARK: Broken workers

    private func tryBroken(_ workers: [BrokenWorker]) throws {
        var isMissed = false
        for worker in workers {
            var (cases, changes) = (0, 0)
            var found: ProtocolHistory.Result?
            for seed in from..<(from + seeds) where found == nil {
                let result = ProtocolHistory.play(seed: seed, broken: worker)
                cases += result.cases
                changes += result.changes
                if result.problem != nil { found = result }
            }
            if let found {
                let histories = found.seed - from + 1
                print(
                    "\(worker.rawValue): found after \(histories) histories, \(cases) cases, \(changes) changes (seed \(found.seed)): "
                        + "\(found.problem ?? "")")
                if trace { show(ProtocolHistory.play(seed: found.seed, isVerbose: true, broken: worker)) }
            } else {
                isMissed = true
                print("\(worker.rawValue): NOT FOUND in \(seeds) histories, \(cases) cases, \(changes) changes")
            }
        }
        if isMissed { throw ExitCode(1) }
    }
}
