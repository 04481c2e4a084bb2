import ArgumentParser
import CaseRouting
import Operations
import Store

struct MappingsPreview: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "preview", abstract: "Shows what would have gone elsewhere under changed mappings.",
        discussion: """
            Makes the decisions of the last days again, under the mappings as they are and as they would be with the file, \
            and compares where cases went. Changes nothing. FILE is a site file (YAML, only its mappings count) or CSV as \
            'mappings import' reads it. Agents are taken to do what they did then; a case that nobody was offered then is \
            taken to wait.
            """)

    @Argument(help: "The file with mappings; - for standard input.", completion: .file()) var file: String
    @Option(help: "How many days back, 1 to 90.") var days = 7
    @Option(help: "Print at most so many decisions.") var limit = 20
    @OptionGroup var zone: ZoneOption

    @Flag(name: .long, help: "Print JSON; errors are JSON on standard error.")
    var json = false

    func run() async throws {
        try await perform(json: json) {
            let times = try zone.zone()
            guard limit >= 0 else { throw Refusal(.usage, "--limit is a number of decisions, 0 or more") }
            let mappings = try MappingFile.read(file)
            let days = days
            let preview = try await withDatabase(try Surroundings()) { database in
                try await PreviewMappings(
                    store: PostgresConfigurationStore(database: database), names: PostgresNameMirrors(database),
                    history: PostgresDecisionHistory(database)
                ).run(mappings, days: days)
            }
            print(json ? try JSONText.encode(document(preview)) : text(preview, times))
        }
    }

    private func text(_ preview: MappingPreview, _ times: ZonedTimes) -> String {
        var lines = preview.notes.map { "note: \($0)".oneLine }
        lines.append(
            "\(preview.differenceCount) of \(preview.decisions) decisions of the last \(days) days would differ, in "
                + "\(preview.changedCases) of \(preview.cases) cases; nothing was changed")
        guard preview.differenceCount > 0 else { return lines.joined(separator: "\n") }
        var moves = TextTable(["went to", "would go to", "decisions"], text: [0, 1])
        for move in preview.moves { moves.add([move.from, move.to, "\(move.decisions)"]) }
        lines += ["", moves.text]
        if limit > 0 {
            var table = TextTable(
                ["time (\(times.name))", "case", "org", "change", "went to", "would go to", "skills", "rule"],
                text: [0, 1, 2, 3, 4, 5, 6, 7])
            for one in preview.differences.prefix(limit) {
                table.add([
                    times.text(one.at), one.caseNumber, one.key.org, one.change, MappingPreview.place(one.from),
                    MappingPreview.place(one.to), one.to?.skills ?? "", one.rule.rawValue,
                ])
            }
            lines += ["", table.text]
            if preview.differenceCount > limit { lines.append("and \(preview.differenceCount - limit) more: --limit") }
        }
        lines.append("apply it: caserouter mappings import \(shellWord(file))")
        return lines.joined(separator: "\n")
    }

    private struct Document: Encodable {
        struct Move: Encodable {
            let from, to: String
            let decisions: Int
        }
        struct Difference: Encodable {
            let at, org, case_id, case_number, event_key, change, from, to, skills, rule: String
        }
        let cases, decisions, changed_cases, changed_decisions: Int
        let notes: [String]
        let moves: [Move]
        let differences: [Difference]
    }

    private func document(_ preview: MappingPreview) -> Document {
        Document(
            cases: preview.cases, decisions: preview.decisions, changed_cases: preview.changedCases,
            changed_decisions: preview.differenceCount, notes: preview.notes,
            moves: preview.moves.map { Document.Move(from: $0.from, to: $0.to, decisions: $0.decisions) },
            differences: preview.differences.map {
                Document.Difference(
                    at: "\($0.at)", org: $0.key.org, case_id: "\($0.key.caseID)", case_number: $0.caseNumber,
                    event_key: $0.eventKey, change: $0.change, from: MappingPreview.place($0.from),
                    to: MappingPreview.place($0.to), skills: $0.to?.skills ?? "", rule: $0.rule.rawValue)
            })
    }
}
