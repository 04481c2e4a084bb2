import AMQP
import ArgumentParser
import Broker
import Polling
import Postgres
import Store

struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Brings the database's schema up to date and declares the queues.",
        discussion: """
            Forward only and repeatable. Needs a role that may create schemas and roles. Queues that exist with other \
            arguments are left alone, and the difference is named.
            """)

    @Flag(help: "Print JSON; errors are JSON on standard error.")
    var json = false

    func run() async throws {
        try await perform(json: json) {
            let surroundings = try Surroundings()
            let database = try surroundings.database
            let broker = try surroundings.broker
            let loop = PollExecutor(name: "caserouter")

            let connection = try await PostgresConnection.open(
                database, .migration(applicationName: "caserouter migrate"), on: loop)
            let done: [String]
            do {
                done = try await Migrator().migrate(connection)
            } catch {
                await connection.close()
                throw error
            }
            await connection.close()

            let queues: AMQPConnection
            do throws(AMQPError) {
                queues = try await AMQPConnection.open(broker, on: loop, name: "caserouter migrate")
            } catch {
                throw Misconfigured("the broker cannot be reached: \(error.text)")
            }
            do {
                try await BrokerTopology.declare(on: queues)
            } catch {
                await queues.close()
                throw error
            }
            await queues.close()
            if json {
                print(try JSONText.encode(["migrations": done]))
            } else {
                for line in done { print(line) }
                print(done.isEmpty ? "schema: up to date" : "schema: \(done.count) steps done")
                print("queues: caserouter.requests, caserouter.failed and caserouter.dead are there")
            }
        }
    }
}
