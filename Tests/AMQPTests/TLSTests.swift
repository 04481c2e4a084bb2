import AMQP
import Foundation
import Polling
import TestSupport
import Testing

@Suite struct TLSTests {
    /// A throw-away authority, and a certificate of it for 127.0.0.1 only, in a directory of their own.
    struct Certificates {
        let directory: URL
        var authority: String { directory.appending(path: "ca.pem").path }
        var certificate: String { directory.appending(path: "cert.pem").path }
        var key: String { directory.appending(path: "key.pem").path }

        static func make() async throws -> Certificates {
            let directory = FileManager.default.temporaryDirectory.appending(path: "tls-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            let made = Certificates(directory: directory)
            try await made.openssl(
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=authority"
                    + " -addext basicConstraints=critical,CA:TRUE -keyout ca.key -out ca.pem")
            try await made.openssl(
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=broker"
                    + " -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=critical,CA:FALSE"
                    + " -CA ca.pem -CAkey ca.key -keyout key.pem -out cert.pem")
            return made
        }

        private func openssl(_ arguments: String) async throws {
            let process = try ChildProcess(
                "/usr/bin/openssl", arguments.split(separator: " ").map(String.init), environment: ["HOME": "/"],
                directory: directory.path, output: directory.appending(path: "log").path)
            let status = try await process.wait(atMost: .seconds(240))
            let log = try String(contentsOf: directory.appending(path: "log"), encoding: .utf8)
            try #require(status == 0, "openssl \(arguments): \(log)")
        }
    }

    private func open(_ address: AMQPAddress) async -> AMQPError? {
        let loop = PollExecutor(name: "tls")
        defer { loop.stop() }
        return await failure { () async throws(AMQPError) in
            let connection = try await AMQPConnection.open(address, on: loop, name: "tls")
            await connection.close()
        }
    }

    @Test(.timeLimit(.minutes(4)))
    func `messages of all sizes pass, and a broker that is not the right one is refused`()
        async throws
    {
        let certificates = try await Certificates.make()
        defer { try? FileManager.default.removeItem(at: certificates.directory) }  // It is in the temporary directory.
        let broker = try await PrivateBroker.start(configuration: [
            "listeners.ssl.1 = 127.0.0.1:TLSPORT", "ssl_options.cacertfile = \(certificates.authority)",
            "ssl_options.certfile = \(certificates.certificate)", "ssl_options.keyfile = \(certificates.key)",
        ])
        defer { broker.stop() }
        var address = try AMQPAddress(url: "amqps://127.0.0.1:\(broker.tlsPort)")
        address.caFile = certificates.authority

        try await withConnection(address) { connection, queue in
            _ = try await connection.declareQueue(queue)
            let sizes = [0, 1, 16_384, 100_000, 3_000_000]
            for size in sizes {
                try await connection.publish(Array(repeating: UInt8(size % 251), count: size), to: queue)
            }
            let deliveries = try await connection.consume(queue, prefetch: 10, maximumBody: 4_000_000)
            var iterator = deliveries.makeAsyncIterator()
            for size in sizes {
                let delivery = try #require(try await iterator.next())
                #expect(delivery.body == Array(repeating: UInt8(size % 251), count: size))
                try await connection.acknowledge(delivery)
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<2_000 { group.addTask { try await connection.publish([1, 2, 3], to: queue) } }
                try await group.waitForAll()
            }
            broker.kill()
            #expect(await connection.waitUntilClosed().kind == .connectionLost)
        }
        try await broker.startNode()

        var untrusted = address
        untrusted.caFile = nil
        let unknown = await open(untrusted)
        #expect(unknown?.kind == .refused)
        #expect(unknown?.text.hasPrefix("certificate: ") == true)

        var misnamed = address
        misnamed.hosts = [AMQPAddress.Host(name: "localhost", port: broker.tlsPort)]
        let wrong = await open(misnamed)
        #expect(wrong?.kind == .refused)
        #expect(wrong?.text == "certificate: hostname mismatch")

        var plain = address
        plain.hosts = [AMQPAddress.Host(name: "127.0.0.1", port: broker.port)]
        #expect(await open(plain)?.kind == .refused)

        var missing = address
        missing.caFile = "/nonexistent/ca.pem"
        #expect(await open(missing)?.operation.contains("127.0.0.1") == true)
        #expect(await open(missing)?.kind == .refused)

        // The file is read again for every connection: an authority is exchanged without a restart.
        let own = try Data(contentsOf: URL(filePath: certificates.authority))
        let others = try await Certificates.make()
        defer { try? FileManager.default.removeItem(at: others.directory) }  // It is in the temporary directory.
        try Data(contentsOf: URL(filePath: others.authority))
            .write(to: URL(filePath: certificates.authority), options: .atomic)
        #expect(await open(address)?.text.hasPrefix("certificate: ") == true)
        try own.write(to: URL(filePath: certificates.authority), options: .atomic)
        #expect(await open(address) == nil)

        var clear = address
        clear.usesTLS = false
        #expect(await open(clear) != nil)
    }

    @Test(.timeLimit(.minutes(1))) func `nothing older than TLS 1.2 is spoken`() async throws {
        let certificates = try await Certificates.make()
        defer { try? FileManager.default.removeItem(at: certificates.directory) }  // It is in the temporary directory.
        for (version, expected) in [("-tls1_1", "protocol version"), ("-tls1_2", nil)] {
            let port = try freePorts(1)[0]
            let server = try ChildProcess(
                "/usr/bin/openssl",
                [
                    "s_server", "-accept", "127.0.0.1:\(port)", "-cert", "cert.pem", "-key", "key.pem", version,
                    "-cipher", "DEFAULT@SECLEVEL=0", "-quiet",
                ],
                environment: [:], directory: certificates.directory.path,
                output: certificates.directory.appending(path: "server.log").path)
            defer { server.end() }
            var address = try AMQPAddress(url: "amqps://127.0.0.1:\(port)")
            address.caFile = certificates.authority
            var settings = AMQPSettings()
            settings.openDeadline = .seconds(2)
            let loop = PollExecutor(name: "tls")
            defer { loop.stop() }
            var error: AMQPError?
            try await eventually("the server listens") {
                error = await failure { () async throws(AMQPError) in
                    try await AMQPConnection.open(address, on: loop, name: "tls", settings: settings)
                }
                return error?.text != "Connection refused"
            }
            // With 1.2 the handshake succeeds, and then the server has nothing to say and closes.
            #expect(error?.kind == .refused)
            #expect(
                error?.text.contains(expected ?? "the broker closed the connection") == true,
                "\(version): \(error?.text ?? "")")
        }
    }
}
