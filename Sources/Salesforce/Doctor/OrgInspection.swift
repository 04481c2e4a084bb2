import CaseRouting
import HTTPClient
import JSON
import Operations

extension OutboxOrg: OrgExaminer {
    public func examine(_ queues: [MonitoredQueueView], _ arrivals: EventArrivals?) async -> OrgExamination {
        var inspection = OrgInspection(org: self, queues: queues, arrivals: arrivals)
        await inspection.inspect()
        return inspection.examination
    }
}

/// One look at everything of an org that routing depends on. Each step writes its lines; a step that is refused says so
/// and the next one is taken, because what a person wants is the whole list.
struct OrgInspection: DoctorInspection {
    let org: OutboxOrg
    let queues: [MonitoredQueueView]
    let arrivals: EventArrivals?
    var examination = OrgExamination()

    init(org: OutboxOrg, queues: [MonitoredQueueView], arrivals: EventArrivals?) {
        self.org = org
        self.queues = queues
        self.arrivals = arrivals
    }

    var subject: String { "org:\(org.settings.org)" }
    var names: SourceNames { org.settings.names }
    var base: String { "/services/data/v\(org.settings.apiVersion)" }

    private static let deadline: Duration = .seconds(15)

    mutating func inspect() async {
        guard await reach(), let grant = await logIn() else { return }
        await lookAtPassword(grant)
        await lookAtLimits()
        await lookAtOutbox()
        await lookAtChannel()
        await lookAtCases()
        let found = await lookAtQueues()
        await lookAtAssignment(found)
        await lookAtRows()
    }

    // MARK: Lines

    var lines: [DoctorLine] {
        get { examination.lines }
        set { examination.lines = newValue }
    }

    /// A call that was refused, as a failure of what it was for; nil then.
    mutating func attempt<Value: Sendable>(
        _ check: DoctorCheck, _ body: () async throws(RoutingFailure) -> Value
    ) async -> Value? {
        do throws(RoutingFailure) {
            return try await body()
        } catch {
            fail(check, said(error))
            return nil
        }
    }

    /// Without the beginning that says again which org it is.
    func said(_ failure: RoutingFailure) -> String {
        let beginning = "Salesforce org \(org.settings.org): "
        var text = failure.summary
        if text.hasPrefix(beginning) { text.removeFirst(beginning.count) }
        while text.hasSuffix(".") { text.removeLast() }
        return text
    }

    // MARK: The way there

    /// The list of versions needs no login.
    private mutating func reach() async -> Bool {
        let answer: HTTPResponse
        do throws(HTTPError) {
            answer = try await org.session.transport.send(
                HTTPRequest(
                    .get, org.settings.loginURL + "/services/data", headers: ["Accept": "application/json"],
                    deadline: Self.deadline, maximumResponseBytes: 1 << 20))
        } catch {
            fail(.salesforceReachable, said(org.failures.failure(error)))
            return false
        }
        ok(.salesforceReachable, "\(org.settings.loginURL) answers")
        lookAtClock(answer)
        guard answer.status == 200, let versions = Self.versions(answer.body), !versions.isEmpty else {
            warn(.salesforceVersion, "the login URL does not list the API versions that are offered (\(answer.status))")
            return true
        }
        if versions.contains(org.settings.apiVersion) {
            ok(.salesforceVersion, "\(org.settings.apiVersion) is offered, up to \(versions.last ?? "")")
        } else {
            fail(
                .salesforceVersion,
                "version \(org.settings.apiVersion) is not offered; it has \(versions.first ?? "") to "
                    + "\(versions.last ?? "")",
                "caserouter orgs set \(org.settings.org) api_version=\(versions.last ?? "62.0")")
        }
        return true
    }

    private static func versions(_ body: [UInt8]) -> [String]? {
        do throws(JSONError) {
            return try JSONReader.decode(body) { reader in
                try reader.values { reader in
                    var version = ""
                    try reader.object { key, reader in
                        if case "version" = key { version = try reader.string() }
                    }
                    return version
                }
            }
        } catch {
            // A page instead of a list: the caller says that there is none.
            return nil
        }
    }

    /// Assertions are refused when it is off; times of logs are wrong.
    private mutating func lookAtClock(_ answer: HTTPResponse) {
        guard let theirs = answer.headers["Date"].flatMap({ HTTPDate.seconds($0) }) else { return }
        let off = theirs - SalesforceSession.now
        if abs(off) <= Self.clockDifference {
            ok(.salesforceClock, "this machine's clock and Salesforce's agree")
        } else {
            warn(
                .salesforceClock, "this machine's clock is \(abs(off)) s \(off > 0 ? "behind" : "before") Salesforce's")
        }
    }

    private static let clockDifference: Int64 = 30

