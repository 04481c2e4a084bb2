import Foundation
import HTTPTypes
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
        logger.logLevel = .error
        let server: HTTPServerBuilder = if let tls { try .tls(.http1(), tlsConfiguration: tls) } else { .http1() }
        return Application(
            responder: SalesforceResponder(org: org, isSecure: tls != nil), server: server,
            configuration: .init(address: .hostname(configuration.host, port: port), backlog: 4096),
            onServerRunning: { channel in await onReady(channel.localAddress?.port ?? port) }, logger: logger)
    }
}

/// Between Hummingbird's requests and an org's.
struct SalesforceResponder: HTTPResponder {
    typealias Context = BasicRequestContext

    let org: SalesforceOrg
    let isSecure: Bool

    /// Thrown to close a connection in the middle of a response.
    struct ConnectionDropped: Error {}

    func respond(to request: Request, context: BasicRequestContext) async throws -> Response {
        var request = request
        let head = request.head
        let isStreaming = head.path?.hasPrefix("/cometd") ?? false
        let body = try await request.collectBody(upTo: SalesforceSimulator.longestBody)
        let call = call(head, body)
        guard isStreaming else { return try response(try await org.answer(call)) }
        return try response(try await org.answer(call))
    }

    private func call(_ head: HTTPRequest, _ body: ByteBuffer) -> SalesforceCall {
        let uri = head.path ?? "/"
        let sides = uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path = String(sides.first ?? "/")
        var headers: [String: String] = [:]
        for field in head.headerFields {
            let name = field.name.canonicalName
            // Cookies may come in several fields.
            headers[name] = headers[name].map { $0 + "; " + field.value } ?? field.value
        }
        return SalesforceCall(
            method: head.method.rawValue, path: path.removingPercentEncoding ?? path,
            query: sides.count > 1 ? SalesforceForm.pairs(String(sides[1])) : [], headers: headers,
            body: Array(body.readableBytesView), uriLength: uri.utf8.count, isSecure: isSecure,
            authority: head.authority ?? "localhost")
    }

    private func response(_ reply: SalesforceReply) throws -> Response {
        var headers = HTTPFields()
        if !reply.body.isEmpty { headers[.contentType] = reply.contentType }
        for (name, value) in reply.headers {
            if let name = HTTPField.Name(name) { headers.append(HTTPField(name: name, value: value)) }
        }
        let status = HTTPResponse.Status(code: reply.status)
        if let cut = reply.cutAfter {
            if cut < 0 { throw ConnectionDropped() }
            let part = ByteBuffer(bytes: reply.body.prefix(cut))
            return Response(
                status: status, headers: headers,
                body: ResponseBody(contentLength: max(reply.body.count, cut + 1)) { writer in
                    try await writer.write(part)
                    throw ConnectionDropped()
                })
        }
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: reply.body)))
    }
}
