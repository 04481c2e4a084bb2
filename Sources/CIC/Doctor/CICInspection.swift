import CaseRouting
import HTTPClient
import JSON
import Logging
import Operations
import Polling

/// Looks at one CIC server over a session of its own, and over a second one for the queues. Both end with it, and what
/// they subscribed to with them; no interaction is made or touched.
public struct CICInspector: CICExaminer {
    private let settings: CICServerSettings
    private let loop: PollExecutor
    private let clock: any RoutingClock
    private let random: any RandomSource
    private let logger: Logger

    public init(
        _ settings: CICServerSettings, on loop: PollExecutor, clock: any RoutingClock, random: any RandomSource,
        logger: Logger
    ) {
        self.settings = settings
        self.loop = loop
        self.clock = clock
        self.random = random
        self.logger = logger
    }

    public func examine(_ mappings: [MappingSetup], _ aliases: [AliasSetup]) async -> CICExamination {
        let server = CICServer(
            settings, on: loop, clock: clock, random: random, logger: logger, applicationName: "Case Router doctor")
        let feed = CICFeed(settings, on: loop, clock: clock, random: random, logger: logger)
        // It lasts as long as the session, which is as long as this call.
        let serving = Task { await server.run() }
        var inspection = CICInspection(
            settings: settings, server: server, feed: feed, mappings: mappings, aliases: aliases, random: random)
        await inspection.inspect()
        await feed.close()
        serving.cancel()
        await serving.value
        return inspection.examination
    }
}

/// One look at a CIC server. Each step writes its lines and leaves the others to theirs.
struct CICInspection: DoctorInspection {
    let settings: CICServerSettings
    let server: CICServer
    let feed: CICFeed
    let mappings: [MappingSetup]
    let aliases: [AliasSetup]
    let random: any RandomSource
    var examination = CICExamination()

    init(
        settings: CICServerSettings, server: CICServer, feed: CICFeed, mappings: [MappingSetup],
        aliases: [AliasSetup], random: any RandomSource
    ) {
        self.settings = settings
        self.server = server
        self.feed = feed
        self.mappings = mappings
        self.aliases = aliases
        self.random = random
    }

    var subject: String { "cic:\(settings.name)" }
    /// Every mapped workgroup once.
    var workgroups: [String] { places.filter { UserQueue(place: $0) == nil } }
    /// Every mapped user's own queue once.
    var ownQueues: [UserQueue] { places.compactMap { UserQueue(place: $0) } }
    private var places: [String] { Set(mappings.map(\.workgroup)).sorted() }

    /// How long a session is waited for: with alternate hosts several connections are tried.
    private static let patience: Duration = .seconds(12)
    private static let hostDeadline: Duration = .seconds(5)
    /// A password that expires sooner is worth a line.
    private static let soon = 14

    mutating func inspect() async {
        await lookAtHosts()
        guard let connection = await logIn() else { return }
        lookAtFeatures(connection)
        lookAtPair(connection)
        await lookAtRecovery(connection)
        await lookAtLicence()
        if let directory = await readDirectory() {
            await lookAtHolding(directory)
            await lookAtWorkgroups(directory)
            lookAtUsers(directory)
            lookAtSkills(directory)
        }
        await lookAtQueues()
        await lookAtHandler()
    }

    // MARK: Lines

    var lines: [DoctorLine] {
        get { examination.lines }
        set { examination.lines = newValue }
    }

    /// Without the full stop, as all sentences of a list.
    func said(_ failure: RoutingFailure) -> String {
        var text = failure.summary
        while text.hasSuffix(".") { text.removeLast() }
        return text
    }

    // MARK: Hosts and session

    /// The version needs no session, so that the backup of a pair answers too.
    private mutating func lookAtHosts() async {
        for text in settings.hosts {
            guard let host = ICWSHost(text, defaultPort: settings.defaultPort) else { continue }
            let answer: HTTPResponse
            do throws(HTTPError) {
                answer = try await server.transport.send(
                    HTTPRequest(
                        .get, "\(settings.scheme)://\(host)/icws/connection/version",
                        headers: ["Accept": ICWSConnection.mediaType, "Accept-Language": "en-us"],
                        deadline: Self.hostDeadline, connectTimeout: Self.hostDeadline))
            } catch {
                fail(.cicHost, "\(host) cannot be reached: \(error.kind.rawValue)")
                continue
            }
            if (200...299).contains(answer.status) {
                ok(.cicHost, "\(host) answers, \(Self.version(answer.body) ?? "without a version that can be read")")
            } else {
                fail(.cicHost, "\(host) answers \(answer.status), so no Session Manager is there")
            }
        }
    }

