import ArgumentParser
import CaseRouting
import Operations

struct CICCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cic", abstract: "Keeps the CIC servers.",
        discussion: "Running workers take every change over within 5 seconds.",
        subcommands: [List.self, Show.self, Add.self, Set.self, Remove.self])

    /// The fields of a site file.
    static let fields = """
        Fields: hosts (HOST:PORT, separated by commas, tried in this order), tls, creation (handler, generic), holding, \
        messaging (sse, poll), recovery_wait, visible_name, attributes.NAME. An empty value takes a field away.
        """

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the CIC servers.")

        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                let servers = try await SetupSession.with { try await $0.store.load().servers }
                if common.json { return print(try NodeText.json(.list(servers.map(\.node)), as: "cic")) }
                guard !servers.isEmpty else {
                    return print("there are no CIC servers; add one: caserouter config apply site.yaml")
                }
                var table = TextTable(
                    ["CIC server", "hosts", "tls", "creation", "holding", "messaging", "recovery wait"],
                    text: [0, 1, 2, 3, 4, 5])
                for server in servers {
                    table.add([
                        server.name, server.hosts.joined(separator: ", "), server.tls ? "yes" : "no",
                        server.creation.rawValue, server.holding, server.messaging.rawValue,
                        CaseStory.span(server.recoveryWait),
                    ])
                }
                print(table.text)
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows one CIC server as a site file has it.")

        @Argument(help: "The server's name here.") var cic: String
        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                let cic = cic
                let node = try await SetupSession.with { try await $0.store.load().server(cic).node }
                print(common.json ? try NodeText.json(node) : try NodeText.yaml(node))
            }
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Adds a CIC server.",
            discussion: """
                \(CICCommand.fields)

                Example:
                  caserouter cic add main hosts=cic1:8019,cic2:8019 holding='Case Router Holding'
                """)

        @Argument(help: "A name for it here: lower-case letters, digits and hyphens. It never changes.") var cic: String
        @Argument(help: "FIELD=VALUE, as in a site file.") var words: [String]
        @OptionGroup var check: CheckOptions
        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                let (cic, words, author) = (cic, words, common.author)
                let done = try await SetupSession.with(unchecked: check.unchecked) {
                    try await $0.keep.addServer(cic, words, by: author)
                }
                try ChangeReport(
                    done: done, undo: "caserouter cic remove \(cic)",
                    more: ["next: caserouter credentials set cic:\(cic)"]
                ).print(json: common.json)
            }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Changes fields of a CIC server.", discussion: CICCommand.fields)

        @Argument(help: "The server's name here.") var cic: String
        @Argument(help: "FIELD=VALUE, as in a site file.") var words: [String]
        @OptionGroup var check: CheckOptions
        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                let (cic, words, author) = (cic, words, common.author)
                let done = try await SetupSession.with(unchecked: check.unchecked) {
                    try await $0.keep.setServer(cic, words, by: author)
                }
                try ChangeReport(done: done, undo: "caserouter cic set \(cic) \(done.words())").print(json: common.json)
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Removes a CIC server.",
            discussion: """
                Mappings to it have to be removed before. Interactions that it holds are no longer followed; end them first, \
                or let their agents.
                """)

        @Argument(help: "The server's name here.") var cic: String
        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                let (cic, author) = (cic, common.author)
                let done = try await SetupSession.with { try await $0.keep.removeServer(cic, by: author) }
                try ChangeReport(done: done, undo: "caserouter cic add \(cic) \(done.words(without: ["name"]))")
                    .print(json: common.json)
            }
        }
    }
}
