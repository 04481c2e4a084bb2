import ArgumentParser
import CaseRouting
import Operations
import Store

struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Keeps the master keys under which credentials are sealed.",
        subcommands: [Generate.self, Rotate.self, Status.self])

    struct Generate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a key file with one new key, readable by its owner only.",
            discussion: "An existing file is never touched. Keep a copy where the database's backups are not.")

        @Argument(help: "The file to make.", completion: .file())
        var file: String

        @Flag(help: "Print JSON; errors are JSON on standard error.")
        var json = false

        func run() async throws {
            try await perform(json: json) {
                let id = try MasterKeys.generate(file: file)
                print(
                    json
                        ? "{\"key\":\(JSONText.string(id))}"
                        : "\(file): made with key \(id); set CASEROUTER_KEY_FILE to it")
            }
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Brings every secret under the first key of the key file.",
            discussion: """
                While workers run, and again after it was interrupted: it goes on where it was. In order:
                  1. caserouter keys rotate --new      puts a new key first into CASEROUTER_KEY_FILE
                  2. copy the file to every machine    workers read it again when they meet the new key
                  3. caserouter keys rotate            brings every secret under it
                  4. caserouter keys status            says which keys are no longer used
                Remove an unused key's line when no backup of the database needs it any more.
                """)

        @Flag(help: "Only put a new key first into the key file.")
        var new = false

        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                let surroundings = try Surroundings()
                let file = try surroundings.keyFile
                if new {
                    let id = try MasterKeys.addKey(file: file)
                    return print(
                        common.json
                            ? try JSONText.encode(["key": id, "file": file])
                            : "\(file): key \(id) is first now, nothing is under it yet; next: copy the file to every machine, "
                                + "then caserouter keys rotate; undo: remove the line of \(id)")
                }
                let keys = try surroundings.keys
                let author = common.author
                let count = try await withDatabase(surroundings) { database in
                    try await CredentialStore(database: database, keys: keys).rewrap(by: author)
                }
                if common.json {
                    struct Document: Encodable {
                        let key: String
                        let rewrapped: Int
                    }
                    return print(try JSONText.encode(Document(key: keys.primary, rewrapped: count)))
                }
                print(
                    count == 0
                        ? "all secrets are under key \(keys.primary) already; for a new key: caserouter keys rotate --new"
                        : "\(count) secrets are under key \(keys.primary) now; undo: put the line of the older key first in "
                            + "\(file), then caserouter keys rotate")
            }
        }
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says which key how many secrets are under.",
            discussion: "Exit: 0 all can be read with the key file, 1 not.")

        @OptionGroup var common: CommonOptions

        private struct Row: Encodable {
            let key: String
            let first, in_file: Bool
            let secrets: Int
        }

        func run() async throws {
            try await perform(json: common.json) {
                let surroundings = try Surroundings()
                let keys = try surroundings.keys
                let all = try await withDatabase(surroundings) { database in
                    try await CredentialStore(database: database, keys: keys).list()
                }
                let counts = Dictionary(grouping: all, by: \.keyID).mapValues(\.count)
                let rows = keys.ids.union(counts.keys).sorted().map {
                    Row(
                        key: $0, first: $0 == keys.primary, in_file: keys.ids.contains($0), secrets: counts[$0] ?? 0)
                }
                if common.json {
                    print(try JSONText.encode(["keys": rows]))
                } else {
                    var table = TextTable(["key", "secrets", "in the key file", ""], text: [0, 2, 3])
                    for row in rows {
                        let note =
                            !row.in_file
                            ? "missing: its secrets cannot be read; bring its line back, or set them anew"
                            : row.first
                                ? "used for what is written" : row.secrets == 0 ? "no longer used" : "to be rotated"
                        table.add([row.key, "\(row.secrets)", row.in_file ? "yes" : "no", note])
                    }
                    print(table.text)
                }
                if rows.contains(where: { !$0.in_file }) { throw ExitCode.notDone }
            }
        }
    }
}
