import AMQP
import ArgumentParser
import Broker
import CaseRouting
import Operations
import Polling

struct QueuesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queues", abstract: "The three queues in RabbitMQ, and handles moved back for a retry.",
        discussion: "RabbitMQ's own tools do the same: its page, rabbitmqadmin, a shovel, amqp-get and amqp-publish.",
        subcommands: [List.self, Move.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists what waits in each queue.")

        @OptionGroup var common: CommonOptions

        private struct Row: Encodable {
            let name: String
            let messages, consumers: Int
            let purpose: String
        }

        func run() async throws {
            try await perform(json: common.json) {
                let rows = try await withBroker { connection in
                    try await BrokerQueues.figures(on: connection).map {
                        Row(
                            name: $0.name, messages: $0.messages, consumers: $0.consumers,
                            purpose: BrokerQueues.purposes[$0.name] ?? "")
                    }
                }
                if common.json { return print(try JSONText.encode(["queues": rows])) }
                var table = TextTable(["queue", "messages", "consumers", "what lies there"], text: [0, 3])
                for row in rows { table.add([row.name, "\(row.messages)", "\(row.consumers)", row.purpose]) }
                print(table.text)
            }
        }
    }

    struct Move: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Moves handles of failed cases to the requests: each is sent again, once.")

        @Option(help: "Where they lie: failed.") var from: String
        @Option(help: "At most this many, those put out longest ago first.") var limit: Int?
        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                guard from == "failed" || from == BrokerTopology.failed else {
                    throw Refusal(.usage, "--from “\(from.oneLine)” cannot be moved from; there is: failed")
                }
                guard limit ?? 1 > 0 else { throw Refusal(.usage, "--limit is 1 or more") }
                let limit = limit
                let (moved, strangers) = try await withBroker { connection in
                    try await BrokerQueues.moveFailed(limit: limit, on: connection)
                }
                if common.json { return print(try JSONText.encode(["moved": moved, "not_handles": strangers])) }
                print(
                    "\(moved) handle\(moved == 1 ? "" : "s") moved from \(BrokerTopology.failed) to "
                        + "\(BrokerTopology.requests); a stale one does nothing, what fails again gets a new one")
                if strangers > 0 { print("\(strangers) of them are no handles and will be put into caserouter.dead") }
            }
        }
    }
}

/// Opens the broker for one command and closes it after.
private func withBroker<Value: Sendable>(_ body: (AMQPConnection) async throws -> Value) async throws -> Value {
    let address = try Surroundings().broker
    let connection: AMQPConnection
    do throws(AMQPError) {
        connection = try await AMQPConnection.open(
            address, on: PollExecutor(name: "caserouter"), name: "caserouter queues")
    } catch {
        switch error.kind {
        case .authentication, .closedByBroker:
            throw Misconfigured("the broker does not let this user in: \(error.text)")
        default: throw Refusal(.notDone, "the broker cannot be reached: \(error.text)")
        }
    }
    do {
        let value = try await body(connection)
        await connection.close()
        return value
    } catch {
        await connection.close()
        throw error
    }
}
