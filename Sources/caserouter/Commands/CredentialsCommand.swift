import ArgumentParser
import Foundation
import Store

struct CredentialsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "credentials", abstract: "Keeps the secrets of orgs and CIC servers, sealed.",
        subcommands: [Set.self])

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Stores the credential of an org or CIC server.",
            discussion: """
                The parts are asked for one by one, or read from standard input as one JSON object; never from arguments. \
                They are sealed before they are stored and never shown again.

                Parts of an org: client_id and client_secret (client-credentials); client_id, private_key and username \
                (jwt-bearer); client_id, client_secret, username, password and security_token (password).
                Parts of a CIC server: user and password.
                """)

        @Argument(help: "org:NAME or cic:NAME")
        var target: String

        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                let known = try CredentialParts(target: target)
                let surroundings = try Surroundings()
                let keys = try surroundings.keys
                let secret = try isatty(STDIN_FILENO) == 1 ? known.ask() : known.read()
                let author = common.author
                let target = target
                try await withDatabase(surroundings) { database in
                    try await known.checkTarget(database)
                    try await CredentialStore(database: database, keys: keys).set(target, secret: secret, by: author)
                }
                print(
                    common.json
                        ? "{\"stored\":\(JSONText.string(target))}" : "\(target): stored, sealed under the first key")
            }
        }
    }
}
