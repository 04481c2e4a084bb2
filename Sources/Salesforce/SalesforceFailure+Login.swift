import CaseRouting
import JSON

/// `{"error","error_description"}` of a refused login.
struct OAuthError: Equatable {
    var error = ""
    var description = ""

    init(_ body: [UInt8]) {
        var found = ("", "")
        do throws(JSONError) {
            try JSONReader.decode(body) { reader in
                guard reader.kind == .object else { return }
                try reader.object { key, reader in
                    switch key {
                    case "error" where reader.kind == .string: found.0 = try reader.string()
                    case "error_description" where reader.kind == .string: found.1 = try reader.string()
                    default: break
                    }
                }
            }
        } catch {
            // A page of a proxy: the status alone decides.
            return
        }
        (error, description) = found
    }
}

extension SalesforceFailure {
    /// A login that was refused (`salesforce.md` 1.4).
    func login(_ flow: SalesforceSettings.Flow, status: Int, body: [UInt8]) -> RoutingFailure {
        let refusal = OAuthError(body)
        let response = kept(status, body)
        func configuration(_ what: String) -> RoutingFailure {
            failure(
                .configuration, .salesforceCredentials,
                "login by \(flow.rawValue) refused: \(what) (\(refusal.error)).",
                response)
        }
        switch (refusal.error, refusal.description) {
        case ("rate_limit_exceeded", _):
            return failure(.transient, .salesforceLimit, "too many logins; waiting (rate_limit_exceeded).", response)
        case ("server_error", _), ("temporarily_unavailable", _):
            return failure(.transient, .salesforceUnreachable, "login not available (\(refusal.error)).", response)
        case (_, _) where status >= 500 || status == 420 || status == 429:
            return failure(.transient, .salesforceUnreachable, "login not available (\(status)).", response)
        case ("invalid_grant", "user hasn't approved this consumer"):
            return configuration(
                "an administrator has to pre-authorise the user for the app, and the user name has to be right")
        case ("invalid_grant", "Audience validation failed"):
            return configuration("the login URL is the wrong one (production, sandbox or My Domain)")
        case ("invalid_grant", let text) where text.contains("expired") && flow == .jwtBearer:
            return configuration("the assertion counts as expired; set this machine's clock")
        case ("invalid_grant", let text) where text.contains("invalid assertion") || text.contains("signature"):
            return configuration("the private key does not belong to the app's certificate")
        case ("invalid_grant", _) where flow == .password:
            return configuration(
                "user name, password or security token is wrong, the user is locked or limited to other addresses or "
                    + "hours, or the org blocks this flow. Tried again rarely, so that the user is not locked")
        case ("invalid_grant", _):
            return configuration("the app's user is inactive, locked, or limited to other addresses or hours")
        case ("invalid_client", _): return configuration("the client_secret is wrong")
        case ("invalid_client_id", _):
            return configuration("the client_id is unknown; a new app needs up to ten minutes")
        case ("unsupported_grant_type", _): return configuration("the app does not allow this flow")
        case ("unauthorized_client", _): return configuration("the app may not use this flow")
        case ("inactive_user", _), ("inactive_org", _): return configuration("the user or the org is inactive")
        case (_, _) where (300..<400).contains(status):
            return configuration("the login URL redirects (\(status)); set the org's own My Domain")
        case (_, _) where status == 404:
            return configuration("there is no login at this URL (404)")
        default:
            return configuration("answer \(status)")
        }
    }
}
