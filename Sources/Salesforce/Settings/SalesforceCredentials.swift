import CaseRouting
import JSON
import _CryptoExtras

/// The secrets of one flow. They appear in requests to the login URL and nowhere else: no description shows them.
public enum SalesforceCredentials: Sendable, CustomStringConvertible, CustomReflectable {
    case clientCredentials(clientID: String, secret: String)
    case jwtBearer(clientID: String, key: _RSA.Signing.PrivateKey, username: String)
    case password(clientID: String, secret: String, username: String, password: String)

    /// Bytes of the JSON text; a 4,096-bit key has about 3,300.
    private static let maximumBytes = 16 * 1024

    /// Reads, by flow, `{"client_id","client_secret"}`, `{"client_id","private_key" (PEM),"username"}` or
    /// `{"client_id","client_secret","username","password","security_token"}` (the last may be missing: it is not
    /// needed inside the org's trusted address ranges).
    ///
    /// - Throws: a `configuration` failure that names the missing or unknown member, never a value.
    init(json: [UInt8], flow: SalesforceSettings.Flow, org: String) throws(RoutingFailure) {
        var members: [String: String] = [:]
        do throws(JSONError) {
            try JSONReader.decode(json, limits: JSONLimits(maximumBytes: Self.maximumBytes, maximumDepth: 2)) {
                reader in
                try reader.object { key, reader in members[String(key)] = try reader.string() }
            }
        } catch {
            throw .setting("The credentials of org \(org) have to be one JSON object of texts (byte \(error.offset)).")
        }
        let needed: [String] =
            switch flow {
            case .clientCredentials: ["client_id", "client_secret"]
            case .jwtBearer: ["client_id", "private_key", "username"]
            case .password: ["client_id", "client_secret", "username", "password"]
            }
        let allowed = Set(needed + (flow == .password ? ["security_token"] : []))
        for name in needed where members[name, default: ""].isEmpty {
            throw .setting("The credentials of org \(org) for \(flow.rawValue) lack \(name).")
        }
        guard members.keys.allSatisfy(allowed.contains) else {
            throw .setting(
                "The credentials of org \(org) for \(flow.rawValue) may hold \(allowed.sorted().joined(separator: ", ")) "
                    + "and nothing else.")
        }
        let clientID = members["client_id", default: ""]
        let secret = members["client_secret", default: ""]
        let username = members["username", default: ""]
        switch flow {
        case .clientCredentials: self = .clientCredentials(clientID: clientID, secret: secret)
        case .password:
            // Salesforce takes the security token as the end of the password.
            self = .password(
                clientID: clientID, secret: secret, username: username,
                password: members["password", default: ""] + members["security_token", default: ""])
        case .jwtBearer:
            do {
                let key = try _RSA.Signing.PrivateKey(pemRepresentation: members["private_key", default: ""])
                self = .jwtBearer(clientID: clientID, key: key, username: username)
            } catch {
                throw .setting(
                    "The private_key of org \(org) is not an RSA key of 2,048 bits or more in PEM form.")
            }
        }
    }

    /// Texts that must not occur in anything that is kept.
    var secrets: [String] {
        switch self {
        case .clientCredentials(_, let secret): [secret]
        case .jwtBearer: []
        case .password(_, let secret, _, let password): [secret, password]
        }
    }

    public var description: String {
        switch self {
        case .clientCredentials: "client credentials"
        case .jwtBearer: "private key"
        case .password: "user name and password"
        }
    }

    /// `dump` and failed test expectations look inside values.
    public var customMirror: Mirror { Mirror(reflecting: description) }
}
