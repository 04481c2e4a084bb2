import CaseRouting
import JSON

/// How one Salesforce org is reached and what its routing table is called: everything that people set about it.
public struct SalesforceSettings: Sendable {
    /// How the worker logs in. The raw values are stored and typed by people.
    public enum Flow: String, CaseIterable, Sendable {
        /// The default: an app with a run-as user; needs the org's My Domain as login URL.
        case clientCredentials = "client-credentials"
        /// No shared secret: an app with a certificate, and a user whom an administrator has approved for it.
        case jwtBearer = "jwt-bearer"
        /// For old orgs; Salesforce blocks it by default since Summer '23.
        case password
    }

    /// The org's name here: `CaseChange.org`.
    public let org: String
    /// The login must lead to this org (`00D…`), because two orgs may hold equal record ids.
    public let organizationID: RecordID
    /// Scheme, host and port, without a slash at the end; also the audience of the JWT flow.
    public let loginURL: String
    public let flow: Flow
    /// Such as `62.0`.
    public let apiVersion: String
    public let credentials: SalesforceCredentials
    /// See `CaseChange.versionEpoch`.
    public let versionEpoch: Int32
    public let names: SourceNames

    /// Salesforce retires versions 31 to 40 in Summer '28, and platform events need more than that anyway.
    public static let oldestVersion = 41

    /// - Parameters:
    ///   - credentials: the JSON object that `SalesforceCredentials` reads.
    ///   - source: names of a legacy package, see `SourceNames`; empty for our own package.
    /// - Throws: a `configuration` failure that says which setting is wrong, without its secret.
    public init(
        org: String, organizationID: RecordID, loginURL: String, flow: Flow, credentials: [UInt8],
        apiVersion: String = "62.0", versionEpoch: Int32 = 1, source: [String: String] = [:]
    ) throws(RoutingFailure) {
        try Self.check(org: org, organizationID: organizationID)
        var loginURL = loginURL
        while loginURL.hasSuffix("/") { loginURL.removeLast() }
        guard Self.isOrigin(loginURL) else {
            throw .setting(
                "The login URL of org \(org) has to be https:// and a host, such as https://NAME.my.salesforce.com.")
        }
        let parts = apiVersion.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1] == "0", let number = Int(parts[0]), (0..<1_000).contains(number) else {
            throw .setting("The API version of org \(org) has to look like 62.0.")
        }
        guard number >= Self.oldestVersion else {
            throw .setting("The API version of org \(org) has to be \(Self.oldestVersion).0 or newer.")
        }
        self.org = org
        self.organizationID = organizationID
        self.loginURL = loginURL
        self.flow = flow
        self.apiVersion = "\(number).0"
        self.versionEpoch = versionEpoch
        self.credentials = try SalesforceCredentials(json: credentials, flow: flow, org: org)
        names = try SourceNames(source, org: org)
    }

    /// What can be checked before there are credentials.
    ///
    /// - Throws: as `init`.
    public static func check(
        org: String, organizationID: RecordID, source: [String: String] = [:]
    ) throws(RoutingFailure) {
        guard organizationID.description.hasPrefix("00D") else {
            throw .setting("The organization id of org \(org) has to begin with 00D.")
        }
        _ = try SourceNames(source, org: org)
    }

    /// Scheme and host, nothing behind it.
    static func isOrigin(_ url: String) -> Bool {
        for scheme in ["https://", "http://"] where url.hasPrefix(scheme) {
            let host = url.dropFirst(scheme.count).utf8
            return !host.isEmpty && host.count <= 253
                && host.allSatisfy {
                    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 0x20)
                        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || ".-:[]".utf8.contains($0)
                }
        }
        return false
    }
}

extension RoutingFailure {
    /// Something that a person has set wrongly.
    static func setting(_ summary: String) -> RoutingFailure {
        RoutingFailure(.configuration, at: .salesforce, cause: .configuration, summary)
    }
}