    private mutating func logIn() async -> SalesforceGrant? {
        let grant: SalesforceGrant
        do throws(RoutingFailure) {
            grant = try await org.session.open()
        } catch {
            if let foreign = await org.session.foreignOrg {
                ok(.salesforceLogin, "logged in by \(org.settings.flow.rawValue)")
                fail(
                    .salesforceOrg, "the login leads to org \(foreign), set is \(org.settings.organizationID)",
                    "after a sandbox refresh the org has another id: caserouter orgs set \(org.settings.org) "
                        + "organization_id=\(foreign); otherwise correct login URL and credential")
            } else {
                fail(.salesforceLogin, said(error))
            }
            return nil
        }
        ok(.salesforceLogin, "logged in by \(org.settings.flow.rawValue)")
        ok(.salesforceOrg, "it is org \(org.settings.organizationID)")
        if grant.instanceURL.lowercased() == org.settings.loginURL.lowercased() {
            ok(.salesforceDomain, "the login URL is the org's own")
        } else {
            warn(
                .salesforceDomain, "the org is at \(grant.instanceURL), the login URL is \(org.settings.loginURL)",
                "caserouter orgs set \(org.settings.org) login_url=\(grant.instanceURL)")
        }
        return grant
    }

    private mutating func lookAtPassword(_ grant: SalesforceGrant) async {
        guard org.settings.flow == .password, let user = grant.userID else { return }
        let path = "\(base)/sobjects/User/\(user)/password"
        do throws(RoutingFailure) {
            let answer = try await org.session.call(.other, .get, path, "asking about the password")
            let isExpired = try Self.flag("isExpired", in: answer.body, org.failures)
            if isExpired {
                fail(.salesforcePassword, "the password of the integration user has expired")
            } else {
                ok(.salesforcePassword, "the password has not expired")
            }
        } catch {
            if error.response.map({ RESTError(Array($0.body.utf8)).code.contains("EXPIRED_PASSWORD") }) == true {
                fail(.salesforcePassword, "the password of the integration user has expired")
            } else {
                warn(.salesforcePassword, "whether it has expired cannot be seen: \(said(error))")
            }
        }
    }

    private static func flag(
        _ name: String, in body: [UInt8], _ failures: SalesforceFailure
    ) throws(RoutingFailure) -> Bool {
        do throws(JSONError) {
            return try JSONReader.decode(body) { reader in
                var value = false
                try reader.object { key, reader in
                    if String(key).lowercased() == name.lowercased() { value = try reader.bool() }
                }
                return value
            }
        } catch {
            throw failures.failure(error, reading: name)
        }
    }

    // MARK: Limits

    private static let warnAt = 0.8

    private mutating func lookAtLimits() async {
        let path = "\(base)/limits"
        let session = org.session
        guard
            let answer = await attempt(
                .salesforceCalls,
                { () async throws(RoutingFailure) in try await session.call(.other, .get, path, "reading the limits") })
        else { return }
        let limits: [String: (most: Int, left: Int)]
        do throws(JSONError) {
            limits = try Self.limits(answer.body)
        } catch {
            return warn(.salesforceCalls, "the limits cannot be read: \(error)")
        }
        // The header of every answer counts sooner than the list.
        var calls = limits["DailyApiRequests"].map { (used: $0.most - $0.left, most: $0.most) }
        if let usage = await org.session.usage { calls = (usage.used, usage.limit) }
        if let calls { tell(.salesforceCalls, "API calls of the day", calls.used, calls.most) }
        if let events = limits["DailyDeliveredPlatformEvents"], !names.isTopic {
            tell(.salesforceDeliveries, "event deliveries of the day", events.most - events.left, events.most)
        }
    }

    private mutating func tell(_ check: DoctorCheck, _ what: String, _ used: Int, _ most: Int) {
        let sentence = "\(used) of \(most) \(what) are used"
        if most > 0 && used >= most {
            fail(check, sentence)
        } else if Double(used) >= Self.warnAt * Double(most) {
            warn(check, sentence)
        } else {
            ok(check, sentence)
        }
    }

    private static func limits(_ body: [UInt8]) throws(JSONError) -> [String: (most: Int, left: Int)] {
        try JSONReader.decode(body) { reader in
            var limits: [String: (most: Int, left: Int)] = [:]
            try reader.object { key, reader in
                let name = String(key)
                guard reader.kind == .object else { return }
                var most: Int?
                var left: Int?
                try reader.object { key, reader in
                    switch key {
                    case "Max" where reader.kind == .number: most = try reader.int()
                    case "Remaining" where reader.kind == .number: left = try reader.int()
                    default: break
                    }
                }
                if let most, let left { limits[name] = (most, left) }
            }
            return limits
        }
    }
}
