import Foundation
import Synchronization

/// A RabbitMQ of a test's own, to be frozen, killed, restarted or starved: its node, data and Erlang port mapper live
/// in a temporary directory and on free loopback ports.
///
/// Starting takes five to twenty seconds, so tests of one suite share one where they can. `stop()` ends everything.
public final class PrivateBroker: Sendable {
    /// For AMQP in clear.
    public let port: UInt16
    /// For AMQP with TLS, when `start` was given certificates.
    public let tlsPort: UInt16
    public let directory: URL
    private let portMapperPort: UInt16
    private let usesTLS: Bool
    private let environment: [String: String]
    private let processes = Mutex((node: ChildProcess?.none, portMapper: ChildProcess?.none))

    public var url: String { "amqp://guest:guest@127.0.0.1:\(port)" }

    public struct Failure: Error, CustomStringConvertible {
        public let description: String

        public init(description: String) { self.description = description }
    }

    /// Starts a broker and returns when it accepts connections.
    ///
    /// - Parameter configuration: further lines for `rabbitmq.conf`; `TLSPORT` and `DIRECTORY` are replaced.
    public static func start(configuration: [String] = [], files: [String: Data] = [:]) async throws -> PrivateBroker {
        let broker = try PrivateBroker(configuration, files)
        try broker.startPortMapper()
        try await broker.startNode()
        return broker
    }

