import ArgumentParser
import CaseRouting
import Operations

struct FailedCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "failed", abstract: "Cases that were given up: look, send again, discard, bring back.",
        discussion: """
            What each cause means, how to check it and how to mend it stands in docs/failures/CAUSE.md. Where a failure \
            names a skill, workgroup or credential, changing that sends its cases again by itself.
            """,
        subcommands: [List.self, Show.self, Retry.self, Discard.self, Restore.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists what is failed now, longest failed first.")

        @Option(help: "Count by cause, workgroup or org instead.") var by: String?
        @OptionGroup var filters: FilterOptions
        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                let filter = try filters.filter()
                let times = try filters.zone.zone()
                let (isJSON, isFiltered) = (common.json, !filters.isEmpty)
                if let by {
                    guard let grouping = FailureGrouping(rawValue: by) else {
                        let known = FailureGrouping.allCases.map(\.rawValue).joined(separator: ", ")
                        throw Refusal(.usage, "--by “\(by.oneLine)” is nothing to count by; there are: \(known)")
                    }
                    let groups = try await withFailures { try await $0.groups(by: grouping, filter) }
                    print(
                        isJSON
                            ? try FailureJSON.text(groups)
                            : FailureText.table(groups, grouping, isFiltered: isFiltered, times))
                } else {
                    let cases = try await withFailures { try await $0.list(filter) }
                    print(
                        isJSON
                            ? try FailureJSON.text(cases)
                            : FailureText.table(cases, limit: filter.limit, isFiltered: isFiltered, times))
                }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows why a case failed: every attempt, and what the other side answered.")

        @Argument(help: "The case: its number, or its id with 15 or 18 characters.") var `case`: String
        @Option(help: "The case's org, where several have the number.") var org: String?
        @OptionGroup var zone: ZoneOption
        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                let (reference, org) = (`case`, org)
                let story = try await withFailures { try await $0.show(reference, org: org) }
                print(common.json ? try FailureJSON.text(story) : FailureStoryText.text(story, try zone.zone()))
            }
        }
    }
}
