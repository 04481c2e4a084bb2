import CaseRouting
import HTTPClient
import JSON
import Logging

/// An org that keeps an outbox: our package's, or a legacy table by the names in the settings.
///
/// Keys and versions are made in `RoutingRow.reading`, the same for rows and events, so that a fact is one request
/// however it arrived.
public actor OutboxOrg: SalesforceOrg {
    nonisolated let settings: SalesforceSettings
    nonisolated let session: SalesforceSession
    nonisolated let stream: CometDClient
    nonisolated let failures: SalesforceFailure
    nonisolated let logger: Logger
    nonisolated let eventTable: FieldTable
    private nonisolated let transport: HTTPTransport
    nonisolated public var unownedExecutor: UnownedSerialExecutor { transport.unownedExecutor }

    /// Newest position that was told by an event; what stands for it where an event's own cannot be read.
    var lastReplayID: Int64?
    private var saidEmailsAreMissing = false

    public nonisolated var channel: String { settings.names.channel }

    /// - Parameter transport: on whose loop everything of the org runs. It is not closed with the org.
    public init(settings: SalesforceSettings, transport: HTTPTransport, logger: Logger) {
        var logger = logger
        logger[metadataKey: "org"] = "\(settings.org)"
        self.settings = settings
        self.transport = transport
        self.logger = logger
        failures = SalesforceFailure(settings)
        session = SalesforceSession(settings, transport, logger)
        stream = CometDClient(session, channel: settings.names.channel)
        eventTable = settings.names.eventTable
    }

    /// Logs in if there is no session, and checks that it leads to the right org.
    public func logIn() async throws(RoutingFailure) { _ = try await session.open() }

    public func currentTime() async -> Timestamp? { await session.theirTime }

    public func apiUsage() async -> APIUsage? { await session.usage }

    public func callCounts() async -> [String: Int] { await session.callCounts }

    /// An org may have no e-mails, or hide them from the integration user, which nobody would notice.
    func sayEmailsAreMissing(_ failure: RoutingFailure) {
        guard !saidEmailsAreMissing else { return }
        saidEmailsAreMissing = true
        logger.warning(.sweepFailed, metadata: ["object": "EmailMessage", "summary": "\(failure.summary)"])
    }

    // MARK: Queues

    public func queues() async throws(RoutingFailure) -> [SalesforceQueue] {
        var queues: [SalesforceQueue] = []
        while true {
            let behind = queues.last.map { " AND Id > '\($0.id)'" } ?? ""
            let found = try await session.records(
                "SELECT Id, Name, DeveloperName FROM Group WHERE Type = 'Queue' AND Id IN "
                    + "(SELECT QueueId FROM QueueSobject WHERE SobjectType = 'Case')\(behind) ORDER BY Id LIMIT \(Self.page)",
                "reading the queues", Self.queue)
            queues += found.records.compactMap { $0 }
            if found.isWhole && found.records.count < Self.page { return queues }
            guard found.records.last.flatMap({ $0 }) != nil else {
                throw failures.failure(.transient, .salesforceError, "reading the queues: records without an id.")
            }
        }
    }

    private static func queue(_ reader: inout JSONReader) throws -> SalesforceQueue? {
        var id: String?
        var name = ""
        var developerName = ""
        try reader.object { key, reader in
            switch key {
            case "Id": id = try reader.optionalString()
            case "Name": name = try reader.optionalString() ?? ""
            case "DeveloperName": developerName = try reader.optionalString() ?? ""
            default: break
            }
        }
        return RoutingRow.id(id).map { SalesforceQueue(id: $0, name: name, developerName: developerName) }
    }

    /// Records of one query.
    static let page = 2_000
}
