import HTTPClient
import Polling
import Synchronization
import Testing

extension HTTPClientSuite {
    @Suite struct SendTests {
        @Test func `a request arrives as it was given and the answer comes back`() async throws {
            let server = TestServer.answering { request, connection in
                connection.answer(
                    201, "X-One: 1\r\nx-one:  two \r\nEmpty:\r\n", body: String(decoding: request.body, as: UTF8.self))
            }
            defer { server.stop() }
            try await withTransport(.init(userAgent: "Test/1")) { transport in
                let response = try await transport.send(
                    HTTPRequest(
                        .post, server.url + "/path?q=1", headers: ["X-Two": "a", "X-Empty": ""],
                        body: Array("body".utf8)))
                #expect(response.status == 201)
                #expect(response.body == Array("body".utf8))
                #expect(response.headers["X-ONE"] == "1")
                #expect(response.headers[all: "x-one"] == ["1", "two"])
                #expect(response.headers["empty"] == "")
                #expect(response.headers["absent"] == nil)
            }
            let request = try #require(server.requests.first)
            #expect(request.line == "POST /path?q=1 HTTP/1.1")
            #expect(request.fields["x-two"] == "a")
            #expect(request.fields["x-empty"] == "")
            #expect(request.fields["user-agent"] == "Test/1")
            #expect(request.fields["accept-encoding"] == "gzip")
            #expect(request.fields["expect"] == nil)
            #expect(request.fields["content-type"] == nil)
        }

        @Test func `every method is sent under its name, with and without a body`() async throws {
            let server = TestServer.answering { _, connection in connection.answer() }
            defer { server.stop() }
            var expected: [String] = []
            try await withTransport { transport in
                for method in [HTTPRequest.Method.get, .post, .put, .patch, .delete, .head, .get] {
                    for body in [nil, Array("x".utf8)] where method != .head || body == nil {
                        let response = try await transport.send(HTTPRequest(method, server.url + "/", body: body))
                        #expect(response.status == 200)
                        let sendsBody = body != nil || [.post, .put, .patch].contains(method)
                        expected.append("\(method.rawValue) \(sendsBody ? String(body?.count ?? 0) : "-")")
                    }
                }
            }
            #expect(server.requests.map { "\($0.method) \($0.fields["content-length"] ?? "-")" } == expected)
            #expect(server.connections == 1)
        }

        @Test(arguments: [nil, [UInt8]("body".utf8)])
        func `a request that dies on a kept connection is seen once`(body: [UInt8]?) async throws {
            // Answers the first request of a connection and closes on the second without answering.
            let server = TestServer { connection in
                if connection.request() != nil { connection.answer() }
                _ = connection.request()
            }
            defer { server.stop() }
            try await withTransport { transport in
                let request = HTTPRequest(.post, server.url + "/create", body: body)
                #expect(try await transport.send(request).status == 200)
                let error = try await failure(transport, request)
                #expect(error.kind == .notRepeated)
                #expect(error.code == 42)
                #expect(error.mayHaveBeenSent)
                #expect(server.requests.count == 2)
                // The transport goes on working.
                #expect(try await transport.send(request).status == 200)
            }
            #expect(server.requests.count == 3)
            #expect(server.requests.prefix(2).map(\.connection) == [1, 1])
        }

        @Test func `a repeatable request that dies on a kept connection is sent again`() async throws {
            let server = TestServer { connection in
                if connection.request() != nil { connection.answer() }
                _ = connection.request()
            }
            defer { server.stop() }
            try await withTransport { transport in
                for _ in 1...2 {
                    let response = try await transport.send(HTTPRequest(.get, server.url + "/read"))
                    #expect(response.status == 200)
                }
            }
            #expect(server.requests.map(\.connection) == [1, 1, 2])
        }
    }
}