    private init(_ configuration: [String], _ files: [String: Data]) throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "private-broker-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        for (name, content) in files { try content.write(to: directory.appending(path: name)) }
        let ports = try freePorts(4)
        (port, tlsPort, portMapperPort) = (ports[0], ports[1], ports[2])
        let folder = directory.path
        usesTLS = configuration.contains { $0.contains("TLSPORT") }
        let lines =
            ["listeners.tcp.1 = 127.0.0.1:\(port)", "log.console = false", "log.file.level = warning"]
            + configuration.map {
                $0.replacing("TLSPORT", with: "\(ports[1])").replacing("DIRECTORY", with: folder)
            }
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: directory.appending(path: "rabbitmq.conf"))
        try Data("[].\n".utf8).write(to: directory.appending(path: "enabled_plugins"))
        environment = [
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": directory.path, "LC_ALL": "C.UTF-8",
            "RABBITMQ_NODENAME": "private\(port)@localhost",
            "RABBITMQ_MNESIA_BASE": directory.appending(path: "data").path,
            "RABBITMQ_LOG_BASE": directory.appending(path: "log").path,
            "RABBITMQ_CONFIG_FILE": directory.appending(path: "rabbitmq.conf").path,
            "RABBITMQ_ENABLED_PLUGINS_FILE": directory.appending(path: "enabled_plugins").path,
            "RABBITMQ_PID_FILE": directory.appending(path: "pid").path,
            "RABBITMQ_DIST_PORT": "\(ports[3])", "ERL_EPMD_PORT": "\(portMapperPort)",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 -kernel inet_dist_use_interface {127,0,0,1}",
        ]
    }

    private func startPortMapper() throws {
        let process = try launch(
            "/usr/bin/epmd", ["-address", "127.0.0.1", "-port", "\(portMapperPort)"], log: "epmd.log")
        processes.withLock { $0.portMapper = process }
    }

    /// Starts the node (again) and returns when it accepts connections.
    public func startNode() async throws {
        try? FileManager.default.removeItem(at: directory.appending(path: "pid"))  // Absent at the first start.
        let process = try launch("/usr/lib/rabbitmq/bin/rabbitmq-server", [], log: "server.log")
        processes.withLock { $0.node = process }
        let deadline = ContinuousClock.now + .seconds(120)
        while !acceptsConnections(port) || usesTLS && !acceptsConnections(tlsPort) {
            if process.exitStatus != nil || ContinuousClock.now > deadline {
                let log = (try? String(contentsOf: directory.appending(path: "server.log"), encoding: .utf8)) ?? ""
                stop()
                throw Failure(description: "a private RabbitMQ did not start: \(log.suffix(2_000))")
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    /// The process id of the Erlang machine, which is not the script that was started.
    public var nodeProcessID: pid_t? {
        (try? String(contentsOf: directory.appending(path: "pid"), encoding: .utf8))
            .flatMap { pid_t($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    }

    /// Stops the node where it stands; connections stay open and silent. Returns when it has stopped: its threads go on for
    /// a moment, and may answer what is sent then.
    public func freeze() {
        signal(SIGSTOP)
        let deadline = ContinuousClock.now + .seconds(10)
        while !isStopped, ContinuousClock.now < deadline { usleep(1_000) }
    }

    private var isStopped: Bool {
        guard let pid = nodeProcessID,
            let threads = try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")
        else { return true }
        // After the name, which is in brackets: the state. One that has ended in between is none.
        return threads.allSatisfy { thread in
            let line = try? String(contentsOfFile: "/proc/\(pid)/task/\(thread)/stat", encoding: .utf8)
            return line.map { $0.contains(") T ") } ?? true
        }
    }
    public func thaw() { signal(SIGCONT) }

    /// Ends the node without a word, as a crash does, and returns when its ports are closed: a killed Erlang machine
    /// still accepts for a moment, which a restart must not take for itself.
    public func kill() {
        processes.withLock { $0.node }?.end()
        let deadline = ContinuousClock.now + .seconds(10)
        while acceptsConnections(port) || usesTLS && acceptsConnections(tlsPort), ContinuousClock.now < deadline {
            usleep(10_000)
        }
    }

    /// Ends the node in good order: it closes its connections first.
    public func stopNode() async throws {
        signal(SIGTERM)
        guard try await processes.withLock({ $0.node })?.wait(atMost: .seconds(240)) != nil else {
            throw Failure(description: "a private RabbitMQ did not stop")
        }
    }

    /// Runs `rabbitmqctl` on this node. Takes some two seconds.
    @discardableResult
    public func control(_ arguments: String...) async throws -> String {
        let process = try launch("/usr/lib/rabbitmq/bin/rabbitmqctl", arguments, log: "control.log")
        let status = try await process.wait(atMost: .seconds(240))
        let log = try String(contentsOf: directory.appending(path: "control.log"), encoding: .utf8)
        guard status == 0 else { throw Failure(description: "rabbitmqctl \(arguments): \(log)") }
        return log
    }

    /// Raises or clears the memory alarm, which blocks connections that publish.
    public func setMemoryAlarm(_ isRaised: Bool) async throws {
        try await control("set_vm_memory_high_watermark", isRaised ? "0.0000001" : "0.6")
    }

    /// Ends node and port mapper and removes the directory. May be called twice.
    public func stop() {
        let (node, portMapper) = processes.withLock { processes in
            defer { processes = (nil, nil) }
            return processes
        }
        node?.end()
        portMapper?.end()
        try? FileManager.default.removeItem(at: directory)  // Gone already at a second call.
    }

    deinit { stop() }

    private func signal(_ number: Int32) {
        guard let node = processes.withLock({ $0.node }), node.exitStatus == nil, let pid = nodeProcessID else {
            return
        }
        Foundation.kill(pid, number)
    }

    private func launch(_ program: String, _ arguments: [String], log: String) throws -> ChildProcess {
        try ChildProcess(
            program, arguments, environment: environment, directory: directory.path,
            output: directory.appending(path: log).path)
    }

    private func acceptsConnections(_ port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        var address = loopback(port)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}

private func loopback(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
}

/// Loopback ports that were free a moment ago, all different.
public func freePorts(_ count: Int) throws -> [UInt16] {
    var descriptors: [Int32] = []
    defer { for descriptor in descriptors { close(descriptor) } }
    return try (0..<count).map { _ in
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        descriptors.append(descriptor)
        var address = loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard result else { throw PrivateBroker.Failure(description: "no free port") }
        return UInt16(bigEndian: address.sin_port)
    }
}
