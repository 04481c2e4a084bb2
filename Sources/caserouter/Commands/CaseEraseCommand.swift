import ArgumentParser
import Broker
import Operations
import Polling
import Store

struct CaseEraseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "erase", abstract: "Removes what identifies one case from the database and the queues.",
        discussion: """
            What is counted stays: the reports show the same sums as before. Only a case at rest can be erased: closed or \
            deleted in Salesforce, ended in CIC, its rows marked. It cannot be undone. Backups and the logs of workers \
            are not touched; neither are Salesforce and CIC. The reason is kept: it must not name the person.
            """)

    @Argument(help: "The case's number, or its id with 15 or 18 characters.")
    var name: String

    @Option(help: "Why, for the audit; for instance the number of the person's request.")
    var reason: String

    @Option(help: "The case's org, when several have one of that number.")
    var org: String?

    @OptionGroup var common: CommonOptions

    private struct Report: Encodable {
        let org, erased_as: String
        let rows: [String: Int64]
        let messages: Int
    }

    func run() async throws {
        try await perform(json: common.json) {
            guard !reason.allSatisfy(\.isWhitespace) else { throw Refusal(.usage, "--reason has to say why") }
            let surroundings = try Surroundings()
            let messages = BrokerCaseMessages(
                address: try surroundings.broker, loop: PollExecutor(name: "caserouter broker"))
            let outcome = try await withDatabase(surroundings) { [name, org, reason, common] database in
                try await CaseErasure(store: PostgresErasureStore(database), queues: messages)
                    .erase(name, org: org, reason: reason, by: common.author)
            }
            if common.json {
                let rows = Dictionary(outcome.rows.map { ($0.table, $0.count) }, uniquingKeysWith: +)
                let report = Report(
                    org: outcome.org, erased_as: outcome.token.description, rows: rows, messages: outcome.messages)
                return print(try JSONText.encode(report))
            }
            let rows = outcome.rows.map { "\($0.table) \($0.count)" }.joined(separator: ", ")
            print(
                "\(outcome.org): the case is erased and is called \(outcome.token) from now on (rows changed: \(rows); "
                    + "messages removed: \(outcome.messages)). This cannot be undone.")
        }
    }
}
