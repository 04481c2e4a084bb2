import Foundation
import HTTPTypes
import Hummingbird

/// One session of one user on one host.
final class CICSession {
    let id: String
    let host: Int
    let user: String
    let application: String
    let csrfToken: String
    let cookie: (name: String, value: String)
    var lastUsed: ContinuousClock.Instant
    /// Why it is over.
    var ended: String?

    // Messages.
    var pending: [CICPending] = []
    var reader: AsyncStream<Void>.Continuation?
    var readerNumber = 0
    var pingDue = false
    var lastRead: ContinuousClock.Instant?
    var lastWrite: ContinuousClock.Instant

    // Subscriptions.
    var queueSubscriptions: [String: CICQueueSubscription] = [:]
    var interactionWatches: [String: CICInteractionWatch] = [:]
    /// Object and event ids of handler-sent notifications, in lower case, with a slash between.
    var notifications: Set<String> = []
    var configurationSubscriptions: [String: CICConfigurationSubscription] = [:]
    var watchedUsers: [String] = []
    var statistics = CICStatisticSubscription(keys: [])
    /// At which station its user is logged in, as a station's information, and whether the session is told of changes.
    var station: CICJSON?
    var watchesStation = false

    init(id: String, host: Int, user: String, application: String, now: ContinuousClock.Instant) {
        self.id = id
        self.host = host
        self.user = user
        self.application = application
        csrfToken = Self.random()
        cookie = ("icws_\(id)", Self.random())
        lastUsed = now
        lastWrite = now
    }

    private static func random() -> String {
        Data((0..<24).map { _ in UInt8.random(in: .min ... .max) }).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_")
    }
}

/// A token that turns into a session once, within seven seconds.
struct CICAuthToken {
    static let lifetime = Duration.seconds(7)

    let token: String
    let seed: String
    let session: String
    let user: String
    let made: ContinuousClock.Instant
}

extension CICState {
    /// Session Managers of a real pair know each other by host name; clients keep scheme and port.
    func alternates(of host: Int) -> [String] {
        addresses.indices.filter { $0 != host }.map { addresses[$0].name }
    }

    /// `/icws/connection…`, which needs no session.
    func discovery(_ request: CICRequest, _ path: [String]) throws(CICError) -> CICAnswer {
        switch (request.method, path.first ?? "", path.count) {
        case (.post, "", 0): return try connect(request)
        case (.get, "version", 1): return CICAnswer(200, Self.version)
        case (.get, "features", 1): return CICAnswer(200, ["featureInfoList": features])
        case (.get, "features", 2):
            guard let found = configuration.features.first(where: { $0.key.lowercased() == path[1].lowercased() })
            else {
                // The contract of this request knows no 404.
                throw CICError(400, "error.request.connection.unknownFeature", "There is no feature \(path[1]).")
            }
            return CICAnswer(200, ["featureId": .string(found.key), "version": CICJSON(found.value)])
        case (.get, "server-time", 1): return CICAnswer(200, ["serverUtcTime": .string(Self.compactTime())])
        case (.get, "server-info", 1):
            return CICAnswer(
                200,
                [
                    "languages": [["languageID": "en-us", "languageDisplayName": "English (United States)"]],
                    "acceptLanguage": "en-us", "authentication": ["allowIcAuth": true, "identityProviders": []],
                ])
        default: throw CICError.notFound
        }
    }

    static let version: CICJSON = [
        "majorVersion": "20", "minorVersion": "4", "su": "3", "build": "112", "productId": "CaseRouterSimulator",
        "codebaseId": "1", "productReleaseDisplayString": "2020 R4", "productPatchDisplayString": "Patch 3",
    ]

    var features: CICJSON {
        .array(
            configuration.features.sorted { $0.key < $1.key }.map {
                ["featureId": .string($0.key), "version": CICJSON($0.value)]
            })
    }

    private func connect(_ request: CICRequest) throws(CICError) -> CICAnswer {
        guard request.host == active, refusingUntil.map({ $0 <= now }) ?? true else {
            return CICAnswer(
                503,
                [
                    "__type": "urn:inin.com:connection:alternateHosts",
                    "errorId": "error.request.connection.alternateHosts",
                    "message": "This host does not take sessions now.",
                    "alternateHostList": CICJSON(alternates(of: request.host)),
                ])
        }
        guard request.headers[.acceptLanguage] != nil else {
            throw CICError(400, "error.request.connection.missingHeader", "The header Accept-Language is missing.")
        }
        let type = try request.requiredString("__type").lowercased()
        let application = try request.requiredString("applicationName")
        let body = try request.object()
        let marketplace = ["marketPlaceApplicationLicenseName", "marketPlaceApplicationCode"]
        if marketplace.count(where: { body[$0]?.string != nil }) == 1 { throw CICError.missing(marketplace[1]) }
        let user: String
        switch type {
        case "urn:inin.com:connection:icauthconnectionrequestsettings":
            let asked = try request.requiredString("userID")
            let password = try request.requiredString("password")
            guard
                let found = configuration.users.first(where: {
                    $0.name.lowercased() == asked.lowercased() && $0.password == password
                })
            else { throw Self.badCredentials }
            user = found.name
        case "urn:inin.com:connection:authtokenconnectionrequestsettings":
            user = try redeem(request)
        default: throw Self.badCredentials
        }
        nextSession += 1
        let session = CICSession(
            id: String(nextSession), host: request.host, user: user, application: application, now: now)
        sessions[session.id] = session
        record(session, event: "opened")
        return welcome(session, include: request.list("include") ?? [])
    }

    private static let badCredentials = CICError(
        400, "error.request.connection.authenticationFailure", "The authentication process failed.",
        code: -2_147_221_503)

