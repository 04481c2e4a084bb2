import AMQP
import Foundation
import Polling
import Testing

/// The broker that the environment names, and connections to it.
enum SharedBroker {
    static func address() throws -> AMQPAddress {
        let url = try #require(
            ProcessInfo.processInfo.environment["CASEROUTER_TEST_BROKER_URL"],
            "CASEROUTER_TEST_BROKER_URL must name a RabbitMQ")
        return try AMQPAddress(url: url)
    }
}

/// Runs a test with a connection on a loop of its own and a queue that is deleted afterwards.
func withConnection(
    _ address: AMQPAddress? = nil, settings: AMQPSettings = AMQPSettings(),
    _ body: (AMQPConnection, _ queue: String) async throws -> Void
) async throws {
    let loop = PollExecutor(name: "test")
    defer { loop.stop() }
    let address = try address ?? SharedBroker.address()
    let connection = try await AMQPConnection.open(address, on: loop, name: "test", settings: settings)
    let queue = "test.\(UUID().uuidString)"
    do {
        try await body(connection, queue)
        _ = try? await connection.deleteQueue(queue)  // The test may have broken the connection on purpose.
        await connection.close()
    } catch {
        _ = try? await connection.deleteQueue(queue)  // Likewise.
        await connection.close()
        throw error
    }
}

/// The error that an operation ends with, nil when it succeeds.
func failure<Value>(_ body: () async throws(AMQPError) -> Value) async -> AMQPError? {
    do throws(AMQPError) {
        _ = try await body()
        return nil
    } catch {
        return error
    }
}
