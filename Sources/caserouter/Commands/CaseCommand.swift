import ArgumentParser
import CaseRouting
import Operations
import Store

struct CaseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "case", abstract: "Tells one case's whole story.",
        subcommands: [CaseShowCommand.self, CaseEraseCommand.self],
        defaultSubcommand: CaseShowCommand.self)
}

struct CaseShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Where a case is now and for how long, and all that happened to it.",
        discussion: """
            The first line says where the case is. Then, oldest first: changed (in Salesforce), received (by ingest), \
            decided (by which rule, and why), attempts at CIC, interactions, agents, ends, and when its rows were marked in \
            Salesforce. With --why, for every decision: what it had read, the rule that matched and those that did not, the \
            mapping's version and who changed it, where each skill comes from, and what would be decided now.

            Examples:
              caserouter case 00001042
              caserouter case 5008d000004Zq1X --why --tz Europe/Berlin
            """)

    @Argument(help: ArgumentHelp("The case's number, or its id with 15 or 18 characters.", valueName: "case"))
    var name: String

    @Flag(help: "Explain every decision.")
    var why = false

    @Option(help: "The case's org, when several have one of that number.")
    var org: String?

    @OptionGroup var zone: ZoneOption
    @OptionGroup var common: CommonOptions

    func run() async throws {
        try await perform(json: common.json) {
            let times = try zone.zone()
            let (name, org, why) = (name, org, why)
            let (story, explanations) = try await withDatabase(try Surroundings()) { database in
                let story = try await CaseStories(store: PostgresCaseStoryStore(database)).story(of: name, org: org)
                guard why else { return (story, [DecisionExplanation]()) }
                let configuration = try await PostgresConfigurationStore(database: database).load().routing
                return (story, story.requests.compactMap { DecisionExplanation($0, now: configuration) })
            }
            print(
                common.json
                    ? try JSONText.encode(StoryDocument(story, why ? explanations : nil))
                    : StoryText(story: story, explanations: explanations, times: times).text)
        }
    }
}
