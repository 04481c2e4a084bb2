import ArgumentParser
import CaseRouting
import Operations
import Store

struct MappingsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mappings", abstract: "Keeps which Salesforce queues are offered on which workgroups.",
        discussion: """
            Where a workgroup stands, user:NAME means the own queue of the CIC user NAME. A mapping of a Salesforce user, by \
            the user's id, names that user's own queue: what comes in about cases of the user is offered there while the org \
            has contact_on_user_owned own-queue.

            Every change makes a new version; decisions name the version they used. Running workers take a change over \
            within 5 seconds. Cases that wait already stay where they are until something changes about them; see before \
            what a change would do: caserouter mappings preview FILE.
            """,
        subcommands: [List.self, Show.self, Add.self, Set.self, Remove.self, MappingsImport.self, MappingsPreview.self])

    /// The fields of a site file.
    static let fields = """
        Fields: queue, cic, workgroup, skills (separated by commas), take_skills (true, false), on_reply (end, keep), \
        on_unmonitored_queue (end, keep), on_user_owner (keep, end), enabled (true, false). An empty value takes a field away.
        """

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the monitored queues.")

        @Option(help: "Only mappings of this org.") var org: String?
        @Option(help: "Only mappings to this CIC server.") var cic: String?
        @Option(help: "Only mappings to this workgroup.") var workgroup: String?
        @OptionGroup var common: CommonOptions

        struct Row: Encodable {
            let id, version: Int32
            let org, queue, cic, workgroup, skills: String
            /// Null: no queue of that name was seen in Salesforce yet.
            let queue_id: String?
            let enabled: Bool
        }

        func run() async throws {
            try await perform(json: common.json) {
                let stored = try await SetupSession.with { try await $0.store.load() }
                if let org { _ = try stored.org(org) }
                if let cic { _ = try stored.server(cic) }
                let workgroups = Swift.Set(stored.mappings.map(\.setup.workgroup)).sorted()
                if let workgroup, !workgroups.contains(workgroup) {
                    throw Refusal.unknown("mapped workgroup", workgroup, among: workgroups)
                }
                let rows = stored.mappings.filter {
                    (org == nil || $0.setup.org == org) && (cic == nil || $0.setup.cic == cic)
                        && (workgroup == nil || $0.setup.workgroup == workgroup)
                }.map {
                    Row(
                        id: $0.id, version: $0.version, org: $0.setup.org, queue: $0.setup.queue, cic: $0.setup.cic,
                        workgroup: $0.setup.workgroup, skills: $0.setup.skills.joined(separator: ";"),
                        queue_id: $0.queueID?.description, enabled: $0.setup.isEnabled)
                }
                if common.json { return print(try JSONText.encode(["mappings": rows])) }
                guard !rows.isEmpty else { return print("there are no such mappings") }
                var table = TextTable(
                    ["id", "org", "queue", "queue id", "cic", "workgroup", "skills", "version", "enabled"],
                    text: [1, 2, 3, 4, 5, 6, 8])
                for row in rows {
                    table.add([
                        "\(row.id)", row.org, row.queue, row.queue_id ?? "not seen yet", row.cic, row.workgroup,
                        row.skills, "\(row.version)", row.enabled ? "yes" : "no",
                    ])
                }
                print(table.text)
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows one mapping as a site file has it.")

        @Argument(help: "The mapping's id.") var id: Int32
        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                let id = id
                let node = try await SetupSession.with { try await $0.store.load().mapping(id).setup.node }
                print(common.json ? try NodeText.json(node) : try NodeText.yaml(node))
            }
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Maps a Salesforce queue to a workgroup, or a user to the user's own queue.",
            discussion: """
                \(MappingsCommand.fields)

                Example:
                  caserouter mappings add acme 'Support Germany' main/Support skills=German,Billing
                  caserouter mappings add acme 0058d000003kQxYAAU main/user:anna.meier
                """)

        @Argument(help: "The org.") var org: String
        @Argument(help: "Name or id of the Salesforce queue, or id of the user.") var queue: String
        @Argument(help: ArgumentHelp("CIC server and workgroup, or user:NAME.", valueName: "cic/workgroup")) var place:
            String
        @Argument(help: "FIELD=VALUE, as in a site file.") var words: [String] = []
        @OptionGroup var check: CheckOptions
        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                let (org, queue, place, words, author) = (org, queue, place, words, common.author)
                let (done, id, waiting) = try await SetupSession.with(unchecked: check.unchecked) { session in
                    let done = try await session.keep.addMapping(
                        org: org, queue: queue, place: place, words, by: author)
                    let stored = try await session.store.load().mapping(org: org, queue: queue)
                    var waiting = 0
                    if let queueID = stored?.queueID, queueID.isQueue {
                        waiting = try await session.counts.unoffered(org: org, queue: queueID)
                    }
                    return (done, stored?.id, waiting)
                }
                let more =
                    waiting == 0
                    ? []
                    : [
                        "\(waiting) cases wait in \(queue) already; offer them: caserouter sweep \(org) --queue "
                            + shellWord(queue)
                    ]
                let undo = id.map { "caserouter mappings remove \($0)" } ?? "caserouter mappings list"
                try ChangeReport(done: done, undo: undo, more: more).print(json: common.json)
            }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Changes fields of a mapping: a new version of it.", discussion: MappingsCommand.fields)

        @Argument(help: "The mapping's id.") var id: Int32
        @Argument(help: "FIELD=VALUE, as in a site file.") var words: [String]
        @OptionGroup var check: CheckOptions
        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                let (id, words, author) = (id, words, common.author)
                let (done, wanted) = try await SetupSession.with(unchecked: check.unchecked) { session in
                    let done = try await session.keep.setMapping(id, words, by: author)
                    return (done, try await session.counts.wanted(by: id))
                }
                let more =
                    wanted == 0 ? [] : ["\(wanted) cases that it sent before stay until something changes about them"]
                try ChangeReport(done: done, undo: "caserouter mappings set \(id) \(done.words())", more: more)
                    .print(json: common.json)
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Removes a mapping: its queue is no longer monitored.",
            discussion:
                "Cases that wait in CIC stay there until something changes about them. Its versions stay for reports.")

        @Argument(help: "The mapping's id.") var id: Int32
        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                let (id, author) = (id, common.author)
                let (done, wanted) = try await SetupSession.with { session in
                    let done = try await session.keep.removeMapping(id, by: author)
                    return (done, try await session.counts.wanted(by: id))
                }
                guard case .removeMapping(_, let was) = done.change else { return }
                let rest = done.words(without: ["org", "queue", "cic", "workgroup"])
                let undo =
                    "caserouter mappings add \(was.org) \(shellWord(was.queue)) \(shellWord("\(was.cic)/\(was.workgroup)"))"
                    + (rest.isEmpty ? "" : " " + rest)
                let more =
                    wanted == 0 ? [] : ["\(wanted) cases that it sent before stay until something changes about them"]
                try ChangeReport(done: done, undo: undo, more: more).print(json: common.json)
            }
        }
    }
}
