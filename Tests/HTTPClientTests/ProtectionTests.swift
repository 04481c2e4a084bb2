import Foundation
import HTTPClient
import Testing

extension HTTPClientSuite {
    /// What the driver refuses to send, to follow and to take.
    @Suite struct ProtectionTests {
        @Test(arguments: [
            ("X-A", "1\r\nX-B: 2"), ("X-A", "1\nX-B: 2"), ("X-A\r\nX-B", "1"), ("X A", "1"), ("", "1"), ("X-A:", "1"),
            ("X-A", "\u{0}"), ("X-A", "\u{7F}"), ("Content-Length", "5"), ("transfer-encoding", "chunked"),
            ("Expect", "x"),
        ])
        func `a header that could change the message is refused`(name: String, value: String) async throws {
            let server = TestServer.answering { _, connection in connection.answer() }
            defer { server.stop() }
            try await withTransport { transport in
                let error = try await failure(
                    transport, HTTPRequest(.get, server.url, headers: HTTPHeaders([(name, value)])))
                #expect(error.kind == .invalidRequest)
                #expect(!error.mayHaveBeenSent)
            }
            #expect(server.connections == 0)
        }

        @Test(arguments: [
            "http://127.0.0.1:1/a b", "http://127.0.0.1:1/\r\nX: y", "http://127.0.0.1:1/\n", "http://127.0.0.1:1/ü",
            "http://user:password@127.0.0.1:1/", "http://127.0.0.1\\@example.com/", "ftp://127.0.0.1/",
            "file:///etc/passwd",
            "127.0.0.1:1", "", "http://", "https:///path", "http://example.com/", "http://127.0.0.1.example.com/",
            "http://0x7f.1/", "http://localhost.example.com/", "http://[::2]/",
        ])
        func `a URL that is not plain, or not encrypted beyond this machine, is refused`(url: String) async throws {
            try await withTransport { transport in
                let error = try await failure(transport, HTTPRequest(.get, url))
                #expect(error.kind == .invalidRequest)
                #expect(!error.mayHaveBeenSent)
                #expect(!error.description.contains("password"))
            }
        }

        @Test func `plain http goes to this machine by name and by number`() async throws {
            let server = TestServer.answering { _, connection in connection.answer() }
            defer { server.stop() }
            try await withTransport { transport in
                for host in ["localhost", "127.0.0.1"] {
                    let response = try await transport.send(HTTPRequest(.get, "http://\(host):\(server.port)/"))
                    #expect(response.status == 200)
                }
            }
        }

        @Test func `a redirect is an answer and is not followed`() async throws {
            let server = TestServer.answering { _, connection in connection.answer(302, "Location: /other\r\n") }
            defer { server.stop() }
            try await withTransport { transport in
                let response = try await transport.send(HTTPRequest(.get, server.url))
                #expect(response.status == 302)
                #expect(response.headers["location"] == "/other")
            }
            #expect(server.requests.count == 1)
        }

        @Test(arguments: [401, 417, 500, 503])
        func `a status is an answer and is not tried again`(status: Int) async throws {
            let server = TestServer.answering { _, connection in
                connection.answer(status, "WWW-Authenticate: Basic realm=\"x\"\r\nRetry-After: 0\r\n", body: "why")
            }
            defer { server.stop() }
            try await withTransport { transport in
                let response = try await transport.send(HTTPRequest(.post, server.url, body: [1]))
                #expect(response.status == status)
                #expect(response.body == Array("why".utf8))
            }
            #expect(server.requests.count == 1)
        }

        @Test func `an answer may be as long as the request allows and not longer`() async throws {
            let body = String(repeating: "x", count: 100_000)
            let server = TestServer.answering { request, connection in
                if request.path == "/chunked" {
                    connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                    while connection.write("10\r\n0123456789abcdef\r\n") {}
                } else {
                    connection.answer(body: body)
                }
            }
            defer { server.stop() }
            try await withTransport { transport in
                let whole = try await transport.send(HTTPRequest(.get, server.url, maximumResponseBytes: 100_000))
                #expect(whole.body.count == 100_000)
                for path in ["/", "/chunked"] {
                    let error = try await failure(
                        transport, HTTPRequest(.get, server.url + path, maximumResponseBytes: 99_999))
                    #expect(error.kind == .tooLarge)
                    #expect(error.mayHaveBeenSent)
                }
            }
        }

        @Test(arguments: ["HTTP/1.1 200 OK\r\n", ""])
        func `a head without end is cut off`(start: String) async throws {
            let server = TestServer { connection in
                _ = connection.request()
                connection.write(start)
                // Without a status line: interim answers without end.
                let more =
                    start.isEmpty
                    ? "HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" : "X-More: \(String(repeating: "x", count: 1000))\r\n"
                while connection.write(more) {}
            }
            defer { server.stop() }
            try await withTransport { transport in
                let error = try await failure(transport, HTTPRequest(.get, server.url))
                #expect(error.kind == .tooLarge)
            }
        }

        @Test func `a compressed answer is unpacked and measured unpacked`() async throws {
            let packed = try gzip(Data(repeating: 0x78, count: 1_000_000))
            #expect(packed.count < 10_000)
            let server = TestServer.answering { _, connection in
                connection.write("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(packed.count)\r\n\r\n")
                connection.write(packed)
            }
            defer { server.stop() }
            try await withTransport { transport in
                let response = try await transport.send(HTTPRequest(.get, server.url))
                #expect(response.body == [UInt8](repeating: 0x78, count: 1_000_000))
                let error = try await failure(transport, HTTPRequest(.get, server.url, maximumResponseBytes: 50_000))
                #expect(error.kind == .tooLarge)
            }
            #expect(server.requests.first?.fields["accept-encoding"] == "gzip")
        }

        private func gzip(_ data: Data) throws -> [UInt8] {
            let file = FileManager.default.temporaryDirectory.appendingPathComponent("http-\(UUID().uuidString)")
            try data.write(to: file)
            try run("gzip", [file.path])
            let packed = file.appendingPathExtension("gz")
            defer { try? FileManager.default.removeItem(at: packed) }  // Only a temporary file would stay.
            return Array(try Data(contentsOf: packed))
        }

        @Test func `interim answers and trailers do not reach the headers`() async throws {
            let server = TestServer.answering { _, connection in
                connection.write("HTTP/1.1 103 Early\r\nX-Early: 1\r\n\r\n")
                connection.write("HTTP/1.1 200 OK\r\nX-Late: 2\r\nTransfer-Encoding: chunked\r\n\r\n")
                connection.write("1\r\nx\r\n0\r\nX-Trailer: 3\r\n\r\n")
            }
            defer { server.stop() }
            try await withTransport { transport in
                let response = try await transport.send(HTTPRequest(.get, server.url))
                #expect(response.headers.fields.map(\.name) == ["X-Late", "Transfer-Encoding"])
                #expect(response.body == [0x78])
            }
        }
    }
}

/// Runs a program to its end.
func run(_ program: String, _ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    if process.terminationStatus != 0 {
        throw ProgramFailure(command: "\(program) \(arguments.joined(separator: " "))")
    }
}

struct ProgramFailure: Error { let command: String }
