import AMQP
import Foundation
import FoundationNetworking
import Polling
import TestSupport
import Testing

@testable import Broker

/// A virtual host of a test's own on the broker that the environment names: the queues' names are constants.
struct VirtualHost: Sendable {
    let address: AMQPAddress
    let loop: PollExecutor
    /// For what the test itself does.
    let connection: AMQPConnection
    private let name: String

    /// Runs a test with the three queues declared, unless it declares them itself.
    static func run(declares: Bool = true, _ body: (VirtualHost) async throws -> Void) async throws {
        let url = try #require(
            ProcessInfo.processInfo.environment["CASEROUTER_TEST_BROKER_URL"],
            "CASEROUTER_TEST_BROKER_URL must name a RabbitMQ")
        var address = try AMQPAddress(url: url)
        address.virtualHost = "test-\(UUID().uuidString)"
        try await manage("PUT", "vhosts/\(address.virtualHost)")
        try await manage(
            "PUT", "permissions/\(address.virtualHost)/\(address.user)",
            #"{"configure":".*","write":".*","read":".*"}"#)
        let loop = PollExecutor(name: "test")
        defer { loop.stop() }
        let connection = try await AMQPConnection.open(address, on: loop, name: "test")
        let host = VirtualHost(address: address, loop: loop, connection: connection, name: address.virtualHost)
        var failure: (any Error)?
        do {
            if declares { try await BrokerTopology.declare(on: connection) }
            try await body(host)
        } catch {
            failure = error
        }
        await connection.close()
        try await manage("DELETE", "vhosts/\(address.virtualHost)")
        if let failure { throw failure }
    }

    /// Narrows a limit of a queue: the lower of policy and argument counts.
    func limit(_ queue: String, _ key: String, _ value: Int) async throws {
        try await Self.manage(
            "PUT", "policies/\(name)/\(UUID().uuidString)",
            #"{"pattern":"^\#(queue)$","definition":{"\#(key)":\#(value)},"apply-to":"queues"}"#)
    }

    /// What the user of the tests may do in this virtual host from now on.
    func permit(_ rights: String) async throws {
        try await Self.manage("PUT", "permissions/\(name)/\(address.user)", rights)
    }

    /// What RabbitMQ's page does when somebody looks at a queue's messages.
    func look(at queue: String) async throws {
        try await Self.manage(
            "POST", "queues/\(name)/\(queue)/get",
            #"{"count":100,"ackmode":"ack_requeue_true","encoding":"auto","truncate":50000}"#)
    }

    func count(_ queue: String) async throws -> Int { try await connection.queueState(queue).messageCount }

    /// The arguments that the broker has stored for a queue.
    func arguments(of queue: String) async throws -> NSDictionary {
        let answer = try await Self.manage("GET", "queues/\(name)/\(queue)")
        let object = try #require(try JSONSerialization.jsonObject(with: answer) as? [String: Any])
        return try #require(object["arguments"] as? NSDictionary)
    }

    @discardableResult
    private static func manage(_ method: String, _ path: String, _ body: String? = nil) async throws -> Data {
        let text = try #require(
            ProcessInfo.processInfo.environment["CASEROUTER_TEST_BROKER_MANAGEMENT_URL"],
            "CASEROUTER_TEST_BROKER_MANAGEMENT_URL must name the management plug-in of that RabbitMQ")
        var url = try #require(URLComponents(string: text))
        let login = Data("\(url.user ?? ""):\(url.password ?? "")".utf8).base64EncodedString()
        (url.user, url.password, url.path) = (nil, nil, "/api/\(path)")
        var request = URLRequest(url: try #require(url.url))
        request.httpMethod = method
        request.httpBody = body.map { Data($0.utf8) }
        request.setValue("Basic \(login)", forHTTPHeaderField: "Authorization")
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        let (data, response) = try await URLSession.shared.data(for: request)
        let status = (response as? HTTPURLResponse)?.statusCode ?? 0
        try #require(
            (200..<300).contains(status), "\(method) \(path): \(status) \(String(decoding: data, as: UTF8.self))")
        return data
    }
}
