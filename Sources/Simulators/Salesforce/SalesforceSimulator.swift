import Foundation
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore
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

    /// Serves until the task is cancelled.
    ///
    /// - Parameter onReady: called once, when every org listens, with each org's port by its name.
    public func run(onReady: @escaping @Sendable ([String: Int]) async -> Void = { _ in }) async throws {
        let ports = Mutex<[String: Int]>([:])
        let expected = orgs.count
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (org, settings) in zip(orgs, configuration.orgs) {
                let application = try application(for: org, port: settings.port) { port in
                    let ready = ports.withLock { ports -> [String: Int]? in
                        ports[org.name] = port
                        return ports.count == expected ? ports : nil
                    }
                    if let ready { await onReady(ready) }
                }
                group.addTask { try await application.run() }
            }
            group.addTask { [orgs] in
                while !Task.isCancelled {
                    try await Task.sleep(for: .milliseconds(100))
                    for org in orgs { org.tick() }
                }
            }
            do {
                try await group.next()
            } catch is CancellationError {
                // Being cancelled is how a run ends.
            }
            group.cancelAll()
            do {
                try await group.waitForAll()
            } catch is CancellationError {
            }
        }
    }

    private func application(
        for org: SalesforceOrg, port: Int, onReady: @escaping @Sendable (Int) async -> Void
    ) throws -> Application<SalesforceResponder> {
        var logger = Logger(label: "salesforce-simulator")
        logger.logLevel = .critical
        let server: HTTPServerBuilder = if let tls { try .tls(.http1(), tlsConfiguration: tls) } else { .http1() }
        return Application(
            responder: SalesforceResponder(org: org, isSecure: tls != nil), server: server,
            configuration: .init(address: .hostname(configuration.host, port: port), backlog: 4096),
            onServerRunning: { channel in await onReady(channel.localAddress?.port ?? port) }, logger: logger)
    }
}
