import CIC
import CaseRouting
import Foundation
import HTTPClient
import Logging
import Operations
import Polling
import Salesforce

/// Logs in with a secret, to see that it is right before it is stored. Nothing is changed there.
struct LogInCheck: Sendable {
    let surroundings: Surroundings

    /// How long a CIC server is waited for: with alternate hosts several connections are tried.
    private static let patience: Duration = .seconds(10)

    /// - Parameter target: `org:NAME` or `cic:NAME`; it has to be set up.
    func logIn(_ target: String, _ secret: [UInt8], _ stored: StoredConfiguration) async throws {
        let parts = target.split(separator: ":", maxSplits: 1).map(String.init)
        let loop = PollExecutor(name: "caserouter log-in")
        let logger = Logger(label: "caserouter") { _ in SwiftLogNoOpLogHandler() }
        if parts[0] == "org" {
            try await logIn(try stored.org(parts[1]), secret, loop, logger)
        } else {
            try await logIn(try stored.server(parts[1]), secret, stored, loop, logger)
        }
    }

    private func logIn(_ org: OrgSetup, _ secret: [UInt8], _ loop: PollExecutor, _ logger: Logger) async throws {
        var settings = HTTPTransport.Settings()
        settings.allowInsecure = try surroundings.allowsInsecure
        if let file = try surroundings.caFile { settings.trust = .systemAndFile(file) }
        let transport = HTTPTransport(on: loop, settings: settings)
        let source = try OutboxOrg(
            settings: SalesforceSettings(org, secret), transport: transport, logger: logger)
        let result: Result<Void, RoutingFailure>
        do throws(RoutingFailure) {
            try await source.logIn()
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await transport.close()
        try result.get()
    }

    private func logIn(
        _ setup: CICServerSetup, _ secret: [UInt8], _ stored: StoredConfiguration, _ loop: PollExecutor,
        _ logger: Logger
    ) async throws {
        let server = CICServer(
            try CICServerSettings(setup, secret, stored, surroundings), on: loop, clock: SystemClock(loop: loop),
            random: SystemRandom(), logger: logger, applicationName: "Case Router log-in check")
        let serving = Task { await server.run() }
        let deadline = ContinuousClock.now + Self.patience
        var isOpen = false
        var failure: RoutingFailure?
        while !isOpen && ContinuousClock.now < deadline {
            isOpen = await server.isOpen(within: .milliseconds(500))
            if isOpen { break }
            failure = await server.unavailability
            // Trying again would only lock the user.
            if failure?.cause == .cicCredentials || failure?.cause == .cicForbidden { break }
        }
        serving.cancel()
        await serving.value
        if !isOpen {
            throw failure
                ?? RoutingFailure(
                    .held, at: .read, cause: .cicUnreachable, "CIC server \(setup.name) did not open a session in time."
                )
        }
    }
}