    private static func version(_ body: [UInt8]) -> String? {
        var release: String?
        var patch: String?
        do throws(JSONError) {
            try JSONReader.decode(body) { reader in
                try reader.object { key, reader in
                    switch key {
                    case "productReleaseDisplayString" where reader.kind == .string: release = try reader.string()
                    case "productPatchDisplayString" where reader.kind == .string: patch = try reader.string()
                    default: break
                    }
                }
            }
        } catch {
            // The caller says that it cannot be read.
            return nil
        }
        return release.map { "CIC \($0)" + (patch.map { " \($0)" } ?? "") }
    }

    private mutating func logIn() async -> ICWSConnection? {
        let deadline = ContinuousClock.now + Self.patience
        var failure: RoutingFailure?
        while ContinuousClock.now < deadline {
            if await server.isOpen(within: .milliseconds(500)), let connection = await server.session.connection {
                ok(.cicLogin, "logged in as \(settings.user) at \(connection.host)")
                lookAtPassword(connection)
                return connection
            }
            failure = await server.unavailability
            // Trying again would only lock the user.
            if failure?.cause == .cicCredentials || failure?.cause == .cicForbidden { break }
        }
        fail(.cicLogin, failure.map(said) ?? "no session was opened in time")
        return nil
    }

    private mutating func lookAtPassword(_ connection: ICWSConnection) {
        guard let days = connection.daysUntilPasswordExpiration else {
            return ok(.cicPassword, "the server does not say when it expires")
        }
        if days <= 0 {
            fail(.cicPassword, "the password of \(settings.user) has expired")
        } else if days <= Self.soon {
            warn(.cicPassword, "the password of \(settings.user) expires in \(days) days")
        } else {
            ok(.cicPassword, "the password expires in \(days) days")
        }
    }

    private mutating func lookAtFeatures(_ connection: ICWSConnection) {
        var missing: [String] = []
        if settings.messaging == .sse && !connection.offersStream {
            missing.append("it offers no event stream (messaging 2), so messages are polled each second")
        }
        if connection.features["connection", default: 0] < 11 {
            missing.append("it does not tell about switchovers (connection 11)")
        }
        if missing.isEmpty {
            ok(.cicVersion, "it offers what is used: messaging 2, connection 11")
        } else {
            warn(.cicVersion, missing.joined(separator: "; "))
        }
    }

    private mutating func lookAtPair(_ connection: ICWSConnection) {
        let known = Set(settings.hosts.compactMap { ICWSHost($0, defaultPort: settings.defaultPort)?.name })
        let others = connection.alternates.compactMap { ICWSHost($0, defaultPort: settings.defaultPort)?.name }
        let missing = others.filter { !known.contains($0) }
        if !missing.isEmpty {
            warn(.cicPair, "the server names \(missing.joined(separator: ", ")), which is not among the hosts")
        } else if others.isEmpty {
            ok(.cicPair, "the server names no other one")
        } else {
            ok(.cicPair, "the servers that it names are among the hosts")
        }
    }

    private mutating func lookAtRecovery(_ connection: ICWSConnection) async {
        let isPair = settings.hosts.count > 1 || !connection.alternates.isEmpty
        guard isPair, settings.creation == .handler else { return }
        let name = "Mail Interaction Recovery Enabled"
        let path = "configuration/server-parameters/\(ICWSPath.encoded(name))?select=configurationId,value"
        do throws(RoutingFailure) {
            let value = try await server.one(path) { reader in
                var value: String?
                try reader.object { key, reader in
                    if case "value" = key, reader.kind == .string { value = try reader.string() }
                }
                return value
            }
            let isOn = value.map { ["1", "true", "yes"].contains($0.lowercased()) } ?? false
            if isOn { ok(.cicRecovery, "\(name) is on") } else { warn(.cicRecovery, "\(name) is not on") }
        } catch {
            warn(.cicRecovery, "\(name) cannot be seen: \(said(error))")
        }
    }

