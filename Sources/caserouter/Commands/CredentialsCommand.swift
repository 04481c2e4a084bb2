import ArgumentParser
import CaseRouting
import Foundation
import Operations
import Postgres
import Store

struct CredentialsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "credentials", abstract: "Keeps the secrets of orgs and CIC servers, sealed.",
        subcommands: [List.self, Set.self, Verify.self, Remove.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists for what a secret is stored, by whom and under which key; never the secret.")

        @OptionGroup var zone: ZoneOption
        @OptionGroup var common: CommonOptions

        private struct Row: Encodable {
            let target, key, changed_by, changed_at: String
            let version: Int32
            let in_force: Bool
        }

        func run() async throws {
            try await perform(json: common.json) {
                let times = try zone.zone()
                let surroundings = try Surroundings()
                let keys = try surroundings.keys
                let all = try await withDatabase(surroundings) { database in
                    try await CredentialStore(database: database, keys: keys).list()
                }
                if common.json {
                    let rows = all.map {
                        Row(
                            target: $0.target, key: $0.keyID, changed_by: $0.changedBy, changed_at: "\($0.changedAt)",
                            version: $0.version, in_force: $0.isNewest)
                    }
                    return print(try JSONText.encode(["credentials": rows]))
                }
                guard !all.isEmpty else {
                    return print("no secret is stored; store one: caserouter credentials set TARGET")
                }
                var table = TextTable(
                    ["target", "version", "in force", "key", "changed by", "changed at (\(times.name))"],
                    text: [0, 2, 3, 4, 5])
                for one in all {
                    table.add([
                        one.target, "\(one.version)", one.isNewest ? "yes" : "no", one.keyID, one.changedBy,
                        times.text(one.changedAt),
                    ])
                }
                print(table.text)
            }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Logs in with a secret of an org or CIC server, and then stores it.",
            discussion: """
                The parts are asked for one by one, or read from standard input as one JSON object; never from arguments. \
                They are sealed before they are stored and never shown again. If the log-in fails nothing is stored and \
                what was stored before stays in force. Running workers take the new secret over within 5 seconds.

                Parts of an org: client_id and client_secret (client-credentials); client_id, private_key and username \
                (jwt-bearer); client_id, client_secret, username, password and security_token (password).
                Parts of a CIC server: user and password.
                """)

        @Argument(help: "org:NAME or cic:NAME")
        var target: String

        @Flag(help: "Store it without logging in: where this machine does not reach the other side.")
        var unverified = false

        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                let known = try CredentialParts(target: target)
                let surroundings = try Surroundings()
                let keys = try surroundings.keys
                // Before anybody types a secret for what is not there.
                try await withDatabase(surroundings) { try await known.checkTarget($0) }
                let secret = try isatty(STDIN_FILENO) == 1 ? known.ask() : known.read()
                let (author, target, unverified) = (common.author, target, unverified)
                let version = try await withDatabase(surroundings) { database in
                    if !unverified {
                        let stored = try await PostgresConfigurationStore(database: database).load()
                        do {
                            try await LogInCheck(surroundings: surroundings).logIn(target, secret, stored)
                        } catch let error as RoutingFailure {
                            throw Refusal(
                                .notDone,
                                "\(error.summary) Nothing was stored; what was stored before stays in force. "
                                    + "--unverified stores it without logging in.")
                        }
                    }
                    return try await CredentialStore(database: database, keys: keys).set(
                        target, secret: secret, by: author)
                }
                let undo = "caserouter credentials remove \(target) --newest"
                if common.json {
                    struct Document: Encodable {
                        let stored, undo: String
                        let version: Int32
                        let verified: Bool
                    }
                    return print(
                        try JSONText.encode(
                            Document(stored: target, undo: undo, version: version, verified: !unverified)))
                }
                print(
                    "\(target): \(unverified ? "not verified, " : "logged in, ")stored as version \(version), sealed under key "
                        + "\(keys.primary); undo: \(undo)")
            }
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Logs in with the stored secret of an org or CIC server.",
            discussion: "Changes nothing. Exit: 0 logged in, 1 refused or not reached.")

        @Argument(help: "org:NAME or cic:NAME")
        var target: String

        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                let known = try CredentialParts(target: target)
                let surroundings = try Surroundings()
                let keys = try surroundings.keys
                let target = target
                try await withDatabase(surroundings) { database in
                    try await known.checkTarget(database)
                    guard let secret = try await CredentialStore(database: database, keys: keys).read(target) else {
                        throw Refusal(
                            .notDone,
                            "no secret is stored for \(target); store one: caserouter credentials set \(target)")
                    }
                    let stored = try await PostgresConfigurationStore(database: database).load()
                    do {
                        try await LogInCheck(surroundings: surroundings).logIn(target, secret, stored)
                    } catch let error as RoutingFailure {
                        throw Refusal(.notDone, error.summary)
                    }
                }
                print(
                    common.json
                        ? try JSONText.encode(["verified": target]) : "\(target): logged in; nothing was changed")
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Removes a secret for good.",
            discussion: """
                All versions of it, or with --newest only the one in force: the version before it counts again. Without a \
                secret an org is not read and a CIC server is not used.
                """)

        @Argument(help: "org:NAME or cic:NAME")
        var target: String

        @Flag(help: "Only the version in force; the one before it counts again.")
        var newest = false

        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                _ = try CredentialParts(target: target)
                let surroundings = try Surroundings()
                let keys = try surroundings.keys
                let (author, target, newest) = (common.author, target, newest)
                let (removed, inForce) = try await withDatabase(surroundings) { database in
                    try await CredentialStore(database: database, keys: keys).remove(
                        target, onlyNewest: newest, by: author)
                }
                guard !removed.isEmpty else { throw Refusal(.notDone, "no secret is stored for \(target)") }
                let undo = "caserouter credentials set \(target)"
                if common.json {
                    struct Document: Encodable {
                        let removed, undo: String
                        let versions: [Int32]
                        let version_in_force: Int32?
                    }
                    return print(
                        try JSONText.encode(
                            Document(removed: target, undo: undo, versions: removed, version_in_force: inForce)))
                }
                print(
                    "\(target): version \(removed.map(String.init).joined(separator: ", ")) removed, "
                        + (inForce.map { "version \($0) is in force" } ?? "none is left")
                        + "; it cannot be brought back, only set again: \(undo)")
            }
        }
    }
}
