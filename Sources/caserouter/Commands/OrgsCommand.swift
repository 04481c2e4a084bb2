import ArgumentParser
import CaseRouting
import Operations

struct OrgsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "orgs", abstract: "Keeps the Salesforce orgs.",
        discussion: """
            An org begins in mode observe: everything is decided and recorded, CIC is not touched, rows are not marked. \
            'orgs set-mode ORG live' switches it on. Running workers take every change over within 5 seconds.
            """,
        subcommands: [List.self, Show.self, Add.self, Set.self, SetMode.self, Remove.self])

    /// The fields of a site file.
    static let fields = """
        Fields: organization_id, login_url, flow (client-credentials, jwt-bearer, password), api_version, mode (observe, \
        live), route_changes_since, contact_on_user_owned (unchanged, last-workgroup, own-queue), version_epoch, \
        sweep_every, source.NAME. An empty value takes a field away.
        """

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the orgs.")

        @OptionGroup var zone: ZoneOption
        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                let times = try zone.zone()
                let orgs = try await SetupSession.with { try await $0.store.load().orgs }
                if common.json { return print(try NodeText.json(.list(orgs.map(\.node)), as: "orgs")) }
                guard !orgs.isEmpty else {
                    return print("there are no orgs; add one: caserouter config apply site.yaml")
                }
                var table = TextTable(
                    [
                        "org", "mode", "organization id", "login", "flow", "API", "sweep every",
                        "routes changes since (\(times.name))",
                    ],
                    text: [0, 1, 2, 3, 4, 7])
                for org in orgs {
                    table.add([
                        org.name, org.mode.rawValue, org.organizationID.description, org.loginURL, org.flow.rawValue,
                        org.apiVersion, CaseStory.span(org.sweepEvery),
                        times.text(org.routesChangesSince),
                    ])
                }
                print(table.text)
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows one org as a site file has it.")

        @Argument(help: "The org's name.") var org: String
        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                let org = org
                let node = try await SetupSession.with { try await $0.store.load().org(org).node }
                print(common.json ? try NodeText.json(node) : try NodeText.yaml(node))
            }
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Adds an org, in mode observe.",
            discussion: """
                \(OrgsCommand.fields)

                Example:
                  caserouter orgs add acme organization_id=00D8d000000abcD login_url=https://acme.my.salesforce.com
                """)

        @Argument(help: "A name for it here: lower-case letters, digits and hyphens. It never changes.") var org: String
        @Argument(help: "FIELD=VALUE, as in a site file.") var words: [String]
        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                let (org, words, author) = (org, words, common.author)
                let done = try await SetupSession.with { try await $0.keep.addOrg(org, words, by: author) }
                try ChangeReport(
                    done: done, undo: "caserouter orgs remove \(org)",
                    more: ["next: caserouter credentials set org:\(org)"]
                ).print(json: common.json)
            }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Changes fields of an org.", discussion: OrgsCommand.fields)

        @Argument(help: "The org's name.") var org: String
        @Argument(help: "FIELD=VALUE, as in a site file.") var words: [String]
        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                let (org, words, author) = (org, words, common.author)
                let done = try await SetupSession.with { try await $0.keep.setOrg(org, words, by: author) }
                try ChangeReport(done: done, undo: "caserouter orgs set \(org) \(done.words())").print(
                    json: common.json)
            }
        }
    }

    struct SetMode: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set-mode", abstract: "Switches an org between observe and live.",
            discussion: """
                live: changes from now on are carried out in CIC. Rows that were decided while observing are marked, and \
                nothing is routed for them by itself: 'caserouter sweep ORG' offers the cases that still wait.
                observe: changes from now on are only decided and recorded. What was asked before is still carried out, and \
                interactions in CIC stay until their agents end them; to stop at once, 'caserouter pause org:ORG'. After \
                switching back, 'caserouter sweep ORG' catches up.
                """)

        enum Mode: String, ExpressibleByArgument, CaseIterable { case observe, live }

        @Argument(help: "The org's name.") var org: String
        @Argument(help: "observe or live.") var mode: Mode
        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                let (org, author) = (org, common.author)
                let mode: OrgSettings.Mode = mode == .live ? .live : .observe
                let (done, waiting, active) = try await SetupSession.with { session in
                    let done = try await session.keep.setMode(org, mode, by: author)
                    return (done, try await session.counts.waiting(org: org), try await session.counts.active(org: org))
                }
                let other = mode == .live ? "observe" : "live"
                let more =
                    mode == .live
                    ? [
                        "\(waiting) open cases of monitored queues are offered to nobody; offer them: caserouter sweep \(org)"
                    ]
                    : ["\(active) cases are in CIC or on their way; they stay until their agents end them"]
                try ChangeReport(done: done, undo: "caserouter orgs set-mode \(org) \(other)", more: more)
                    .print(json: common.json)
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Removes an org.",
            discussion: "Its cases and reports stay. Mappings of the org have to be removed before.")

        @Argument(help: "The org's name.") var org: String
        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                let (org, author) = (org, common.author)
                let done = try await SetupSession.with { try await $0.keep.removeOrg(org, by: author) }
                try ChangeReport(done: done, undo: "caserouter orgs add \(org) \(done.words(without: ["name"]))")
                    .print(json: common.json)
            }
        }
    }
}
