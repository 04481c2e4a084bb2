import Foundation

/// A PostgreSQL and a RabbitMQ server for one run.
struct PrivateStack {
    let postgres: PostgresServer
    let broker: BrokerServer
    /// Those that are one cluster with the broker; none where it stands alone.
    var peers: [BrokerServer] = []

    var brokers: [BrokerServer] { [broker] + peers }

    /// One URL with all of them.
    ///
    /// - Parameter ports: other ports than their own, one for each: of something in between.
    func brokerURL(ports: [UInt16]? = nil) -> String {
        let hosts = (ports ?? brokers.map(\.port)).map { "127.0.0.1:\($0)" }.joined(separator: ",")
        return broker.url.replacing("127.0.0.1:\(broker.port)", with: hosts)
    }

    /// Starts both in an empty run directory and writes `env` and `stack.json` there.
    ///
    /// - Parameters:
    ///   - nodes: how many servers the broker is, one cluster.
    ///   - onSmallDisk: whether PostgreSQL's data lie on a file system of their own, which can be filled.
    static func start(
        in run: RunDirectory, durable: Bool, nodes: Int = 1, onSmallDisk: Bool = false
    ) async throws -> PrivateStack {
        try run.makeEmpty()
        let ports = try Loopback.freePorts(6 + 4 * (nodes - 1))
        async let postgres = PostgresServer.start(
            in: run, port: ports[0], durable: durable, onSmallDisk: onSmallDisk)
        async let broker = BrokerServer.start(in: run, ports: BrokerServer.Ports(free: Array(ports[1..<6])))
        var stack = try await PrivateStack(postgres: postgres, broker: broker)
        for number in 1..<nodes {
            let own = Array(ports[(2 + 4 * number)..<(6 + 4 * number)])
            stack.peers.append(try await stack.broker.addNode("rabbitmq-\(number + 1)", in: run, ports: own))
        }
        try stack.describe(in: run)
        return stack
    }

    /// What tests read from their environment.
    var testEnvironment: [String: String] {
        [
            "CASEROUTER_TEST_DATABASE_URL": postgres.url, "CASEROUTER_TEST_BROKER_URL": broker.url,
            "CASEROUTER_TEST_BROKER_MANAGEMENT_URL": broker.managementURL,
        ]
    }

    private func describe(in run: RunDirectory) throws {
        let exports = testEnvironment.sorted { $0.key < $1.key }.map { "export \($0.key)='\($0.value)'\n" }
        try run.write(exports.joined(), to: "env")

        let description = Description(
            directory: run.path,
            postgres: .init(port: postgres.port, url: postgres.url, dataDirectory: postgres.dataDirectory),
            broker: .init(
                port: broker.port, url: broker.url, managementURL: broker.managementURL,
                prometheusURL: broker.prometheusURL, nodeName: broker.nodeName, environment: broker.environment),
            processes: Dictionary(uniqueKeysWithValues: try run.recorded().map { ($0.label, $0.pid) }))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try run.write(String(decoding: encoder.encode(description), as: UTF8.self) + "\n", to: "stack.json")
    }

    /// `stack.json`: for tools that want more than the addresses.
    private struct Description: Encodable {
        struct Postgres: Encodable {
            let port: UInt16
            let url: String
            let dataDirectory: String
        }

        struct Broker: Encodable {
            let port: UInt16
            let url: String
            let managementURL: String
            let prometheusURL: String
            let nodeName: String
            /// For `rabbitmqctl`.
            let environment: [String: String]
        }

        let directory: String
        let postgres: Postgres
        let broker: Broker
        /// Label → process id.
        let processes: [String: Int32]
    }
}
