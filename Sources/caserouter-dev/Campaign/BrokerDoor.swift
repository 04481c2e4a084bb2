import Foundation
import FoundationNetworking

/// What an administrator can do to the broker: its management API and `rabbitmqctl`.
struct BrokerDoor: Sendable {
    /// Nodes of one cluster, or the one that there is.
    let servers: [BrokerServer]
    let run: RunDirectory

    func purge(_ queue: String) async throws { _ = try await call("DELETE", "queues/%2F/\(queue)/contents") }

    func delete(_ queue: String) async throws { _ = try await call("DELETE", "queues/%2F/\(queue)") }

    /// Closes connections by the names that their programs gave them. One that has gone by itself is none any more.
    func closeConnections(_ isMeant: (String) -> Bool) async throws {
        struct Connection: Decodable {
            let name: String
            let user_provided_name: String?
        }
        let open = try JSONDecoder().decode([Connection].self, from: try await call("GET", "connections"))
        for connection in open where connection.user_provided_name.map(isMeant) ?? false {
            guard let name = connection.name.addingPercentEncoding(withAllowedCharacters: .alphanumerics) else {
                continue
            }
            do {
                _ = try await call("DELETE", "connections/\(name)")
            } catch is RunFailure {
                // It has gone.
            }
        }
    }

    /// The name of the node that leads a queue.
    func leader(of queue: String) async throws -> String {
        struct Queue: Decodable { let leader: String }
        return try JSONDecoder().decode(Queue.self, from: try await call("GET", "queues/%2F/\(queue)")).leader
    }

    /// Puts a message into a queue, as anybody can who has the page open.
    func publish(_ payload: String, to queue: String) async throws {
        _ = try await call(
            "POST", "exchanges/%2F/amq.default/publish",
            [
                "properties": ["delivery_mode": 2] as [String: any Sendable], "routing_key": queue, "payload": payload,
                "payload_encoding": "string",
            ])
    }

    /// Runs `rabbitmqctl` for the first node. Takes some seconds.
    func control(_ arguments: String...) async throws {
        try await run.run(
            "rabbitmqctl", ["/usr/lib/rabbitmq/bin/rabbitmqctl"] + arguments, environment: servers[0].environment)
    }

    /// Lets nodes of the cluster reach each other no more, or again.
    ///
    /// There is no firewall that everybody may use, so that a node takes another one's password for a wrong one. It loses
    /// it at once, which after a real cut takes `net_ticktime`, and every try to come together again fails on both sides.
    func separate(_ node: Int, from others: [Int], _ isApart: Bool) async throws {
        let own = servers[node].nodeName
        let orders = others.map { other in
            let name = "'\(servers[other].nodeName)'"
            return isApart
                ? "erlang:set_cookie(\(name), apart), erlang:disconnect_node(\(name))"
                : "erlang:set_cookie(\(name), erlang:get_cookie())"
        }
        try await run.run(
            "rabbitmqctl-\(node + 1)",
            ["/usr/lib/rabbitmq/bin/rabbitmqctl", "--node", own, "eval", orders.joined(separator: ", ") + ", ok."],
            environment: servers[node].environment)
    }

    /// Asks the first node that answers: others may be down.
    private func call(_ method: String, _ path: String, _ values: [String: any Sendable]? = nil) async throws -> Data {
        var problem: any Error = RunFailure("there is no broker")
        for server in servers {
            do {
                return try await Self.call(server, method, path, values)
            } catch {
                problem = error
            }
        }
        throw problem
    }

    private static func call(
        _ server: BrokerServer, _ method: String, _ path: String, _ values: [String: any Sendable]?
    ) async throws -> Data {
        guard let address = URLComponents(string: server.managementURL), let user = address.user,
            let password = address.password, let host = address.host, let port = address.port,
            let url = URL(string: "http://\(host):\(port)/api/\(path)")
        else { throw RunFailure("\(server.managementURL) is no address of a management API") }
        var request = URLRequest(url: url, timeoutInterval: 15)
        request.httpMethod = method
        let login = Data("\(user):\(password)".utf8).base64EncodedString()
        request.setValue("Basic \(login)", forHTTPHeaderField: "Authorization")
        if let values {
            request.httpBody = try JSONSerialization.data(withJSONObject: values)
            request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        }
        let (data, response) = try await URLSession.shared.data(for: request)
        guard let response = response as? HTTPURLResponse, (200..<300).contains(response.statusCode) else {
            throw RunFailure("\(method) \(path) was refused: \(String(decoding: data.prefix(300), as: UTF8.self))")
        }
        return data
    }
}
