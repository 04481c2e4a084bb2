import CaseRouting
import Crypto
import Foundation
import HTTPClient
import JSON
import _CryptoExtras

/// The request that opens a session, by any of the flows (`salesforce.md` 1.2).
struct LoginRequest {
    let settings: SalesforceSettings

    /// Lifetime of an assertion; Salesforce takes at most three to five minutes.
    private static let assertionLifetime: Int64 = 120
    private static let deadline: Duration = .seconds(15)
    private static let maximumAnswer = 64 * 1024

    /// - Parameter now: seconds since 1970.
    func request(now: Int64) throws(RoutingFailure) -> HTTPRequest {
        HTTPRequest(
            .post, settings.loginURL + "/services/oauth2/token",
            headers: ["Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"],
            body: Array(try form(now: now).utf8), deadline: Self.deadline, maximumResponseBytes: Self.maximumAnswer)
    }

    private func form(now: Int64) throws(RoutingFailure) -> String {
        switch settings.credentials {
        case .clientCredentials(let clientID, let secret):
            Self.form([("grant_type", "client_credentials"), ("client_id", clientID), ("client_secret", secret)])
        case .password(let clientID, let secret, let username, let password):
            Self.form([
                ("grant_type", "password"), ("client_id", clientID), ("client_secret", secret),
                ("username", username), ("password", password),
            ])
        case .jwtBearer(let clientID, let key, let username):
            Self.form([
                ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
                ("assertion", try assertion(issuer: clientID, subject: username, key, now: now)),
            ])
        }
    }

    /// A JWT signed by RS256: RSASSA-PKCS1-v1_5 with SHA-256.
    private func assertion(
        issuer: String, subject: String, _ key: _RSA.Signing.PrivateKey, now: Int64
    ) throws(RoutingFailure) -> String {
        let header = JSONWriter.object { $0.write("alg", "RS256") }
        let claims = JSONWriter.object { claims in
            claims.write("iss", issuer)
            claims.write("sub", subject)
            claims.write("aud", settings.loginURL)
            claims.write("exp", Int(now + Self.assertionLifetime))
        }
        let signed = Self.base64URL(header) + "." + Self.base64URL(claims)
        do {
            let signature = try key.signature(
                for: SHA256.hash(data: Array(signed.utf8)), padding: .insecurePKCS1v1_5)
            return signed + "." + Self.base64URL(signature.withUnsafeBytes { Array($0) })
        } catch {
            throw .setting("The private_key of org \(settings.org) cannot sign. Set the credentials again.")
        }
    }

    private static func base64URL(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    private static func form(_ fields: [(String, String)]) -> String {
        fields.map { "\($0)=\(SOQL.percentEncoded($1))" }.joined(separator: "&")
    }
}

/// An open session.
struct SalesforceGrant: Sendable {
    let token: String
    /// Where everything but the login goes.
    let instanceURL: String
    /// Counts the logins, so that one that failed is not taken for a newer one.
    let serial: Int
    /// Who is logged in; nil where the login does not tell.
    let userID: RecordID?
    let restHeaders: HTTPHeaders
    let streamHeaders: HTTPHeaders

    init(token: String, instanceURL: String, serial: Int, userID: RecordID? = nil) {
        self.token = token
        self.instanceURL = instanceURL
        self.serial = serial
        self.userID = userID
        restHeaders = [
            "Authorization": "Bearer \(token)", "Accept": "application/json", "Content-Type": "application/json",
            // Shows up as the origin of our own writes.
            "Sforce-Call-Options": "client=CaseRouter",
        ]
        streamHeaders = [
            "Authorization": "Bearer \(token)", "Content-Type": "application/json;charset=UTF-8",
        ]
    }
}

/// The answer to a successful login.
struct LoginAnswer {
    let token: String
    let instanceURL: String
    /// From `id`, `https://…/id/00D…/005…`.
    let organizationID: RecordID
    /// From the same.
    let userID: RecordID?

    init(_ body: [UInt8]) throws(JSONError) {
        self = try JSONReader.decode(body) { reader in
            var token: String?
            var instanceURL: String?
            var organizationID: RecordID?
            var userID: RecordID?
            try reader.object { key, reader in
                switch key {
                case "access_token": token = try reader.string()
                case "instance_url":
                    var url = try reader.string()
                    while url.hasSuffix("/") { url.removeLast() }
                    guard SalesforceSettings.isOrigin(url) else { throw reader.invalid("the URL of an instance") }
                    instanceURL = url
                case "id":
                    let parts = try reader.string().split(separator: "/")
                    guard parts.count >= 2, let id = RoutingRow.id(String(parts[parts.count - 2])) else {
                        throw reader.invalid("the URL of an identity")
                    }
                    organizationID = id
                    userID = RoutingRow.id(String(parts[parts.count - 1]))
                default: break
                }
            }
            let answer = LoginAnswer(
                token: try reader.required(token, "access_token"),
                instanceURL: try reader.required(instanceURL, "instance_url"),
                organizationID: try reader.required(organizationID, "id"), userID: userID)
            guard answer.token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), !answer.token.isEmpty else {
                throw reader.invalid("a token of visible characters")
            }
            return answer
        }
    }

    private init(token: String, instanceURL: String, organizationID: RecordID, userID: RecordID?) {
        self.token = token
        self.instanceURL = instanceURL
        self.organizationID = organizationID
        self.userID = userID
    }
}
