import ArgumentParser
import CaseRouting
import Foundation
import Operations
import Polling
import Store

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Is it healthy, and what needs a person: one screen.",
        discussion: """
            The first line says whether all is well. If not, the last lines are a numbered list of what needs a person, the \
            most urgent first, each with the command that helps. Reads PostgreSQL and asks the broker about its queues, \
            changes nothing, and talks to neither Salesforce nor CIC ('caserouter doctor' does).

            Exit: 0 healthy, 1 something needs a person; with --watch what was shown last.
            """)

    @Flag(help: "Show it again every 2 seconds, until Ctrl-C.")
    var watch = false

    @OptionGroup var zone: ZoneOption

    @Flag(name: .long, help: "Print JSON; errors are JSON on standard error.")
    var json = false

    func run() async throws {
        try await perform(json: json) {
            let times = try zone.zone()
            let surroundings = try Surroundings()
            let broker = BrokerLook(address: try surroundings.broker, loop: PollExecutor(name: "caserouter broker"))
            let (watch, json) = (watch, json)
            let isHealthy = try await withDatabase(surroundings) { database in
                let site = LookAtSite(store: PostgresStatusStore(database), broker: broker)
                if watch { return await StatusWatch(site: site, times: times, json: json).run() }
                let status = try await site.status(version: CaseRouterVersion.text)
                print(json ? try JSONText.encode(StatusDocument(status)) : StatusText(status, times).text)
                return status.isHealthy
            }
            if !isHealthy { throw ExitCode.notDone }
        }
    }
}
