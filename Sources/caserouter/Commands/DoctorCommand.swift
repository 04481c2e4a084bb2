import AMQP
import ArgumentParser
import Broker
import CIC
import CaseRouting
import HTTPClient
import Logging
import Operations
import Polling
import Postgres
import Salesforce
import Store

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Looks at everything that routing depends on, and says what to do about it.",
        discussion: """
            Every connection, right, object, field, name and limit that can be seen from here at the database, the broker, \
            Salesforce and CIC, one line each: ok, warning or failure. The word after that is the check's code; \
            docs/doctor.md lists them. Changes nothing anywhere. With --org or --cic only that neighbour is looked at, \
            besides database and broker.

            Exit: 0 no failure (there may be warnings), 1 a failure.
            """)

    @Option(help: "Only this Salesforce org.") var org: String?
    @Option(help: "Only this CIC server.") var cic: String?
    @Flag(help: "Leave out what is ok.") var problems = false
    @OptionGroup var zone: ZoneOption

    @Flag(name: .long, help: "Print JSON; errors are JSON on standard error.")
    var json = false

    func run() async throws {
        try await perform(json: json) {
            let times = try zone.zone()
            let surroundings = try Surroundings()
            let report = try await Self.report(surroundings, org: org, cic: cic)
            print(json ? try DoctorText.document(report, problems) : DoctorText.text(report, times, problems))
            if !report.isHealthy { throw ExitCode.notDone }
        }
    }

    private static func report(_ surroundings: Surroundings, org: String?, cic: String?) async throws -> DoctorReport {
        let loop = PollExecutor(name: "caserouter doctor")
        let clock = SystemClock(loop: loop)
        let address = try surroundings.database
        let database = PostgresDatabase(
            address, PostgresSettings(applicationName: "caserouter doctor"), on: loop, sessions: 1)
        async let sessions: Void = database.run()
        let neighbours = Neighbours(
            surroundings: surroundings, loop: loop, clock: clock, transport: try transport(surroundings, loop))
        let doctor = Doctor(
            database: PostgresExaminer(database, address: address, clock: clock),
            broker: BrokerInspection(broker(surroundings), loop: loop),
            credentials: StoredCredentials(database, keyFile: surroundings.namedKeyFile), neighbours: neighbours,
            clock: clock, allowsInsecure: try surroundings.allowsInsecure)
        let result: Result<DoctorReport, any Error>
        do {
            result = .success(try await doctor.report(org: org, cic: cic))
        } catch {
            result = .failure(error)
        }
        await neighbours.transport.close()
        await database.close()
        await sessions
        return try result.get()
    }

    private static func transport(_ surroundings: Surroundings, _ loop: PollExecutor) throws -> HTTPTransport {
        var settings = HTTPTransport.Settings()
        settings.allowInsecure = try surroundings.allowsInsecure
        if let file = try surroundings.caFile { settings.trust = .systemAndFile(file) }
        return HTTPTransport(on: loop, settings: settings)
    }

    /// A broker that is not set is one line among the others: the rest can be looked at without it.
    private static func broker(_ surroundings: Surroundings) -> Result<AMQPAddress, RoutingFailure> {
        Result { () throws(RoutingFailure) in
            do throws(Misconfigured) {
                return try surroundings.broker
            } catch {
                throw RoutingFailure(.configuration, at: .broker, cause: .broker, error.description)
            }
        }
    }
}

/// Orgs and CIC servers as they are set up, with sessions of their own.
private struct Neighbours: NeighbourExaminers {
    let surroundings: Surroundings
    let loop: PollExecutor
    let clock: SystemClock
    let transport: HTTPTransport
    /// What is found is printed; nothing is logged besides.
    private let logger = Logger(label: "caserouter") { _ in SwiftLogNoOpLogHandler() }

    init(surroundings: Surroundings, loop: PollExecutor, clock: SystemClock, transport: HTTPTransport) {
        self.surroundings = surroundings
        self.loop = loop
        self.clock = clock
        self.transport = transport
    }

    func org(_ setup: OrgSetup, secret: [UInt8]) throws -> any OrgExaminer {
        OutboxOrg(settings: try SalesforceSettings(setup, secret), transport: transport, logger: logger)
    }

    func server(
        _ setup: CICServerSetup, secret: [UInt8], of stored: StoredConfiguration
    ) throws -> any CICExaminer {
        CICInspector(
            try CICServerSettings(setup, secret, stored, surroundings), on: loop, clock: clock, random: SystemRandom(),
            logger: logger)
    }
}
