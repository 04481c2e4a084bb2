import Crypto
import Foundation

/// An access token somebody holds.
struct SalesforceAccessToken {
    let userID: String
    /// Milliseconds since 1970; moved on by every use.
    var expires: Int64
}

/// Why a token was refused, as OAuth says it.
struct SalesforceOAuthError: Error {
    let error: String
    let description: String

    static let authenticationFailure = SalesforceOAuthError(
        error: "invalid_grant", description: "authentication failure")
}

/// Random text for tokens and Bayeux ids.
enum SalesforceSecret {
    private static let alphabet = Array("0123456789abcdefghijklmnopqrstuvwxyz".utf8)

    static func make(_ length: Int) -> String {
        var generator = SystemRandomNumberGenerator()
        return String(
            decoding: (0..<length).map { _ in alphabet[Int(generator.next(upperBound: UInt(36)))] }, as: UTF8.self)
    }
}

/// Signing in: the token endpoint with its four flows, revocation and the identity URL.
extension SalesforceOrgCore {
    func token(_ call: SalesforceCall) -> SalesforceReply {
        guard call.method == "POST" else { return .failure(.badMethod(call.method)) }
        let form = SalesforceForm.decode(String(decoding: call.body, as: UTF8.self))
        do throws(SalesforceOAuthError) {
            let (userID, refresh) = try grant(form, call)
            return accept(userID, refresh: refresh, call)
        } catch {
            return .json(400) { bytes in
                bytes.raw("{\"error\":")
                bytes.string(error.error)
                bytes.raw(",\"error_description\":")
                bytes.string(error.description)
                bytes.raw("}")
            }
        }
    }

    /// The user a form signs in, and the refresh token that goes with it, if any.
    private func grant(
        _ form: [String: String], _ call: SalesforceCall
    ) throws(SalesforceOAuthError) -> (String, String?) {
        switch form["grant_type"] {
        case "client_credentials":
            try checkClient(form, call, secretRequired: true)
            return (integrationUserID, nil)
        case "password":
            try checkClient(form, call, secretRequired: true)
            guard let user = activeUser(form["username"] ?? ""), form["password"] == org.password + org.securityToken
            else { throw .authenticationFailure }
            let refresh = "5Aep" + SalesforceSecret.make(40)
            refreshTokens[refresh] = user
            return (user, refresh)
        case "refresh_token":
            try checkClient(form, call, secretRequired: false)
            guard let user = refreshTokens[form["refresh_token"] ?? ""] else {
                throw .init(error: "invalid_grant", description: "expired access/refresh token")
            }
            return (user, nil)
        case "urn:ietf:params:oauth:grant-type:jwt-bearer":
            guard let certificate = org.jwtCertificatePEM else {
                throw .init(error: "invalid_grant", description: "user hasn't approved this consumer")
            }
            let claims = try SalesforceAssertion.verify(form["assertion"] ?? "", certificate, now: now)
            guard claims.issuer == org.clientID else {
                throw .init(error: "invalid_client_id", description: "client identifier invalid")
            }
            let audiences = ["https://login.salesforce.com", "https://test.salesforce.com", base(call)]
            // A path may follow the org's own address, as in the addresses of its sites.
            guard audiences.contains(claims.audience) || claims.audience.hasPrefix(base(call) + "/") else {
                throw .init(error: "invalid_grant", description: "Audience validation failed")
            }
            guard let user = activeUser(claims.subject) else {
                throw .init(error: "invalid_grant", description: "user hasn't approved this consumer")
            }
            return (user, nil)
        default:
            throw .init(error: "unsupported_grant_type", description: "grant type not supported")
        }
    }

