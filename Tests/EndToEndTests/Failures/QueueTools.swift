import Foundation
import TestSupport

/// The tools that people have at a broker, as they come with Debian: run for real, against the installation's queues.
extension Installation {
    /// Runs a line of shell that has to end well, with the program and the tools in its path. Returns its output.
    @discardableResult
    func shell(_ line: String, input: String = "") async throws -> String {
        let outcome = try await outcome(of: line, input: input)
        guard outcome.status == 0 else {
            throw Failure(description: "\(line): \(outcome.status ?? -1) \(outcome.output)\(outcome.errors)")
        }
        return outcome.output
    }

    /// The same, however it ends.
    func outcome(of line: String, input: String = "") async throws -> Outcome {
        let place = directory.appending(path: UUID().uuidString).path
        try Data(input.utf8).write(to: URL(fileURLWithPath: place + ".in"))
        let bin = URL(fileURLWithPath: try Self.program()).deletingLastPathComponent().path
        let broker = try Self.variable("CASEROUTER_TEST_BROKER_URL")
        let variables = surroundings([
            "PATH": "\(bin):/usr/sbin:/usr/bin:/sbin:/bin", "PLACE": place, "BROKER": "\(broker)/\(virtualHost)",
            "MANAGEMENT": try Self.variable("CASEROUTER_TEST_BROKER_MANAGEMENT_URL"), "VHOST": virtualHost,
        ])
        let process = try ChildProcess(
            "/bin/sh", ["-c", "{ \(line)\n} <\"$PLACE.in\" 2>\"$PLACE.errors\""], environment: variables,
            directory: directory.path, output: place + ".out")
        let status = try await process.wait(atMost: .seconds(240))
        return Outcome(status: status, output: try Self.text(place + ".out"), errors: try Self.text(place + ".errors"))
    }

    /// `rabbitmqadmin`, which ships with the management plugin.
    @discardableResult
    func rabbitmqadmin(_ words: String) async throws -> String {
        let address = try Self.variable("CASEROUTER_TEST_BROKER_MANAGEMENT_URL")
        guard let parts = URLComponents(string: address), let port = parts.port, let user = parts.user,
            let password = parts.password
        else { throw Failure(description: "\(address) is no URL with a user") }
        return try await shell(
            "rabbitmqadmin -H 127.0.0.1 -P \(port) -u '\(user)' -p '\(password)' -V '\(virtualHost)' \(words)")
    }

    /// What the management page does for *Move messages*: a shovel that ends when it has moved what was there.
    func shovel(from: String, to: String, name: String = "move") async throws {
        let uri = try Self.variable("CASEROUTER_TEST_BROKER_URL") + "/\(virtualHost)"
        let value: [String: Any] = [
            "src-uri": uri, "src-protocol": "amqp091", "src-queue": from, "src-delete-after": "queue-length",
            "dest-uri": uri, "dest-protocol": "amqp091", "dest-queue": to, "dest-add-forward-headers": false,
            "ack-mode": "on-confirm",
        ]
        try await Self.management(
            "PUT", "parameters/shovel/\(virtualHost)/\(name)",
            JSONSerialization.data(withJSONObject: ["component": "shovel", "name": name, "value": value]))
    }

    /// Takes one message with the management API for good, and publishes it elsewhere: what people do by hand.
    func moveByHand(from: String, to: String) async throws {
        let request: [String: Any] = ["count": 1, "ackmode": "ack_requeue_false", "encoding": "auto"]
        let answer = try await Self.management(
            "POST", "queues/\(virtualHost)/\(from)/get", JSONSerialization.data(withJSONObject: request))
        struct Message: Decodable { let payload: String }
        for message in try JSONDecoder().decode([Message].self, from: answer) {
            try await publish(Array(message.payload.utf8), to: to)
        }
    }

    func purge(_ queue: String) async throws {
        try await Self.management("DELETE", "queues/\(virtualHost)/\(queue)/contents")
    }
}
