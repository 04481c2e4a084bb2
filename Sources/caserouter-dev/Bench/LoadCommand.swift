import AMQP
import ArgumentParser
import CBench
import Foundation
import HTTPClient
import Polling
import Postgres
import Salesforce

/// `bench-load`: one stretch of work of a benchmark, in a process of its own, so that its CPU time is nobody else's.
///
/// It prints what it measured as one line of JSON.
struct LoadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench-load", abstract: "Started by bench: does one stretch of work.", shouldDisplay: false)

    /// What is done: by a driver, or by bare C.
    enum Work: String, ExpressibleByArgument {
        case publish, consume, postgres, http, decode
        case bareC = "c"
        case httpServer = "http-server"
    }

    /// Where the server is: not among the arguments, because it may hold a password.
    static let addressVariable = "BENCH_ADDRESS"

    @Argument var work: Work
    /// What bare C does.
    @Argument var byC: Work?
    @Option var operations = 10_000
    @Option var window = 1
    @Option var queue = "bench"
    @Option var port = 0

    private var warmUp: Int { max(window, operations / 10) }

    func run() async throws {
        let address = ProcessInfo.processInfo.environment[Self.addressVariable] ?? ""
        let stretch: Stretch
        switch work {
        case .publish: stretch = try await publish(AMQPAddress(url: address))
        case .consume: stretch = try await consume(AMQPAddress(url: address))
        case .postgres: stretch = try await statements(PostgresAddress(address))
        case .http: stretch = try await post(address)
        case .decode: stretch = try decode()
        case .bareC: stretch = try bareC(address)
        case .httpServer:
            throw RunFailure(case_router_bench_serve(Int32(port)).map { String(cString: $0) } ?? "the server ended")
        }
        print(String(decoding: try JSONEncoder().encode(stretch), as: UTF8.self))
    }

    private var pace: Pace { Pace(operations: operations, warmUp: warmUp) }

    // MARK: Drivers

    private func publish(_ address: AMQPAddress) async throws -> Stretch {
        let loop = PollExecutor(name: "bench")
        let connection = try await AMQPConnection.open(address, on: loop, name: "bench")
        _ = try await connection.declareQueue(queue, arguments: ["x-queue-type": "quorum"])
        let load = PublishLoad(connection, queue: queue, body: BenchBodies.request, pace)
        let stretch = try await load.run(tasks: window)
        await connection.close()
        return stretch
    }

    private func consume(_ address: AMQPAddress) async throws -> Stretch {
        let loop = PollExecutor(name: "bench")
        let connection = try await AMQPConnection.open(address, on: loop, name: "bench")
        let deliveries = try await connection.consume(queue, prefetch: UInt16(clamping: window))
        let stretch = try await ConsumeLoad(connection, deliveries, pace).run(tasks: 1)
        await connection.close()
        return stretch
    }

    private func statements(_ address: PostgresAddress) async throws -> Stretch {
        let loop = PollExecutor(name: "bench")
        let connection = try await PostgresConnection.open(
            address, PostgresSettings(applicationName: "bench"), on: loop)
        _ = try await connection.query("SET plan_cache_mode = force_generic_plan")
        let batcher = Batcher(on: loop, lock: StatementLoad.batchLock)
        await batcher.attach(connection)
        let stretch = try await StatementLoad(batcher, pace).run(tasks: window)
        await batcher.close()
        await connection.close()
        return stretch
    }

    private func post(_ url: String) async throws -> Stretch {
        let loop = PollExecutor(name: "bench")
        let transport = HTTPTransport(on: loop, settings: .init(connectionsPerHost: window, keptConnections: window))
        let stretch = try await PostLoad(transport, url: url, body: BenchBodies.create, pace).run(tasks: window)
        await transport.close()
        return stretch
    }

    private func decode() throws -> Stretch {
        let reading = try EventReading()
        var pace = pace
        while pace.next() != nil {
            guard try reading.changes(in: BenchBodies.events) == BenchBodies.eventCount else {
                throw RunFailure("the events of an answer were not all read")
            }
            pace.ended()
        }
        guard var stretch = pace.stretch else { throw RunFailure("nothing was decoded") }
        stretch.operations *= BenchBodies.eventCount
        return stretch
    }

    // MARK: Bare C

    private func bareC(_ address: String) throws -> Stretch {
        switch byC {
        case .publish, .consume: return try broker(AMQPAddress(url: address), publishes: byC == .publish)
        case .postgres:
            return try Stretch {
                case_router_bench_postgres(
                    address, StatementLoad.lock, StatementLoad.update, StatementLoad.rows, operations, warmUp,
                    Int32(window), &$0)
            }
        case .http:
            return try BenchBodies.create.withUnsafeBytes { body in
                try Stretch {
                    case_router_bench_http(
                        address, operations, warmUp, Int32(window), body.baseAddress, body.count, &$0)
                }
            }
        case .decode:
            return try BenchBodies.events.withUnsafeBytes { body in
                try Stretch {
                    case_router_bench_decode(
                        body.baseAddress, body.count, operations * BenchBodies.eventCount,
                        warmUp * BenchBodies.eventCount, &$0)
                }
            }
        case .bareC, .httpServer, nil: throw RunFailure("bare C has to be told what to do")
        }
    }

    private func broker(_ address: AMQPAddress, publishes: Bool) throws -> Stretch {
        guard let host = address.hosts.first else { throw RunFailure("no broker is named") }
        return try host.name.withCString { name in
            try address.user.withCString { user in
                try address.password.withCString { password in
                    try queue.withCString { queue in
                        var broker = case_router_bench_broker(
                            host: name, port: Int32(host.port), user: user, password: password, queue: queue)
                        return try BenchBodies.request.withUnsafeBytes { body in
                            try Stretch {
                                if publishes {
                                    case_router_bench_publish(
                                        &broker, operations, warmUp, Int32(window), body.baseAddress, body.count, &$0)
                                } else {
                                    case_router_bench_consume(&broker, operations, warmUp, Int32(window), &$0)
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
