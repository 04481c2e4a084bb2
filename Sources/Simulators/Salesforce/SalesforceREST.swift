/// The REST API below `/services/data`.
extension SalesforceOrgCore {
    static let oldestVersion = 31
    static let newestVersion = 66

    /// The longest URI Salesforce reads, in bytes.
    static let longestURI = 16_384

    func rest(_ call: SalesforceCall) -> SalesforceReply {
        if !call.isClick { requestsUsed += 1 }
        var reply: SalesforceReply
        do throws(SalesforceRESTError) {
            reply = try answer(call)
        } catch {
            reply = .failure(error)
        }
        reply.headers.append(("Sforce-Limit-Info", "api-usage=\(requestsUsed)/\(requestLimit)"))
        return reply
    }

    private func answer(_ call: SalesforceCall) throws(SalesforceRESTError) -> SalesforceReply {
        let elements = call.elements
        // The list of versions is the one resource that needs no token.
        if elements.count == 2 { return versions() }
        let version = elements[2]
        try check(version)
        guard let userID = user(of: call.accessToken) else { throw .invalidSession }
        guard call.isClick || requestsUsed <= requestLimit else {
            throw .init(status: 403, code: "REQUEST_LIMIT_EXCEEDED", message: "TotalRequests Limit exceeded.")
        }
        return try resource(Array(elements.dropFirst(3)), call, SalesforceCaller(userID: userID, version: version))
    }

    private func check(_ version: String) throws(SalesforceRESTError) {
        guard version.hasPrefix("v"), let number = Double(version.dropFirst()) else { throw .notFound }
        if number < Double(Self.oldestVersion) {
            throw .init(status: 410, code: "GONE", message: "This API version has been retired.")
        }
        if number > Double(Self.newestVersion) { throw .notFound }
    }

    /// Everything below `/services/data/vNN.0`.
    func resource(
        _ path: [String], _ call: SalesforceCall, _ caller: SalesforceCaller
    ) throws(SalesforceRESTError) -> SalesforceReply {
        switch path.first {
        case nil: return resources(call, caller)
        case "query", "queryAll": return try query(path, call, caller)
        case "limits": return limits()
        case "composite":
            if path.count > 1, path[1] == "sobjects" { return try collections(Array(path.dropFirst(2)), call, caller) }
            guard path.count == 1 else { throw .notFound }
            return try composite(call, caller)
        case "sobjects":
            if path.count == 1 { return describeGlobal(caller) }
            guard let type = catalogue[path[1]] else { throw .notFound }
            return try sobject(type, Array(path.dropFirst(2)), call, caller)
        default: throw .notFound
        }
    }

    private func versions() -> SalesforceReply {
        .json { bytes in
            bytes.raw("[")
            for version in Self.oldestVersion...Self.newestVersion {
                if version > Self.oldestVersion { bytes.raw(",") }
                bytes.plain(
                    "{\"label\":\"API \(version)\",\"url\":\"/services/data/v\(version).0\",\"version\":\"\(version).0\"}"
                )
            }
            bytes.raw("]")
        }
    }

    private func resources(_ call: SalesforceCall, _ caller: SalesforceCaller) -> SalesforceReply {
        .json { bytes in
            bytes.raw("{")
            for name in ["sobjects", "query", "queryAll", "limits", "composite"] {
                bytes.name(name)
                bytes.string("\(caller.base)/\(name)")
            }
            bytes.name("identity")
            bytes.string("\(base(call))/id/\(organizationID)/\(caller.userID)")
            bytes.raw("}")
        }
    }

    private func limits() -> SalesforceReply {
        let figures = [
            ("DailyApiRequests", requestLimit, max(0, requestLimit - requestsUsed)),
            ("DailyStandardVolumePlatformEvents", 25_000, 25_000), ("HourlyPublishedPlatformEvents", 250_000, 250_000),
            ("DailyDeliveredPlatformEvents", 50_000, 50_000), ("DailyStreamingApiEvents", 1_000_000, 1_000_000),
            ("StreamingApiConcurrentClients", 2_000, max(0, 2_000 - sessions.count)),
        ]
        return .json { bytes in
            bytes.raw("{")
            for (name, maximum, remaining) in figures {
                bytes.name(name)
                bytes.raw("{\"Max\":")
                bytes.integer(maximum)
                bytes.raw(",\"Remaining\":")
                bytes.integer(remaining)
                bytes.raw("}")
            }
            bytes.raw("}")
        }
    }

    /// The body of a write, which must be an object.
    func object(in call: SalesforceCall) throws(SalesforceRESTError) -> SalesforceJSON {
        do {
            let value = try SalesforceJSON(parsing: call.body)
            guard value.members != nil else {
                throw SalesforceRESTError.bad("JSON_PARSER_ERROR", "The HTTP entity body must be an object")
            }
            return value
        } catch let error as SalesforceRESTError {
            throw error
        } catch {
            throw .bad("JSON_PARSER_ERROR", "Unexpected character in the HTTP entity body")
        }
    }
}

/// Who asks, and by which version of the API.
struct SalesforceCaller {
    let userID: String
    /// `v62.0`
    let version: String

    var base: String { "/services/data/\(version)" }
}
