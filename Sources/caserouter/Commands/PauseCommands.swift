import ArgumentParser
import CaseRouting
import Operations
import Store

struct PauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Stops work on an org, a CIC server or one workgroup until it is resumed.",
        discussion: """
            Takes effect within 5 seconds. Nothing is lost: changes go on to be taken from Salesforce, decided and recorded; \
            what should be done in CIC waits and does not count as failed. Interactions that are in CIC already stay with \
            their agents. 'caserouter status' shows who paused what, and why.

            Examples:
              caserouter pause cic:main --why 'upgrade of CIC until 05:00'
              caserouter pause workgroup:main/Support --why 'wrong skills in the mapping'
            """)

    @Argument(help: ArgumentHelp("What to pause: \(PauseTarget.forms).", valueName: "target"))
    var target: String

    @Option(help: "Why, in one line: whoever looks at the status reads it.")
    var why: String

    @OptionGroup var common: CommonOptions

    func run() async throws {
        try await perform(json: common.json) {
            let (target, why, author) = (target, why, common.author)
            let paused = try await withPauses { try await $0.pause(target, why: why, by: author) }
            let undo = "caserouter resume \(shellWord(paused.description))"
            print(
                common.json
                    ? try JSONText.encode(["paused": "\(paused)", "why": why, "by": author.name, "undo": undo])
                    : "\(paused): paused; undo: \(undo)")
        }
    }
}

struct ResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Lets work go on that was paused.",
        discussion: """
            What waited is taken up oldest first, 20 cases a second in the beginning and doubling every 5 seconds. A hold \
            that Case Router placed itself (a CIC server that does not answer, a switchover) ends by itself.
            """)

    @Argument(help: ArgumentHelp("What to resume: \(PauseTarget.forms).", valueName: "target"))
    var target: String

    @OptionGroup var common: CommonOptions

    private struct Report: Encodable {
        let resumed, undo: String
        let waiting: Int
        let still_held_by: [String]
    }

    func run() async throws {
        try await perform(json: common.json) {
            let (target, author) = (target, common.author)
            let (resumed, waiting, others) = try await withPauses { try await $0.resume(target, by: author) }
            let undo = "caserouter pause \(shellWord(resumed.description)) --why '…'"
            if common.json {
                let report = Report(
                    resumed: "\(resumed)", undo: undo, waiting: waiting, still_held_by: others.map(\.reason.rawValue))
                return print(try JSONText.encode(report))
            }
            print("\(resumed): resumed, \(waiting) cases waited; undo: \(undo)")
            for other in others {
                print(
                    "note: it is still on hold since \(other.since.inSentence) (\(other.reason.rawValue): \(other.detail.oneLine))"
                )
            }
        }
    }
}

private func withPauses<Value: Sendable>(
    _ body: @escaping @Sendable (Pauses) async throws -> Value
) async throws -> Value {
    try await withDatabase(try Surroundings()) { database in
        try await body(
            Pauses(
                store: PostgresPauseStore(database), configuration: PostgresConfigurationStore(database: database)))
    }
}