    /// Which licences a session needs is not documented; that a user without an active one gets far is not expected.
    private mutating func lookAtLicence() async {
        let path = "configuration/users/\(ICWSPath.encoded(settings.user))?select=configurationId,licenseProperties"
        do throws(RoutingFailure) {
            let isActive = try await server.one(path) { reader in
                var isActive: Bool?
                try reader.object { key, reader in
                    guard case "licenseProperties" = key, reader.kind == .object else { return }
                    try reader.object { key, reader in
                        if case "licenseActive" = key, reader.kind == .bool { isActive = try reader.bool() }
                    }
                }
                return isActive
            }
            switch isActive {
            case true?: ok(.cicLicence, "the licence of \(settings.user) is active")
            case false?: warn(.cicLicence, "the licence of \(settings.user) is not active")
            case nil: warn(.cicLicence, "whether the licence of \(settings.user) is active cannot be seen from outside")
            }
        } catch {
            warn(.cicLicence, "whether the licence of \(settings.user) is active cannot be seen: \(said(error))")
        }
    }

    // MARK: Queues and handler

    /// Following a queue is what the watch does: the server answers with its content, or says why not. It may do both, an
    /// empty content first, so its last word counts, and a moment is left for one.
    private mutating func lookAtQueues() async {
        let wanted = Set(places).union([settings.holdingWorkgroup])
        /// Why a queue cannot be viewed; nil where it can.
        var answers: [String: String?] = [:]
        let deadline = ContinuousClock.now + Self.patience
        do throws(RoutingFailure) {
            try await feed.follow(wanted)
            var isSettled = false
            while !isSettled && ContinuousClock.now < deadline {
                let isComplete = answers.count == wanted.count
                let messages = try await news(within: isComplete ? Self.lastWord : .seconds(5))
                isSettled = isComplete && messages.isEmpty
                for message in messages {
                    switch message {
                    case .content(let content) where content.isFull && wanted.contains(content.queue):
                        if answers[content.queue] == nil { answers[content.queue] = .some(nil) }
                    case .unreadable(let queue, let reason) where wanted.contains(queue): answers[queue] = reason
                    case .content, .unreadable, .session, .lost: break
                    }
                }
            }
        } catch {
            return fail(.cicQueueRight, said(error))
        }
        for queue in wanted.sorted() {
            switch answers[queue] {
            case .some(nil): ok(.cicQueueRight, "\(queue) may be viewed")
            case .some(let reason?): fail(.cicQueueRight, "\(queue) may not be viewed: \(reason)")
            case nil: fail(.cicQueueRight, "the server did not answer in time for \(queue)")
            }
        }
    }

    private static let lastWord: Duration = .milliseconds(1_500)

    /// What the feed tells within this time; none is an answer, too.
    private func news(within duration: Duration) async throws(RoutingFailure) -> [FeedMessage] {
        let feed = feed
        let result = await withTaskGroup(of: Result<[FeedMessage], RoutingFailure>?.self) { group in
            group.addTask {
                do throws(RoutingFailure) { return .success(try await feed.next()) } catch { return .failure(error) }
            }
            group.addTask {
                // Cut short when the feed has told something.
                try? await Task.sleep(for: duration)
                return nil
            }
            var told: Result<[FeedMessage], RoutingFailure> = .success([])
            for await one in group {
                if let one { told = one }
                group.cancelAll()
            }
            return told
        }
        return try result.get()
    }

    private mutating func lookAtHandler() async {
        guard settings.creation == .handler else {
            return warn(
                .cicModifyRight,
                "whether \(settings.user) may create, move and disconnect interactions cannot be seen from outside")
        }
        ok(.cicModifyRight, "the handler changes interactions, so the user need not")
        do throws(RoutingFailure) {
            let version = try await server.ping(nonce: random.next())
            if Int(version).map({ $0 >= 1 }) == true {
                ok(.cicHandler, "it answers, and speaks the contract up to version \(version)")
            } else {
                fail(.cicHandler, "it answers, and says that it speaks version \(version) of the contract")
            }
        } catch {
            fail(.cicHandler, said(error))
        }
    }
}
