import Foundation

/// A private RabbitMQ server of a run, with a port mapper of the run's own: its node name, cookie, plugins, ports and files
/// are all the run's, and everything listens on loopback only. Several of them may be one cluster.
struct BrokerServer {
    private static let user = "caserouter"

    let port: UInt16
    let url: String
    /// The management API, with user and password.
    let managementURL: String
    let prometheusURL: String
    let nodeName: String
    /// What `rabbitmqctl` needs in its environment to reach the node.
    let environment: [String: String]
    let process: ServerProcess
    private let portMapper: UInt16
    private let password: String

    /// The ports a broker needs.
    struct Ports {
        let amqp, management, prometheus, distribution, portMapper: UInt16

        init(free: [UInt16]) {
            precondition(free.count == 5, "a broker needs five ports")
            (amqp, management, prometheus, distribution, portMapper) = (free[0], free[1], free[2], free[3], free[4])
        }
    }

    /// Starts port mapper and server, and waits until AMQP and the management API answer.
    static func start(in run: RunDirectory, ports: Ports) async throws -> BrokerServer {
        let environment = environment(home: run.file("rabbitmq"), node: node(ports), ports)
        // Started by us, the mapper has a process id that we know; the Erlang machine would start one that stays.
        let mapper = try run.start(
            "epmd", [try Executables.portMapper(), "-address", "127.0.0.1", "-port", "\(ports.portMapper)"],
            environment: environment, rank: .portMapper, grace: 5)
        try await Readiness.wait(for: "epmd", mapper, log: run.file("epmd.log"), limit: .seconds(60)) {
            // A request for all names; the answer begins with the mapper's own port.
            Loopback.answers(port: ports.portMapper, request: [0, 1, 0x6E], expected: ports.portMapper.bytes)
        }
        return try await startNode("rabbitmq", in: run, ports, joining: nil, password: Secret.make())
    }

    /// Starts another server that joins this one to be one cluster with it; it uses the same port mapper.
    func addNode(_ label: String, in run: RunDirectory, ports: [UInt16]) async throws -> BrokerServer {
        try await Self.startNode(
            label, in: run, Ports(free: ports + [portMapper]), joining: self, password: password)
    }

    private static func node(_ ports: Ports) -> String { "caserouter-\(ports.amqp)@localhost" }

    private static func startNode(
        _ label: String, in run: RunDirectory, _ ports: Ports, joining other: BrokerServer?, password: String
    ) async throws -> BrokerServer {
        let home = run.file(label)
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: false)
        let node = node(ports)
        try run.write(configuration(ports, password, joining: other?.nodeName), to: label + "/rabbitmq.conf")
        try run.write(
            "[rabbitmq_management,rabbitmq_prometheus,rabbitmq_shovel,rabbitmq_shovel_management].\n",
            to: label + "/enabled_plugins")
        // Nodes of a cluster know each other by it. Nobody else may read it, or Erlang refuses it.
        try run.write(password, to: label + "/.erlang.cookie")
        chmod(home + "/.erlang.cookie", 0o400)
        let environment = environment(home: home, node: node, ports)

        // While it starts it does not listen to signals, and nobody needs its data afterwards: it is killed soon.
        let login = Data("\(user):\(password)".utf8).base64EncodedString()
        let process = try await ServerProcess {
            let child = try run.start(
                label, [try Executables.broker()], environment: environment, rank: .server, grace: 10)
            try await Readiness.wait(for: label, child, log: run.file(label + ".log"), limit: .seconds(230)) {
                // The broker answers the protocol header with a method frame on channel 0 once it takes clients.
                Loopback.answers(port: ports.amqp, request: Array("AMQP".utf8) + [0, 0, 9, 1], expected: [1, 0, 0])
                    && Loopback.answers(
                        port: ports.management,
                        request: Array(
                            "GET /api/overview HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Basic \(login)\r\n\r\n"
                                .utf8),
                        expected: Array("HTTP/1.1 200".utf8))
            }
            return child
        }
        let authority = "\(user):\(password)@127.0.0.1"
        return BrokerServer(
            port: ports.amqp, url: "amqp://\(authority):\(ports.amqp)",
            managementURL: "http://\(authority):\(ports.management)",
            prometheusURL: "http://127.0.0.1:\(ports.prometheus)", nodeName: node, environment: environment,
            process: process, portMapper: ports.portMapper, password: password)
    }

    private static func configuration(_ ports: Ports, _ password: String, joining other: String?) -> String {
        let cluster = other.map {
            """
            cluster_formation.peer_discovery_backend = classic_config
            cluster_formation.classic_config.nodes.1 = \($0)

            """
        }
        return """
            listeners.tcp.1 = 127.0.0.1:\(ports.amqp)
            management.tcp.ip = 127.0.0.1
            management.tcp.port = \(ports.management)
            prometheus.tcp.ip = 127.0.0.1
            prometheus.tcp.port = \(ports.prometheus)
            default_user = \(user)
            default_pass = \(password)
            default_user_tags.administrator = true
            disk_free_limit.absolute = 50MB
            log.console = true
            log.console.level = info
            log.file = false
            cluster_partition_handling = pause_minority

            """ + (cluster ?? "")
    }

    private static func environment(home: String, node: String, _ ports: Ports) -> [String: String] {
        Executables.environment(home: home).merging([
            "RABBITMQ_NODENAME": node, "RABBITMQ_USE_LONGNAME": "false",
            "RABBITMQ_MNESIA_BASE": home + "/mnesia", "RABBITMQ_LOG_BASE": home + "/log",
            "RABBITMQ_CONFIG_FILE": home + "/rabbitmq.conf", "RABBITMQ_CONF_ENV_FILE": home + "/none",
            "RABBITMQ_ADVANCED_CONFIG_FILE": home + "/none", "RABBITMQ_PID_FILE": home + "/pid",
            "RABBITMQ_ENABLED_PLUGINS_FILE": home + "/enabled_plugins",
            "RABBITMQ_NODE_PORT": "\(ports.amqp)", "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_DIST_PORT": "\(ports.distribution)",
            "ERL_EPMD_PORT": "\(ports.portMapper)", "ERL_EPMD_ADDRESS": "127.0.0.1",
            // Distribution listens on every interface unless told otherwise. Schedulers that spin while they wait take
            // the processor from those who work. A node of a cluster that is silent for 15 s is down for the others.
            // What could not be dead-lettered is tried again after ten seconds instead of three minutes.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                "-kernel inet_dist_use_interface {127,0,0,1} net_ticktime 15 "
                + "-rabbit dead_letter_worker_publisher_confirm_timeout 10000 "
                + "+sbwt none +sbwtdcpu none +sbwtdio none",
        ]) { _, own in own }
    }
}

extension UInt16 {
    /// As four bytes, the highest first.
    fileprivate var bytes: [UInt8] { [0, 0, UInt8(self >> 8), UInt8(self & 0xFF)] }
}
