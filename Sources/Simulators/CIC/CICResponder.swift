import HTTPTypes
import Hummingbird
import NIOCore

/// A request's context that keeps the connection, so that it can be cut.
struct CICRequestContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }
}

/// Between HTTP and the state: reads a request whole, asks the state, waits or cuts where a fault says so.
struct CICResponder: HTTPResponder {
    /// Largest body that is read.
    static let maximumBody = 8 << 20

    let site: CICSite
    let host: Int

    func respond(to request: Request, context: CICRequestContext) async throws -> Response {
        if request.method == .options { return Response(status: .ok, headers: crossOrigin(request)) }
        let body = try await request.body.collect(upTo: Self.maximumBody)
        let asked = CICRequest(host: host, head: request.head, body: body)
        let control = asked.segments.first == "control"
        var answer =
            control ? site.locked { $0.control(asked) } : site.locked(host: host) { $0.handle(asked, waited: false) }
        if answer.again {
            try await Task.sleep(for: .milliseconds(answer.wait))
            answer = site.locked(host: host) { $0.handle(asked, waited: true) }
        }
        if answer.wait > 0 { try await Task.sleep(for: .milliseconds(answer.wait)) }
        if answer.cut {
            // Nothing can be written any more; what is returned goes nowhere.
            context.channel.close(promise: nil)
            return Response(status: .internalServerError)
        }
        var headers = crossOrigin(request)
        if let stream = answer.stream {
            headers[.contentType] = "text/event-stream"
            headers[.cacheControl] = "no-cache"
            return Response(status: .ok, headers: headers, body: events(stream, request.body, context.channel))
        }
        headers[.contentType] = CICAnswer.mediaType
        for (name, value) in answer.headers {
            if let name = HTTPField.Name(name) { headers[name] = value }
        }
        return Response(
            status: .init(code: answer.status), headers: headers,
            body: answer.status == 204 ? .init() : .init(byteBuffer: ByteBuffer(bytes: answer.body)))
    }

    /// What a browser asks of a server that a page of another origin calls, with its cookies. Real servers let every
    /// origin in; what is not named here a page's script cannot see.
    private func crossOrigin(_ request: Request) -> HTTPFields {
        var headers = HTTPFields()
        guard let origin = request.headers[.origin] else { return headers }
        headers[.accessControlAllowOrigin] = origin
        headers[.accessControlAllowCredentials] = "true"
        headers[.vary] = "Origin"
        if request.method == .options {
            headers[.accessControlAllowMethods] = "GET, POST, PUT, DELETE"
            headers[.accessControlAllowHeaders] = request.headers[.accessControlRequestHeaders]
            headers[.accessControlMaxAge] = "600"
        } else {
            headers[.accessControlExposeHeaders] =
                "ININ-ICWS-CSRF-Token, ININ-ICWS-Session-ID, Location, Set-Cookie, Content-Range"
        }
        return headers
    }

    /// Writes whatever the session has, several messages at a time, until the session or the connection ends.
    private func events(_ stream: CICEventStream, _ body: RequestBody, _ channel: any Channel) -> ResponseBody {
        ResponseBody { [site, host] writer in
            defer { site.locked(host: host) { $0.closeReader(stream) } }
            for await _ in stream.wakes {
                switch site.locked(host: host, { $0.takeEvents(stream) }) {
                case .bytes(let bytes):
                    if !bytes.isEmpty { try await writer.write(ByteBuffer(bytes: bytes)) }
                case .cut:
                    channel.close(promise: nil)
                    return
                case .over:
                    try await writer.finish(nil)
                    return
                }
            }
            try await writer.finish(nil)
        }
    }
}
