import Glibc
import HTTPClient
import Polling
import Synchronization
import TestSupport
import Testing

extension HTTPClientSuite {
    /// What a request that got no (whole) answer says, and whether its outcome is unknown.
    @Suite struct FailureTests {
        @Test func `a port on which nothing listens refuses and nothing was sent`() async throws {
            try await withTransport { transport in
                let port = TestServer.unusedPort()
                let error = try await failure(transport, HTTPRequest(.post, "http://127.0.0.1:\(port)/secret?token=x"))
                #expect(error.kind == .refused)
                #expect(error.code == 7)
                #expect(!error.mayHaveBeenSent)
                #expect(error.operation == "POST 127.0.0.1:\(port)")
                #expect(!error.description.contains("secret") && !error.description.contains("token"))
            }
        }

        @Test func `a name without an address is reported as such and nothing was sent`() async throws {
            try await withTransport { transport in
                let error = try await failure(transport, HTTPRequest(.post, "https://nowhere.invalid/"))
                #expect(error.kind == .resolve)
                #expect(!error.mayHaveBeenSent)
            }
        }

        @Test(arguments: [false, true])
        func `a connection cut after the request leaves the outcome unknown`(reset: Bool) async throws {
            let server = TestServer { connection in
                _ = connection.request()
                if reset { connection.resetOnClose() }
            }
            defer { server.stop() }
            try await withTransport { transport in
                let error = try await failure(transport, HTTPRequest(.post, server.url, body: [1, 2, 3]))
                #expect(error.kind == .connectionLost)
                #expect(error.mayHaveBeenSent)
            }
            #expect(server.requests.count == 1)
        }

        @Test func `a body cut short is no answer`() async throws {
            let server = TestServer { connection in
                _ = connection.request()
                connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            }
            defer { server.stop() }
            try await withTransport { transport in
                let error = try await failure(transport, HTTPRequest(.get, server.url))
                #expect(error.kind == .connectionLost)
                #expect(error.mayHaveBeenSent)
            }
        }

        @Test func `a hanging server fails not before the deadline and at most 250 ms after`() async throws {
            let server = TestServer { connection in
                _ = connection.request()
                connection.waitForEnd()
            }
            defer { server.stop() }
            try await withTransport { transport in
                for milliseconds in [50, 300, 1000] {
                    let deadline = Duration.milliseconds(milliseconds)
                    let failure = try await Caller(transport).failure(
                        HTTPRequest(.post, server.url, deadline: deadline))
                    #expect(failure.error.kind == .deadline)
                    #expect(failure.error.mayHaveBeenSent)
                    #expect(failure.taken >= deadline)
                    #expect(failure.taken <= deadline + .milliseconds(250))
                }
            }
            try await eventually("connections of failed requests stay open") { server.openConnections == 0 }
        }

        @Test func `a deadline while connecting is sure that nothing was sent`() async throws {
            let listener = FullListener()
            defer { listener.close() }
            let request = HTTPRequest(.post, "http://127.0.0.1:\(listener.port)/", deadline: .milliseconds(200))
            try await withTransport { transport in
                let error = try await failure(transport, request)
                #expect(error.kind == .deadline)
                #expect(!error.mayHaveBeenSent)
            }
        }

        @Test func `the connect time-out ends an attempt that does not connect`() async throws {
            let listener = FullListener()
            defer { listener.close() }
            let request = HTTPRequest(
                .post, "http://127.0.0.1:\(listener.port)/", connectTimeout: .milliseconds(200))
            try await withTransport { transport in
                let failure = try await Caller(transport).failure(request)
                #expect(failure.error.kind == .cannotConnect)
                #expect(!failure.error.mayHaveBeenSent)
                #expect(failure.taken >= .milliseconds(200) && failure.taken <= .milliseconds(450))
            }
        }

        @Test func `a deadline while waiting for a place is sure that nothing was sent`() async throws {
            let server = TestServer { connection in
                _ = connection.request()
                connection.waitForEnd()
            }
            defer { server.stop() }
            try await withTransport(.init(connectionsPerHost: 1)) { transport in
                async let first = failure(transport, HTTPRequest(.post, server.url, deadline: .seconds(2)))
                try await eventually("the first request does not arrive") { server.requests.count == 1 }
                let second = try await failure(transport, HTTPRequest(.post, server.url, deadline: .milliseconds(100)))
                #expect(second.kind == .deadline)
                #expect(!second.mayHaveBeenSent)
                #expect(try await first.mayHaveBeenSent)
            }
            #expect(server.requests.count == 1)
        }

