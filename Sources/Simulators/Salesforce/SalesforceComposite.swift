import Foundation

/// `/composite`: up to 25 requests in one call, later ones referring to the results of earlier ones.
extension SalesforceOrgCore {
    private static let mostSubrequests = 25

    func composite(_ call: SalesforceCall, _ caller: SalesforceCaller) throws(SalesforceRESTError) -> SalesforceReply {
        guard call.method == "POST" else { throw .badMethod(call.method) }
        let body = try object(in: call)
        guard let requests = body["compositeRequest"]?.array, !requests.isEmpty else {
            throw .bad("REQUIRED_FIELD_MISSING", "Required fields are missing: [compositeRequest]")
        }
        guard requests.count <= Self.mostSubrequests else {
            throw .bad("LIMIT_EXCEEDED", "Limit exceeded: at most \(Self.mostSubrequests) subrequests")
        }
        // Rolling several requests back is not modelled; saying so is better than doing half of it.
        guard body["allOrNone"]?.bool != true else {
            throw .bad("INVALID_INPUT", "The simulator does not support allOrNone for composite requests")
        }
        var results: [String: SalesforceJSON] = [:]
        var bytes = SalesforceBytes(reserving: 1024)
        bytes.raw("{\"compositeResponse\":[")
        for (index, request) in requests.enumerated() {
            let reference = request["referenceId"]?.string ?? "\(index)"
            let reply = subrequest(request, results, call, caller)
            if let value = parsed(reply.body) { results[reference] = value }
            if index > 0 { bytes.raw(",") }
            bytes.raw("{\"body\":")
            if reply.body.isEmpty { bytes.raw("null") } else { bytes.raw(reply.body) }
            bytes.raw(",\"httpHeaders\":{},\"httpStatusCode\":")
            bytes.integer(reply.status)
            bytes.raw(",\"referenceId\":")
            bytes.string(reference)
            bytes.raw("}")
        }
        bytes.raw("]}")
        return SalesforceReply(status: 200, body: bytes.bytes)
    }

    private func subrequest(
        _ request: SalesforceJSON, _ results: [String: SalesforceJSON], _ call: SalesforceCall,
        _ caller: SalesforceCaller
    ) -> SalesforceReply {
        let url = fill(request["url"]?.string ?? "", results)
        let sides = url.split(separator: "?", maxSplits: 1).map(String.init)
        let path = sides.first.map { $0.removingPercentEncoding ?? $0 } ?? ""
        var body = SalesforceBytes()
        if let value = request["body"] { body.json(fill(value, results)) }
        let inner = SalesforceCall(
            method: request["method"]?.string ?? "GET", path: path,
            query: sides.count > 1 ? SalesforceForm.pairs(sides[1]) : [], headers: call.headers, body: body.bytes,
            isSecure: call.isSecure, authority: call.authority)
        let elements = inner.elements
        guard elements.count > 3, elements[0] == "services", elements[3] != "composite" || elements.count > 4 else {
            return .failure(.notFound)
        }
        do throws(SalesforceRESTError) {
            return try resource(Array(elements.dropFirst(3)), inner, caller)
        } catch {
            return .failure(error)
        }
    }

    private func parsed(_ body: [UInt8]) -> SalesforceJSON? {
        // Some answers have no body at all.
        try? SalesforceJSON(parsing: body)
    }

    private func fill(_ value: SalesforceJSON, _ results: [String: SalesforceJSON]) -> SalesforceJSON {
        switch value {
        case .string(let text): .string(fill(text, results))
        case .array(let elements): .array(elements.map { fill($0, results) })
        case .object(let members): .object(members.map { .init(name: $0.name, value: fill($0.value, results)) })
        default: value
        }
    }

    /// Replaces `@{reference.path}`.
    private func fill(_ text: String, _ results: [String: SalesforceJSON]) -> String {
        var output = ""
        var rest = text[...]
        while let open = rest.range(of: "@{"), let close = rest[open.upperBound...].firstIndex(of: "}") {
            output += rest[..<open.lowerBound]
            var path = rest[open.upperBound..<close].split(separator: ".").map(String.init)[...]
            var value = path.popFirst().flatMap { results[$0] }
            while let name = path.popFirst() { value = value?[name] }
            output += value?.string ?? ""
            rest = rest[rest.index(after: close)...]
        }
        return output + rest
    }
}
