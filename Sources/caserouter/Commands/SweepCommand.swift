import ArgumentParser
import Postgres

struct SweepCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sweep", abstract: "Looks for missed changes and waiting cases of an org now.",
        discussion: "The ingest worker that holds the org begins within a few seconds.")

    @Argument(help: "The org's name.")
    var org: String

    @OptionGroup var common: CommonOptions

    func run() async throws {
        try await perform(json: common.json) {
            let org = org
            let author = common.author
            try await withDatabase(try Surroundings()) { database in
                let rows = try await database.query(
                    """
                    INSERT INTO caserouter.sweeps (org, asked_by, asked_at)
                    SELECT name, $2, now() FROM caserouter.orgs WHERE name = $1 AND removed_at IS NULL RETURNING id
                    """, [.text(org), .text(author.name)])
                if !rows.isEmpty { return }
                let known = try await database.query(
                    "SELECT name FROM caserouter.orgs WHERE removed_at IS NULL ORDER BY name"
                )
                .map { row throws(PostgresError) in try row.text(0) }
                throw Misconfigured("there is no org \(org); known are \(known.joined(separator: ", "))")
            }
            print(common.json ? "{\"asked\":\(JSONText.string(org))}" : "\(org): a sweep is asked for")
        }
    }
}
