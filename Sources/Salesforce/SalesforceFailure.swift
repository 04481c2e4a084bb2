import CaseRouting
import HTTPClient
import JSON

/// The one place that says what Salesforce's answers, and their absence, mean. The tables are `salesforce.md` 1.4, 2.6
/// and 4.5. All failures are `transient` or `configuration`: whatever a call did, it is safe to do again.
struct SalesforceFailure: Sendable {
    let org: String
    /// What must not occur in what is kept of an answer.
    let secrets: [String]

    init(_ settings: SalesforceSettings) {
        org = settings.org
        secrets = settings.credentials.secrets
    }

    func failure(
        _ kind: RoutingFailure.Kind, _ cause: FailureCause, _ summary: String,
        _ response: RoutingFailure.Response? = nil
    ) -> RoutingFailure {
        RoutingFailure(kind, at: .salesforce, cause: cause, "Salesforce org \(org): \(summary)", response: response)
    }

    /// Without an answer. The error names method and host only.
    func failure(_ error: HTTPError) -> RoutingFailure {
        switch error.kind {
        case .tls:
            failure(
                .configuration, .salesforceUnreachable,
                "no secure connection (\(error.operation): \(error.detail)). Check the login URL and CASEROUTER_CA_FILE."
            )
        case .invalidRequest:
            failure(.configuration, .configuration, "the request cannot be sent (\(error.operation): \(error.detail)).")
        case .tooLarge, .badResponse:
            failure(.transient, .salesforceError, "the answer cannot be read (\(error)).")
        default:
            failure(.transient, .salesforceUnreachable, "no answer (\(error)).")
        }
    }

    /// An answer whose JSON is not what it should be; the error tells the place and never repeats the text.
    func failure(_ error: JSONError, reading what: String) -> RoutingFailure {
        failure(.transient, .salesforceError, "the answer to \(what) cannot be read: \(error).")
    }

    /// What is kept of an answer for people.
    func kept(_ status: Int, _ body: [UInt8], also token: String? = nil) -> RoutingFailure.Response {
        let text = String(decoding: body.prefix(RoutingFailure.Response.maximumBodyLength), as: UTF8.self)
        return RoutingFailure.Response(status: status, body: clean(text, also: token))
    }

    /// The text without our secrets, should the other side have repeated one.
    func clean(_ text: String, also token: String? = nil) -> String {
        var text = text
        for secret in secrets + [token].compactMap({ $0 }) where secret.utf8.count >= 4 {
            text = Self.replacing(secret, in: text)
        }
        return text
    }

    private static func replacing(_ secret: String, in text: String) -> String {
        text.split(separator: secret, omittingEmptySubsequences: false).joined(separator: "(removed)")
    }
}

// MARK: REST

/// The first error of a REST answer.
struct RESTError: Equatable {
    var code = ""
    var message = ""

    /// `[{"errorCode","message"}]`; anything else reads as no code.
    init(_ body: [UInt8]) {
        var code = ""
        var message = ""
        do throws(JSONError) {
            try JSONReader.decode(body) { reader in
                guard reader.kind == .array else { return }
                var isFirst = true
                try reader.array { reader in
                    guard isFirst, reader.kind == .object else { return }
                    isFirst = false
                    try reader.object { key, reader in
                        switch key {
                        case "errorCode" where reader.kind == .string: code = try reader.string()
                        case "message" where reader.kind == .string: message = try reader.string()
                        default: break
                        }
                    }
                }
            }
        } catch {
            // A proxy's page, or garbage: the status alone decides.
            return
        }
        self.code = code
        self.message = message
    }
}

extension SalesforceFailure {
    /// An answer of REST that is not the success that was asked for.
    func rest(_ what: String, status: Int, body: [UInt8], token: String?) -> RoutingFailure {
        let error = RESTError(body)
        let response = kept(status, body, also: token)
        func failure(_ kind: RoutingFailure.Kind, _ cause: FailureCause, _ why: String) -> RoutingFailure {
            let code =
                error.code.isEmpty ? "\(status)" : "\(status) \(clean(String(error.code.prefix(60)), also: token))"
            return self.failure(kind, cause, "\(what): \(why) (\(code)).", response)
        }
        switch (status, error.code) {
        case (_, "REQUEST_LIMIT_EXCEEDED"):
            return failure(.transient, .salesforceLimit, "the org's daily API calls are used up")
        case (401, _):
            return failure(.transient, .salesforceCredentials, "the session ended, and the one opened after it too")
        case (_, "API_DISABLED_FOR_ORG"), (_, "API_CURRENTLY_DISABLED"):
            return failure(.configuration, .salesforceForbidden, "the user or the org may not use the API")
        case (400, "INVALID_FIELD"), (400, "INVALID_TYPE"), (404, _):
            return failure(
                .configuration, .salesforceForbidden,
                "an object or field does not exist or is hidden from the integration user; install the package, assign "
                    + "its permission set Routing_Integration, check the source settings")
        case (403, _):
            return failure(
                .configuration, .salesforceForbidden,
                "refused; assign the permission set Routing_Integration to the integration user")
        case (410, _):
            return failure(.configuration, .configuration, "the API version is retired; set a newer one")
        case (300..<400, _):
            return failure(.transient, .salesforceError, "redirected; the org may have moved")
        case (420, _), (429, _), (500..., _):
            return failure(.transient, .salesforceUnreachable, "Salesforce is not available")
        default:
            return failure(.transient, .salesforceError, "not accepted")
        }
    }

    /// One row of a write; nil for a row that is gone and hence needs nothing.
    func row(_ code: String) -> RoutingFailure? {
        switch code {
        case "ENTITY_IS_DELETED", "NOT_FOUND", "INVALID_CROSS_REFERENCE_KEY": nil
        case "UNABLE_TO_LOCK_ROW": failure(.transient, .salesforceError, "the row is locked (\(code)).")
        case "REQUEST_LIMIT_EXCEEDED": failure(.transient, .salesforceLimit, "the org's API calls are used up.")
        case "INSUFFICIENT_ACCESS_OR_READONLY", "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
            "INVALID_FIELD_FOR_INSERT_UPDATE", "INVALID_FIELD", "INVALID_TYPE", "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
            "FIELD_CUSTOM_VALIDATION_EXCEPTION", "FIELD_FILTER_VALIDATION_EXCEPTION":
            failure(
                .configuration, .salesforceForbidden,
                "the integration user may not mark rows as processed (\(code)). Assign the permission set "
                    + "Routing_Integration; look for rules and triggers on the table.")
        default: failure(.transient, .salesforceError, "the row was not marked (\(code.prefix(60))).")
        }
    }
}