    /// Ids and token come in the headers and in the body, because clients differ in where they look.
    private func welcome(_ session: CICSession, include: [String]) -> CICAnswer {
        var members: [(key: String, value: CICJSON)] = [
            ("csrfToken", .string(session.csrfToken)), ("sessionId", .string(session.id)),
            ("alternateHostList", CICJSON(alternates(of: session.host))), ("userID", .string(session.user)),
            ("userDisplayName", .string(session.user)), ("icServer", .string(serverName)),
            (
                "daysUntilPasswordExpiration",
                CICJSON(configuration.users.first { $0.name == session.user }?.daysUntilPasswordExpiration ?? 90)
            ),
        ]
        for part in include {
            switch part {
            case "version": members.append(("version", Self.version))
            case "features": members.append(("features", features))
            case "server-time": members.append(("serverTimeInfo", ["serverUtcTime": .string(Self.compactTime())]))
            case "default-workstation": members.append(("defaultWorkstationId", .null))
            case "effective-station": members.append(("effectiveStation", effectiveStation(of: session.user)))
            default: continue
            }
        }
        var answer = CICAnswer(201, .object(members))
        answer.headers = [
            ("ININ-ICWS-Session-ID", session.id), ("ININ-ICWS-CSRF-Token", session.csrfToken),
            (
                "Set-Cookie",
                "\(session.cookie.name)=\(session.cookie.value); path=/icws/\(session.id); HttpOnly"
                    + (configuration.tls == nil ? "" : "; Secure; SameSite=None")
            ),
            ("Location", "/icws/\(session.id)/connection"),
        ]
        return answer
    }

    private func redeem(_ request: CICRequest) throws(CICError) -> String {
        let seed = try request.requiredString("authTokenSeed")
        let token = try request.requiredString("authToken")
        let source = try request.requiredString("authTokenSourceSession")
        tokens.removeAll { now - $0.made > CICAuthToken.lifetime }
        guard let index = tokens.firstIndex(where: { $0.token == token && $0.seed == seed && $0.session == source })
        else { throw Self.badCredentials }
        let found = tokens.remove(at: index)
        if try request.object()["disconnectSourceSession"]?.bool == true, let session = sessions[source] {
            end(session, reason: "replaced")
        }
        return found.user
    }

    /// The session of a request, with its token and cookie checked.
    func session(_ request: CICRequest, id: String, csrf: Bool, former alsoFormer: Bool) throws(CICError) -> CICSession
    {
        guard let session = sessions[id] ?? (alsoFormer ? former[id] : nil), session.host == request.host else {
            throw CICError.unauthorized
        }
        if csrf, request.headers[.csrfToken] != session.csrfToken { throw CICError.wrongToken }
        // Some clients echo a whole Set-Cookie, attributes and all; the pair is what counts.
        let pair = "\(session.cookie.name)=\(session.cookie.value)"
        let sent = request.headers[values: .cookie].contains { header in
            header.split(whereSeparator: { $0 == ";" || $0 == "," }).contains { $0.trimmingBlanks() == pair }
        }
        guard sent else { throw CICError.unauthorized }
        session.lastUsed = now
        return session
    }

    /// `/icws/{session}/connection…`.
    func connection(_ request: CICRequest, _ session: CICSession, _ path: [String]) throws(CICError) -> CICAnswer {
        switch (request.method, path.first ?? "", path.count) {
        case (.get, "", 0):
            guard let reason = session.ended else { return CICAnswer(200, ["connectionState": 1]) }
            return CICAnswer(
                200,
                ["connectionState": 2, "reason": .string(reason), "shouldReconnect": .bool(reason != "logged out")])
        case (.delete, "", 0):
            end(session, reason: "logged out")
            return .done
        case (.get, "switchover-status", 1):
            guard configuration.features["connection", default: 0] >= 11 else { throw CICError.notFound }
            var members: [(key: String, value: CICJSON)] = [
                ("isSwitchoverActive", .bool(addresses.count > 1)),
                ("primaryHost", .string(addresses[active].name)),
            ]
            if let backup = alternates(of: active).first { members.append(("backupHost", .string(backup))) }
            for key in ["isBackupICStopping", "isBackupICStarting", "isManualSwitchOnly"] {
                members.append((key, false))
            }
            return CICAnswer(
                200, .object(members + [(key: "backupState", value: 0), (key: "subsystemsDown", value: [])]))
        case (.post, "unique-auth-token", 1):
            let seed = try request.requiredString("authTokenSeed")
            let token = CICAuthToken(
                token: UUID().uuidString, seed: seed, session: session.id, user: session.user, made: now)
            tokens.append(token)
            return CICAnswer(200, ["authToken": .string(token.token)])
        case (_, "station", 1): return try station(request, session)
        default: throw CICError.notFound
        }
    }

    /// Former sessions whose state can still be asked.
    private static let formerLimit = 1000

    /// Ends a session: its subscriptions die, its stream closes, later requests are answered 401.
    func end(_ session: CICSession, reason: String) {
        guard sessions.removeValue(forKey: session.id) != nil else { return }
        session.ended = reason
        session.reader?.finish()
        session.reader = nil
        for id in Array(session.queueSubscriptions.keys) { unsubscribeQueues(session, id: id) }
        for watch in session.interactionWatches.values { forget(watch) }
        session.interactionWatches = [:]
        session.pending = []
        former[session.id] = session
        formerOrder.append(session.id)
        if formerOrder.count > Self.formerLimit { former[formerOrder.removeFirst()] = nil }
        record(session, event: reason)
    }
}

extension HTTPField.Name {
    static let csrfToken = Self("ININ-ICWS-CSRF-Token")!
}