        @Test func `a deadline that has passed already sends nothing`() async throws {
            let server = TestServer.answering { _, connection in connection.answer() }
            defer { server.stop() }
            try await withTransport { transport in
                let error = try await failure(transport, HTTPRequest(.post, server.url, deadline: .zero))
                #expect(error.kind == .deadline)
                #expect(!error.mayHaveBeenSent)
            }
            #expect(server.connections == 0)
        }

        @Test func `an answer that trickles past the deadline fails, however busy it is`() async throws {
            let server = TestServer { connection in
                _ = connection.request()
                connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
                while connection.write("x") { usleep(5000) }
            }
            defer { server.stop() }
            try await withTransport { transport in
                let failure = try await Caller(transport).failure(
                    HTTPRequest(.get, server.url, deadline: .milliseconds(400), idleTimeout: .milliseconds(200)))
                #expect(failure.error.kind == .deadline)
                #expect(failure.taken >= .milliseconds(400) && failure.taken <= .milliseconds(650))
            }
        }

        @Test func `silence ends an answer at the idle time-out and a slow one is left alone`() async throws {
            let server = TestServer { connection in
                let request = connection.request()
                connection.write("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n")
                for _ in 1...7 {
                    usleep(60_000)
                    connection.write("x")
                }
                if request?.path == "/slow" { connection.write("x") } else { connection.waitForEnd() }
            }
            defer { server.stop() }
            try await withTransport { transport in
                let idle = Duration.milliseconds(250)
                async let slow = transport.send(HTTPRequest(.get, server.url + "/slow", idleTimeout: idle))
                let failure = try await Caller(transport).failure(
                    HTTPRequest(.get, server.url + "/silent", idleTimeout: idle))
                #expect(failure.error.kind == .idle)
                #expect(failure.error.mayHaveBeenSent)
                #expect(failure.taken >= .milliseconds(420 + 250) && failure.taken < .seconds(2))
                #expect(try await slow.body.count == 8)
            }
        }

        @Test(arguments: [
            "no http at all\r\n\r\n", "\0\u{1}\u{2}\u{3}\r\n", "HTTP/1.1 abc OK\r\n\r\n", "HTTP/9.9 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nxx\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nxxxx",
        ])
        func `garbage is a bad answer`(garbage: String) async throws {
            let server = TestServer { connection in
                _ = connection.request()
                connection.write(garbage)
            }
            defer { server.stop() }
            try await withTransport { transport in
                let error = try await failure(transport, HTTPRequest(.post, server.url))
                #expect([.badResponse, .connectionLost].contains(error.kind), "\(error)")
                #expect(error.mayHaveBeenSent)
            }
        }

        @Test func `an ended transport refuses what waits and what comes`() async throws {
            let server = TestServer { connection in
                _ = connection.request()
                connection.waitForEnd()
            }
            defer { server.stop() }
            try await withTransport(.init(connectionsPerHost: 1)) { transport in
                async let sent = failure(transport, HTTPRequest(.post, server.url))
                try await eventually("the first request does not arrive") { server.requests.count == 1 }
                async let waiting = failure(transport, HTTPRequest(.post, server.url))
                try await Task.sleep(for: .milliseconds(20))
                await transport.close()
                let errors = try await (sent, waiting)
                #expect(errors.0.kind == .closed && errors.0.mayHaveBeenSent)
                #expect(errors.1.kind == .closed && !errors.1.mayHaveBeenSent)
                #expect(try await failure(transport, HTTPRequest(.post, server.url)).kind == .closed)
            }
            try await eventually("a connection stays open") { server.openConnections == 0 }
        }

        @Test func `more transfers than allowed are refused at once`() async throws {
            let server = TestServer { connection in
                _ = connection.request()
                connection.waitForEnd()
            }
            defer { server.stop() }
            try await withTransport(.init(maximumTransfers: 1)) { transport in
                async let first = failure(transport, HTTPRequest(.get, server.url, deadline: .milliseconds(500)))
                try await eventually("the first request does not arrive") { server.requests.count == 1 }
                let second = try await failure(transport, HTTPRequest(.get, server.url))
                #expect(second.kind == .busy && !second.mayHaveBeenSent)
                #expect(try await first.kind == .deadline)
            }
        }
    }
}

/// A port whose queue of connections is full: a further connection is neither taken nor refused.
struct FullListener {
    let port: Int
    private let descriptors: [Int32]

    init() {
        let listener = TestServer.listen(backlog: 0)
        port = TestServer.port(of: listener)
        var descriptors = [listener]
        for _ in 0..<4 {
            let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
            _ = TestServer.withLoopback(port) { connect(client, $0, $1) }
            descriptors.append(client)
        }
        self.descriptors = descriptors
        usleep(20_000)
    }

    func close() { for descriptor in descriptors { Glibc.close(descriptor) } }
}
