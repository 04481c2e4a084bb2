import HTTPTypes
import Hummingbird
import NIOCore

/// Between Hummingbird's requests and an org's.
struct SalesforceResponder: HTTPResponder {
    let org: SalesforceOrg
    let isSecure: Bool

    /// Thrown to close a connection in the middle of a response.
    struct ConnectionDropped: Error {}

    func respond(to request: Request, context: SalesforceRequestContext) async throws -> Response {
        var request = request
        let head = request.head
        let body = try await request.collectBody(upTo: SalesforceSimulator.longestBody)
        // Whether the client of a held connect is still there is found out when its answer is written, as on the real
        // system: events in an answer that nobody reads are gone for the session.
        let reply = try await org.answer(call(head, body))
        if let cut = reply.cutAfter, cut < 0 {
            try await context.channel.close()
            throw ConnectionDropped()
        }
        return response(reply)
    }

    private func call(_ head: HTTPRequest, _ body: ByteBuffer) -> SalesforceCall {
        let uri = head.path ?? "/"
        let sides = uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path = String(sides.first ?? "/")
        var headers: [String: String] = [:]
        for field in head.headerFields {
            let name = field.name.canonicalName
            // Cookies may come in several fields.
            headers[name] = headers[name].map { $0 + "; " + field.value } ?? field.value
        }
        return SalesforceCall(
            method: head.method.rawValue, path: path.removingPercentEncoding ?? path,
            query: sides.count > 1 ? SalesforceForm.pairs(String(sides[1])) : [], headers: headers,
            body: Array(body.readableBytesView), uriLength: uri.utf8.count, isSecure: isSecure,
            authority: head.authority ?? "localhost")
    }

    private func response(_ reply: SalesforceReply) -> Response {
        var headers = HTTPFields()
        if !reply.body.isEmpty { headers[.contentType] = reply.contentType }
        for (name, value) in reply.headers {
            if let name = HTTPField.Name(name) { headers.append(HTTPField(name: name, value: value)) }
        }
        let status = HTTPResponse.Status(code: reply.status)
        if let cut = reply.cutAfter {
            let part = ByteBuffer(bytes: reply.body.prefix(cut))
            return Response(
                status: status, headers: headers,
                body: ResponseBody(contentLength: max(reply.body.count, cut + 1)) { writer in
                    try await writer.write(part)
                    // Closing at once would take what is still on its way to the socket with it.
                    try await Task.sleep(for: .milliseconds(250))
                    throw ConnectionDropped()
                })
        }
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: reply.body)))
    }
}

/// A request's context that knows its connection, so that it can be dropped.
struct SalesforceRequestContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }
}