    private func checkClient(
        _ form: [String: String], _ call: SalesforceCall, secretRequired: Bool
    ) throws(SalesforceOAuthError) {
        var id = form["client_id"]
        var secret = form["client_secret"]
        if let header = call.headers["authorization"], header.hasPrefix("Basic "),
            let decoded = Data(base64Encoded: String(header.dropFirst(6)))
        {
            let sides = String(decoding: decoded, as: UTF8.self).split(
                separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            id = sides.first.map(String.init)
            secret = sides.last.map(String.init)
        }
        guard id == org.clientID else {
            throw .init(error: "invalid_client_id", description: "client identifier invalid")
        }
        guard secret == org.clientSecret || (secret == nil && !secretRequired) else {
            throw .init(error: "invalid_client", description: "invalid client credentials")
        }
    }

    func activeUser(_ username: String) -> String? {
        let users = table("User")
        let name = users.type.fixedSlot("Username")
        let active = users.type.fixedSlot("IsActive")
        return users.records.first {
            $0[name].text?.lowercased() == username.lowercased() && $0[active].bool && !$0.isDeleted
        }?.id
    }

    private func accept(_ userID: String, refresh: String?, _ call: SalesforceCall) -> SalesforceReply {
        let token = newToken(for: userID)
        let identity = "\(base(call))/id/\(organizationID)/\(userID)"
        let issued = String(now)
        let signature = HMAC<SHA256>.authenticationCode(
            for: Data((identity + issued).utf8), using: SymmetricKey(data: Data(org.clientSecret.utf8)))
        return .json { bytes in
            bytes.raw("{\"access_token\":")
            bytes.string(token)
            bytes.raw(",\"instance_url\":")
            bytes.string(faults.instanceURL ?? base(call))
            bytes.raw(",\"id\":")
            bytes.string(identity)
            bytes.raw(",\"token_type\":\"Bearer\",\"issued_at\":")
            bytes.string(issued)
            bytes.raw(",\"signature\":")
            bytes.string(Data(signature).base64EncodedString())
            if let refresh {
                bytes.raw(",\"refresh_token\":")
                bytes.string(refresh)
            }
            bytes.raw(",\"scope\":\"api refresh_token\"}")
        }
    }

    /// A fresh access token.
    func newToken(for userID: String) -> String {
        let token = "\(organizationID.prefix(15))!AQ" + SalesforceSecret.make(64)
        tokens[token] = SalesforceAccessToken(userID: userID, expires: now + Int64(settings.sessionTimeout * 1000))
        return token
    }

    /// How the client reached this org: real clients take `instance_url` for everything that follows.
    func base(_ call: SalesforceCall) -> String {
        (call.isSecure ? "https://" : "http://") + call.authority
    }

    func revoke(_ call: SalesforceCall) -> SalesforceReply {
        let form = SalesforceForm.decode(String(decoding: call.body, as: UTF8.self))
        let token = form["token"] ?? call.parameter("token") ?? ""
        guard tokens[token] != nil || refreshTokens[token] != nil else {
            return .json(400) {
                $0.raw("{\"error\":\"unsupported_token_type\",\"error_description\":\"invalid token\"}")
            }
        }
        refreshTokens[token] = nil
        revoke(token)
        return SalesforceReply(status: 200)
    }

    /// Takes a token back; connects held with it are answered at once.
    func revoke(_ token: String) {
        tokens[token] = nil
        for session in sessions.values where session.token == token { release(session) }
    }

    /// Whose token it is, if it still holds; a use keeps it alive.
    func user(of token: String?) -> String? {
        guard let token, let held = tokens[token] else { return nil }
        let now = now
        guard held.expires > now || sessions.values.contains(where: { $0.token == token }) else {
            tokens[token] = nil
            return nil
        }
        tokens[token]?.expires = now + Int64(settings.sessionTimeout * 1000)
        return held.userID
    }

    func identity(_ call: SalesforceCall) -> SalesforceReply {
        guard let userID = user(of: call.accessToken), let user = table("User")[userID] else {
            return SalesforceReply(status: 403, body: Array("Bad_OAuth_Token".utf8), contentType: "text/plain")
        }
        let username = user[user.type.fixedSlot("Username")].text ?? ""
        return .json { bytes in
            bytes.raw("{\"id\":")
            bytes.string("\(base(call))/id/\(organizationID)/\(userID)")
            bytes.raw(",\"asserted_user\":true,\"user_id\":")
            bytes.string(userID)
            bytes.raw(",\"organization_id\":")
            bytes.string(organizationID)
            bytes.raw(",\"username\":")
            bytes.string(username)
            bytes.raw(",\"display_name\":")
            bytes.string(user[user.type.fixedSlot("Name")].text ?? username)
            bytes.raw(",\"active\":true,\"user_type\":\"STANDARD\",\"urls\":{\"rest\":")
            bytes.string("\(base(call))/services/data/v{version}/")
            bytes.raw("}}")
        }
    }
}

/// `application/x-www-form-urlencoded`.
enum SalesforceForm {
    static func decode(_ text: String) -> [String: String] {
        var form: [String: String] = [:]
        for (name, value) in pairs(text) where form[name] == nil { form[name] = value }
        return form
    }

    static func pairs(_ text: String) -> [(name: String, value: String)] {
        text.split(separator: "&").map { pair in
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (decodePart(sides[0]), sides.count > 1 ? decodePart(sides[1]) : "")
        }
    }

    private static func decodePart(_ part: Substring) -> String {
        let spaced = String(part).replacing("+", with: " ")
        return spaced.removingPercentEncoding ?? spaced
    }
}
