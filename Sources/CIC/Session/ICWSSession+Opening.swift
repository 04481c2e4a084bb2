import CaseRouting
import HTTPClient
import JSON
import Polling

extension ICWSSession {
    /// One round through the hosts: each at most once. Nil when none opened a session; `reason` then says why.
    func openRound() async -> ICWSConnection? {
        roster.beginRound()
        var reasons: [RoutingReason] = []
        while let host = roster.next(limit: limits.hostsPerRound) {
            guard !Task.isCancelled else { return nil }
            switch await open(host) {
            case .opened(let connection):
                roster.succeeded(host)
                return connection
            case .elsewhere(let names):
                roster.learn(names, from: host)
                reasons.append(
                    RoutingReason(
                        .cicUnreachable, "CIC server \(settings.name): no host takes a session now (503 from \(host)).")
                )
            case .failed(let why):
                reasons.append(why)
            }
            // Wrong credentials are wrong everywhere, and every try may bring the account nearer to its lock.
            if reasons.last?.cause == .cicCredentials { break }
        }
        // What a person must change tells more than that another host was not there.
        reason = reasons.first { $0.cause != .cicUnreachable } ?? reasons.first ?? reason
        return nil
    }

    private enum Opening {
        case opened(ICWSConnection)
        /// 503: "not here"; where instead.
        case elsewhere([String])
        case failed(RoutingReason)
    }

    private func open(_ host: ICWSHost) async -> Opening {
        let body = JSONWriter.object { object in
            object.write("__type", "urn:inin.com:connection:icAuthConnectionRequestSettings")
            object.write("applicationName", applicationName)
            object.write("userID", settings.user)
            object.write("password", settings.password)
        }
        // A session opened twice does no harm: the one that nobody uses runs out.
        let jar = CookieJar()
        let request = HTTPRequest(
            .post, "\(settings.scheme)://\(host)/icws/connection?include=version,features",
            headers: Self.openingHeaders, body: body, deadline: limits.call, connectTimeout: limits.call / 2,
            cookieJar: jar, maximumResponseBytes: limits.answerBytes)
        let answer: HTTPResponse
        do {
            answer = try await transport.send(request)
        } catch {
            return .failed(CICFailure.unreachable(settings.name, error))
        }
        switch answer.status {
        case 200...299: return opened(host, answer, jar)
        case 503: return .elsewhere(alternates(answer.body))
        default:
            let failure = failures.failure(.connect, status: answer.status, body: answer.body)
            return .failed(RoutingReason(failure.cause, failure.summary, response: failure.response))
        }
    }

    private static let openingHeaders: HTTPHeaders = [
        "Content-Type": ICWSConnection.mediaType + ";charset=utf-8", "Accept": ICWSConnection.mediaType,
        "Accept-Language": "en-us",
    ]

    private struct Opened {
        var session: String?
        var csrf: String?
        var server = ""
        var features: [String: Int] = [:]
        var alternates: [String] = []
        var daysUntilPasswordExpiration: Int?
    }

    private func opened(_ host: ICWSHost, _ answer: HTTPResponse, _ jar: CookieJar) -> Opening {
        let body: Opened
        do {
            body = try Self.opened(answer.body)
        } catch {
            return .failed(unexpected("the answer to the login cannot be read: \(error)"))
        }
        // Both ids come in the headers and in the body.
        guard let session = body.session ?? answer.headers["ININ-ICWS-Session-ID"],
            let csrf = body.csrf ?? answer.headers["ININ-ICWS-CSRF-Token"], !session.isEmpty
        else { return .failed(unexpected("the answer to the login names no session.")) }
        let connection = ICWSConnection(
            generation: generation + 1, host: host, scheme: settings.scheme, session: session, csrf: csrf,
            server: body.server, features: body.features, alternates: body.alternates,
            daysUntilPasswordExpiration: body.daysUntilPasswordExpiration, jar: jar)
        guard connection.headers.areValid else {
            return .failed(unexpected("the session's token cannot be a header."))
        }
        roster.learn(body.alternates, from: host)
        generation += 1
        return .opened(connection)
    }

    private func unexpected(_ what: String) -> RoutingReason {
        RoutingReason(.cicUnexpectedAnswer, "CIC server \(settings.name): \(what)")
    }

    private static func opened(_ body: [UInt8]) throws(JSONError) -> Opened {
        var opened = Opened()
        guard !body.isEmpty else { return opened }
        try JSONReader.decode(body) { reader in
            guard reader.kind == .object else { return }
            try reader.object { key, reader in
                switch key {
                case "sessionId" where reader.kind == .string: opened.session = try reader.string()
                case "sessionId" where reader.kind == .number: opened.session = String(try reader.int())
                case "csrfToken" where reader.kind == .string: opened.csrf = try reader.string()
                case "icServer" where reader.kind == .string: opened.server = try reader.string()
                case "features" where reader.kind == .array: opened.features = try features(&reader)
                case "alternateHostList" where reader.kind == .array: opened.alternates = try names(&reader)
                case "daysUntilPasswordExpiration" where reader.kind == .number:
                    opened.daysUntilPasswordExpiration = try reader.int()
                default: break
                }
            }
        }
        return opened
    }

    private static func features(_ reader: inout JSONReader) throws -> [String: Int] {
        var features: [String: Int] = [:]
        try reader.array { reader in
            guard reader.kind == .object else { return }
            var id: String?
            var version: Int?
            try reader.object { key, reader in
                switch key {
                case "featureId" where reader.kind == .string: id = try reader.string()
                case "version" where reader.kind == .number: version = try reader.int()
                default: break
                }
            }
            if let id, let version { features[id] = version }
        }
        return features
    }

    private static func names(_ reader: inout JSONReader) throws -> [String] {
        var names: [String] = []
        try reader.array { reader in
            if reader.kind == .string { names.append(try reader.string()) }
        }
        return names
    }

    /// An unreadable list is an empty one: the seeds remain.
    private func alternates(_ body: [UInt8]) -> [String] {
        var alternates: [String] = []
        do {
            try JSONReader.decode(body) { reader in
                guard reader.kind == .object else { return }
                try reader.object { key, reader in
                    if case "alternateHostList" = key, reader.kind == .array {
                        alternates = try Self.names(&reader)
                    }
                }
            }
        } catch {
            log(.debug, .cicSessionLost, "The list of other hosts cannot be read: \(error)")
        }
        return alternates
    }

    /// Frees the session on the server, when there is time for it.
    func logOut(_ connection: ICWSConnection) {
        let request = HTTPRequest(
            .delete, connection.root + "connection", headers: connection.headers, deadline: .seconds(2),
            cookieJar: connection.jar, maximumResponseBytes: limits.answerBytes)
        // A task of its own, because the one that held the session is cancelled, and with it whatever it would send.
        goodbye = Task(executorPreference: transport.loop) { [transport] in
            do { _ = try await transport.send(request) } catch {
                // The session runs out by itself.
            }
        }
    }
}
