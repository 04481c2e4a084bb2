import CaseRouting
import Glibc
import HTTPClient
import Logging
import Polling

/// The session with one org: logging in, calls of REST, and the counting of both.
///
/// Whatever finds the session gone asks for another; however many ask, one login is sent. A call is repeated once in
/// the new session. A refused login is not repeated at once, because wrong passwords lock the user.
actor SalesforceSession {
    /// What calls are counted as.
    enum CallKind: String, CaseIterable, Sendable { case query, update, login, stream, other }

    nonisolated let settings: SalesforceSettings
    nonisolated let failures: SalesforceFailure
    nonisolated let transport: HTTPTransport
    nonisolated let logger: Logger
    nonisolated var unownedExecutor: UnownedSerialExecutor { transport.unownedExecutor }

    private var grant: SalesforceGrant?
    private var login: Task<Result<SalesforceGrant, RoutingFailure>, Never>?
    private var logins = 0
    /// The last login's refusal, and until when it stands in for another.
    private var refusal: (failure: RoutingFailure, until: MonotonicTime)?
    private var refusals = 0
    /// The org's calls are used up: until when nothing is asked.
    private var limit: (failure: RoutingFailure, until: MonotonicTime)?
    private var counts: [String: Int] = [:]
    /// The org that the last login led to, where it was another than ours.
    private(set) var foreignOrg: RecordID?
    private(set) var usage: APIUsage?
    /// What time it was there when an answer came.
    private var heard: (at: MonotonicTime, seconds: Int64)?

    /// A refused login stands this long, doubled with every further one.
    private static let refusalStands: Duration = .seconds(60)
    private static let refusalStandsAtMost: Duration = .seconds(15 * 60)
    /// How often it is tried whether the org has calls again. One that is refused costs nobody anything, and what a limit has
    /// held up is not to wait longer than what a person has mended.
    private static let limitStands: Duration = .seconds(60)
    /// Seconds by which clocks may differ before an assertion is refused for it.
    private static let clockSkew: Int64 = 60
    static let callDeadline: Duration = .seconds(60)
    /// 2,000 records of about 1 KB, and room.
    static let maximumAnswer = 16 << 20

    init(_ settings: SalesforceSettings, _ transport: HTTPTransport, _ logger: Logger) {
        self.settings = settings
        self.transport = transport
        self.logger = logger
        failures = SalesforceFailure(settings)
    }

    /// Seconds since 1970 by this machine's clock.
    static var now: Int64 { Int64(time(nil)) }

    // MARK: Logging in

    /// The open session, or a new one.
    func open() async throws(RoutingFailure) -> SalesforceGrant {
        if let grant { return grant }
        if let login { return try await login.value.get() }
        if let refusal, refusal.until > .now { throw refusal.failure }
        // Not a child task: whoever comes next waits for it too, so the first one's cancellation must not end it. It
        // ends by itself, at its request's deadline.
        let login = Task { await self.logIn() }
        self.login = login
        let result = await login.value
        return try result.get()
    }

    /// Salesforce said that this session is over.
    func forget(_ gone: SalesforceGrant) {
        if grant?.serial == gone.serial { grant = nil }
    }

    private func logIn() async -> Result<SalesforceGrant, RoutingFailure> {
        let result: Result<SalesforceGrant, RoutingFailure>
        do throws(RoutingFailure) {
            let opened = try await requestGrant()
            grant = opened
            refusals = 0
            refusal = nil
            result = .success(opened)
        } catch {
            if error.kind == .configuration || error.cause == .salesforceLimit {
                refusals += 1
                let stands = min(Self.refusalStandsAtMost, Self.refusalStands * (1 << min(refusals - 1, 5)))
                // What cannot lock a user is tried every minute, so that a mended app is noticed soon.
                refusal = (error, .now + (settings.flow == .password ? stands : Self.refusalStands))
            }
            result = .failure(error)
        }
        login = nil
        return result
    }

    private func requestGrant() async throws(RoutingFailure) -> SalesforceGrant {
        let now = Self.now
        var answer = try await requestGrant(now: now)
        // An assertion is judged by Salesforce's clock: where ours differs, it is signed once more by theirs.
        if answer.status != 200, settings.flow == .jwtBearer,
            let theirs = answer.headers["Date"].flatMap({ HTTPDate.seconds($0) }), abs(theirs - now) > Self.clockSkew
        {
            answer = try await requestGrant(now: theirs)
        }
        guard answer.status == 200 else {
            throw failures.login(settings.flow, status: answer.status, body: answer.body)
        }
        let opened: LoginAnswer
        do { opened = try LoginAnswer(answer.body) } catch { throw failures.failure(error, reading: "the login") }
        foreignOrg = opened.organizationID == settings.organizationID ? nil : opened.organizationID
        guard foreignOrg == nil else {
            throw failures.failure(
                .configuration, .salesforceCredentials,
                "the credentials belong to org \(opened.organizationID), not to \(settings.organizationID). Correct "
                    + "the organization id or the credentials.")
        }
        logins += 1
        return SalesforceGrant(
            token: opened.token, instanceURL: opened.instanceURL, serial: logins, userID: opened.userID)
    }

    private func requestGrant(now: Int64) async throws(RoutingFailure) -> HTTPResponse {
        let request = try LoginRequest(settings: settings).request(now: now)
        count(.login)
        do throws(HTTPError) {
            let answer = try await transport.send(request)
            note(answer)
            return answer
        } catch {
            throw failures.failure(error)
        }
    }

    // MARK: Calling

    /// One call of REST that may be made twice. In a session that turns out to be over it is made again in a new one.
    ///
    /// - Parameters:
    ///   - path: absolute on the instance.
    ///   - what: names the call in failures.
    /// - Throws: a failure for every status but 200 to 299.
    func call(
        _ kind: CallKind, _ method: HTTPRequest.Method, _ path: String, body: [UInt8]? = nil, _ what: String
    ) async throws(RoutingFailure) -> HTTPResponse {
        let answer = try await answer(kind, method, path, body: body, what)
        guard (200..<300).contains(answer.response.status) else {
            let failure = failures.rest(
                what, status: answer.response.status, body: answer.response.body, token: answer.grant.token)
            // The org moved to another instance: the next login tells where.
            if (300..<400).contains(answer.response.status) || answer.response.status == 420 { forget(answer.grant) }
            if failure.cause == .salesforceLimit { limit = (failure, .now + Self.limitStands) }
            throw failure
        }
        return answer.response
    }

    /// The same, whatever the status; for callers that know what to do about one.
    private func answer(
        _ kind: CallKind, _ method: HTTPRequest.Method, _ path: String, body: [UInt8]?, _ what: String
    ) async throws(RoutingFailure) -> (response: HTTPResponse, grant: SalesforceGrant) {
        if let limit {
            if limit.until > .now { throw limit.failure }
            self.limit = nil
        }
        var isRepeated = false
        while true {
            let grant = try await open()
            count(kind)
            let request = HTTPRequest(
                method, grant.instanceURL + path, headers: grant.restHeaders, body: body, deadline: Self.callDeadline,
                maximumResponseBytes: Self.maximumAnswer, sendOnce: false)
            let response: HTTPResponse
            do throws(HTTPError) { response = try await transport.send(request) } catch {
                throw failures.failure(error)
            }
            note(response)
            guard response.status == 401 else { return (response, grant) }
            forget(grant)
            if isRepeated { return (response, grant) }
            isRepeated = true
        }
    }

    // MARK: Counting

    func count(_ kind: CallKind) { counts[kind.rawValue, default: 0] += 1 }

    var callCounts: [String: Int] { counts }

    /// What time it is there, which may be up to a second more; nil before the first answer.
    var theirTime: Timestamp? {
        heard.map { Timestamp(microseconds: $0.seconds * 1_000_000) + (MonotonicTime.now - $0.at) }
    }

    /// Keeps what an answer says of time and limits: `Sforce-Limit-Info: api-usage=10018/100000`, with more after a semicolon on some answers.
    func note(_ response: HTTPResponse) {
        if let seconds = response.headers["Date"].flatMap({ HTTPDate.seconds($0) }) { heard = (.now, seconds) }
        guard let text = response.headers["Sforce-Limit-Info"] else { return }
        if let usage = Self.usage(text) { self.usage = usage }
    }

    static func usage(_ text: String) -> APIUsage? {
        for part in text.split(whereSeparator: { $0 == ";" || $0 == "," || $0 == " " })
        where part.hasPrefix("api-usage=") {
            let figures = part.dropFirst(10).split(separator: "/", omittingEmptySubsequences: false)
            guard figures.count == 2, let used = Int(figures[0]), let limit = Int(figures[1]), used >= 0, limit > 0
            else { return nil }
            return APIUsage(used: used, limit: limit)
        }
        return nil
    }
}
