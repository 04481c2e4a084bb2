import HTTPClient
import Testing

extension HTTPClientSuite {
    @Suite struct CookieTests {
        /// Sets the cookie that the query names and answers with the cookies it got.
        private func server() -> TestServer {
            TestServer.answering { request, connection in
                let parts = request.path.split(separator: "?")
                let set = parts.count > 1 ? "Set-Cookie: \(parts[1]); Path=/; HttpOnly\r\n" : ""
                connection.answer(200, set, body: request.fields["cookie"] ?? "")
            }
        }

        private func cookies(_ transport: HTTPTransport, _ url: String, _ jar: CookieJar?) async throws -> Set<String> {
            let response = try await transport.send(HTTPRequest(.post, url, cookieJar: jar))
            let text = String(decoding: response.body, as: UTF8.self)
            return Set(text.split(separator: ";").map { $0.drop { $0 == " " }.description })
        }

        @Test func `a session's cookies are its own`() async throws {
            let server = server()
            defer { server.stop() }
            try await withTransport { transport in
                let (one, two) = (CookieJar(), CookieJar())
                _ = try await cookies(transport, server.url + "/?session=1", one)
                _ = try await cookies(transport, server.url + "/?session=2", two)
                _ = try await cookies(transport, server.url + "/?session=3", nil)
                #expect(try await cookies(transport, server.url + "/", one) == ["session=1"])
                #expect(try await cookies(transport, server.url + "/", two) == ["session=2"])
                #expect(try await cookies(transport, server.url + "/", nil).isEmpty)
            }
            #expect(server.connections == 1)
        }

        @Test func `what one transfer is given the others of the session send`() async throws {
            let server = server()
            defer { server.stop() }
            let url = server.url
            try await withTransport { transport in
                let jar = CookieJar()
                try await withThrowingTaskGroup { group in
                    for number in 0..<20 {
                        group.addTask { _ = try await cookies(transport, url + "/?c\(number)=\(number)", jar) }
                    }
                    try await group.waitForAll()
                }
                #expect(try await cookies(transport, url + "/", jar) == Set((0..<20).map { "c\($0)=\($0)" }))
            }
        }

        @Test func `a cookie may be replaced, dropped and forgotten`() async throws {
            let server = server()
            defer { server.stop() }
            try await withTransport { transport in
                let jar = CookieJar()
                _ = try await cookies(transport, server.url + "/?a=1", jar)
                _ = try await cookies(transport, server.url + "/?b=1", jar)
                _ = try await cookies(transport, server.url + "/?a=2", jar)
                #expect(try await cookies(transport, server.url + "/", jar) == ["a=2", "b=1"])
                _ = try await cookies(transport, server.url + "/?b=0;Max-Age=0", jar)
                #expect(try await cookies(transport, server.url + "/", jar) == ["a=2"])
                await transport.clear(jar)
                #expect(try await cookies(transport, server.url + "/", jar).isEmpty)
            }
        }

        @Test func `a stream and a command of one session share their cookies`() async throws {
            let server = TestServer { connection in
                guard let request = connection.request() else { return }
                if request.path == "/stream" {
                    connection.write("HTTP/1.1 200 OK\r\nSet-Cookie: s=1\r\n\r\n")
                    connection.waitForEnd()
                } else {
                    connection.answer(body: request.fields["cookie"] ?? "")
                }
            }
            defer { server.stop() }
            try await withTransport { transport in
                let jar = CookieJar()
                let stream = try await transport.stream(HTTPRequest(.get, server.url + "/stream", cookieJar: jar))
                #expect(try await cookies(transport, server.url + "/", jar) == ["s=1"])
                await stream.close()
            }
        }

        @Test func `a jar may go before its transfer has ended`() async throws {
            let server = server()
            defer { server.stop() }
            try await withTransport { transport in
                for number in 1...50 {
                    let sent = try await cookies(transport, server.url + "/?n=\(number)", CookieJar())
                    #expect(sent.isEmpty)
                }
            }
        }
    }
}
