import Foundation
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore

/// A simulated CIC site: ICWS on two hosts, queues, agents, the handler of `docs/cic-handler.md`, and every fault a
/// test can ask for under `/control/…`.
///
/// It imports nothing of the product. Its ledger says what happened; see `docs/simulators.md`.
public struct CICSimulator: Sendable {
    private let configuration: CICSimulatorConfiguration
    private let authority: ThrowawayCA?
    private let site: CICSite

    /// Opens the ledger.
    ///
    /// - Parameter authority: serve HTTPS with certificates of this authority for the hosts' addresses; else the
    ///   configuration's `tls` says whether and how.
    /// - Throws: when the ledger cannot be opened.
    public init(_ configuration: CICSimulatorConfiguration, authority: ThrowawayCA? = nil) throws {
        self.configuration = configuration
        self.authority = authority
        site = try CICSite(configuration: configuration)
    }

    /// Serves until the task is cancelled.
    ///
    /// - Parameter onReady: called once with the ports of the hosts, in their order, when all accept connections.
    /// - Throws: when a port is taken; `CancellationError` is not thrown.
    public func run(onReady: @escaping @Sendable ([Int]) async -> Void = { _ in }) async throws {
        let hosts = configuration.hosts
        let server = try builder()
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { [site] in try await site.runTimers() }
                var ports: [Int] = []
                for (index, host) in hosts.enumerated() {
                    let wanted = host.port == 0 ? ports.last ?? 0 : host.port
                    let (started, start) = AsyncStream.makeStream(of: Int.self)
                    let application = application(server, index, host.address, wanted) { start.yield($0) }
                    group.addTask {
                        defer { start.finish() }
                        try await application.run()
                    }
                    guard let port = await started.first(where: { _ in true }) else { break }
                    ports.append(port)
                    site.locked { $0.addresses.append((host.address, port)) }
                }
                if ports.count == hosts.count { await onReady(ports) }
                // Ends by cancellation or with the first error; one host alone is no site.
                try await group.next()
                group.cancelAll()
            }
        } catch is CancellationError {
            return
        }
    }

    private func builder() throws -> HTTPServerBuilder {
        if let authority {
            let names = ["localhost"] + configuration.hosts.map(\.address)
            return try .tls(.http1(), tlsConfiguration: authority.serverConfiguration(for: names))
        }
        guard let tls = configuration.tls else { return .http1() }
        let chain = try NIOSSLCertificate.fromPEMFile(tls.certificateFile)
        let key = try NIOSSLPrivateKey(file: tls.keyFile, format: .pem)
        let settings = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        return try .tls(.http1(), tlsConfiguration: settings)
    }

    private func application(
        _ server: HTTPServerBuilder, _ index: Int, _ address: String, _ port: Int,
        started: @escaping @Sendable (Int) -> Void
    ) -> Application<CICResponder> {
        var logger = Logger(label: "cic-simulator")
        // Below that are the broken connections that tests make on purpose.
        logger.logLevel = .critical
        return Application(
            responder: CICResponder(site: site, host: index), server: server,
            configuration: .init(address: .hostname(address, port: port)),
            onServerRunning: { channel in started(channel.localAddress?.port ?? port) }, logger: logger)
    }
}
