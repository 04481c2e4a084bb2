import Foundation
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

/// Salesforce, as far as case routing and ordinary clients can tell: OAuth, REST, CometD and the routing package's triggers.
///
/// One process serves several orgs, each on a port of its own, because a client keeps only the host of `instance_url`.
/// State is in memory. What it did is in the ledger; what it should do wrong is told through `/control/…` on the same
/// ports. It is a model: nothing in it has been compared with a live org.
public final class SalesforceSimulator: Sendable {
    private let configuration: SalesforceSimulatorConfiguration
    private let orgs: [SalesforceOrg]
    private let tls: TLSConfiguration?

    /// Longest request body; Salesforce takes up to 50 MB.
    static let longestBody = 50 * 1024 * 1024

    /// - Parameter authority: signs the certificate when the configuration asks for HTTPS; without one, a new
    ///   authority is made, whose certificate goes to `authorityPath`.
    /// - Throws: `SalesforceConfigurationError` for an organisation id that is none, and errors of the ledger's file.
    public init(_ configuration: SalesforceSimulatorConfiguration, authority: ThrowawayCA? = nil) throws {
        self.configuration = configuration
        let ledger = try configuration.ledgerPath.map { try Ledger(path: $0) }
        orgs = try configuration.orgs.enumerated().map { index, org in
            try SalesforceOrg(settings: configuration, org: org, index: index, ledger: ledger)
        }
        if configuration.https {
            let authority = try authority ?? ThrowawayCA()
            if let path = configuration.authorityPath { try authority.writeCertificate(to: path) }
            tls = try authority.serverConfiguration(for: configuration.certificateHosts)
        } else {
            tls = nil
        }
    }

    /// Serves until the task is cancelled; connects that are held then are answered.
    ///
    /// - Parameter onReady: called once, when every org listens, with each org's port by its name.
    /// - Throws: when a port is taken; `CancellationError` is not thrown.
    public func run(onReady: @escaping @Sendable ([String: Int]) async -> Void = { _ in }) async throws {
        let ports = Mutex<[String: Int]>([:])
        let expected = orgs.count
        var services: [any Service] = [SalesforceTicker(orgs: orgs)]
        for (org, settings) in zip(orgs, configuration.orgs) {
            services.append(
                try application(for: org, port: settings.port) { port in
                    let ready = ports.withLock { ports -> [String: Int]? in
                        ports[org.name] = port
                        return ports.count == expected ? ports : nil
                    }
                    if let ready { await onReady(ready) }
                })
        }
        var settings = ServiceGroupConfiguration(services: services, logger: Self.logger)
        settings.maximumGracefulShutdownDuration = .seconds(2)
        let group = ServiceGroup(configuration: settings)
        // A server that is cancelled drops connections which it has accepted and not yet begun to serve, and NIO takes
        // that for a programmer's mistake. So the servers run out of reach of cancellation, which becomes a shutdown.
        let servers = Task { try await group.run() }
        try await withTaskCancellationHandler {
            do {
                try await servers.value
            } catch  where Task.isCancelled {
                // Stopped before everything listened, or a connection outlived the time it was given.
            }
        } onCancel: {
            for org in orgs { org.close() }
            // Asking for a shutdown is asynchronous, and nothing waits for it but the run above.
            Task { await group.triggerGracefulShutdown() }
        }
    }

    private static let logger = {
        var logger = Logger(label: "salesforce-simulator")
        // Below that are the broken connections that tests make on purpose.
        logger.logLevel = .critical
        return logger
    }()

    private func application(
        for org: SalesforceOrg, port: Int, onReady: @escaping @Sendable (Int) async -> Void
    ) throws -> Application<SalesforceResponder> {
        let plain = HTTPServerBuilder.http1(
            configuration: .init(additionalChannelHandlers: [SalesforceDateHandler(org)]))
        let server: HTTPServerBuilder = if let tls { try .tls(plain, tlsConfiguration: tls) } else { plain }
        return Application(
            responder: SalesforceResponder(org: org, isSecure: tls != nil), server: server,
            configuration: .init(address: .hostname(configuration.host, port: port), backlog: 4096),
            onServerRunning: { channel in await onReady(channel.localAddress?.port ?? port) }, logger: Self.logger)
    }
}

/// What only time brings about, ten times a second.
private struct SalesforceTicker: Service {
    let orgs: [SalesforceOrg]

    func run() async throws {
        while !Task.isShuttingDownGracefully, !Task.isCancelled {
            for org in orgs { org.tick() }
            do {
                try await Task.sleep(for: .milliseconds(100))
            } catch is CancellationError {
                // The loop looks at this itself.
            }
        }
    }
}
