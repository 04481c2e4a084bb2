import Glibc
import HTTPClient
import Polling
import Synchronization
import TestSupport
import Testing

extension HTTPClientSuite {
    @Suite struct StreamTests {
        private static let head =
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

        private static func chunk(_ text: String) -> String { "\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n" }

        private static func text(_ bytes: [UInt8]?) -> String? { bytes.map { String(decoding: $0, as: UTF8.self) } }

        @Test func `the first event is delivered while the response is open`() async throws {
            let read = Atomic(0)
            let server = TestServer { connection in
                _ = connection.request()
                connection.write(Self.head)
                for number in 0..<5 {
                    connection.write(Self.chunk("data: \(number)\n\n"))
                    // The next event is not sent before this one was read.
                    while read.load(ordering: .acquiring) <= number { usleep(500) }
                }
                connection.write("0\r\n\r\n")
            }
            defer { server.stop() }
            try await withTransport { transport in
                let stream = try await transport.stream(
                    HTTPRequest(.get, server.url, headers: ["Accept": "text/event-stream"]))
                #expect(stream.status == 200)
                #expect(stream.headers["content-type"] == "text/event-stream")
                var events: [String?] = []
                for try await chunk in stream {
                    events.append(Self.text(chunk))
                    read.add(1, ordering: .releasing)
                }
                #expect(events == (0..<5).map { "data: \($0)\n\n" })
            }
            #expect(server.requests.first?.fields["accept-encoding"] == nil)
        }

        @Test func `the head is there before the body`() async throws {
            let mayWrite = Atomic(false)
            let server = TestServer { connection in
                _ = connection.request()
                connection.write("HTTP/1.1 404 Missing\r\nContent-Length: 2\r\n\r\n")
                while !mayWrite.load(ordering: .acquiring) { usleep(500) }
                connection.write("ab")
            }
            defer { server.stop() }
            try await withTransport { transport in
                let stream = try await transport.stream(HTTPRequest(.get, server.url))
                #expect(stream.status == 404)
                mayWrite.store(true, ordering: .releasing)
                var body: [UInt8] = []
                for try await chunk in stream { body += chunk }
                #expect(body == Array("ab".utf8))
            }
        }

        @Test func `a whole stream leaves its connection for the next request`() async throws {
            let server = TestServer.answering { _, connection in
                connection.write(Self.head + Self.chunk("x") + "0\r\n\r\n")
            }
            defer { server.stop() }
            try await withTransport { transport in
                for _ in 1...10 {
                    let stream = try await transport.stream(HTTPRequest(.get, server.url))
                    var iterator = stream.makeAsyncIterator()
                    #expect(try await Self.text(iterator.next()) == "x")
                    #expect(try await iterator.next() == nil)
                    #expect(try await iterator.next() == nil)
                }
            }
            #expect(server.connections == 1)
        }

        @Test func `a server is not read from while the reader lags, and nothing is lost`() async throws {
            let total = 48 << 20
            let written = Atomic(0)
            let server = TestServer { connection in
                _ = connection.request()
                connection.write("HTTP/1.1 200 OK\r\nContent-Length: \(total)\r\n\r\n")
                let block = (0..<65536).map { UInt8(truncatingIfNeeded: $0 / 256 + $0) }
                while written.load(ordering: .relaxed) < total, connection.write(block) {
                    written.add(block.count, ordering: .relaxed)
                }
            }
            defer { server.stop() }
            try await withTransport { transport in
                let stream = try await transport.stream(
                    HTTPRequest(.get, server.url, idleTimeout: .milliseconds(300), maximumResponseBytes: 256 << 10))
                var iterator = stream.makeAsyncIterator()
                var received = try await iterator.next()?.count ?? 0
                // Until the sockets' buffers are full: then what is written stands still, longer than the idle time-out.
                var before = -1
                while before != written.load(ordering: .relaxed) {
                    before = written.load(ordering: .relaxed)
                    try await Task.sleep(for: .milliseconds(500))
                }
                #expect(before < 24 << 20)
                while let chunk = try await iterator.next() {
                    // The byte at every place is known.
                    let expected = UInt8(truncatingIfNeeded: (received % 65536) / 256 + received % 65536)
                    if chunk[0] != expected { Issue.record("wrong byte at \(received)") }
                    received += chunk.count
                }
                #expect(received == total)
            }
        }

        @Test func `closing a stream ends the exchange and closes the connection`() async throws {
            let server = TestServer { connection in
                _ = connection.request()
                connection.write(Self.head + Self.chunk("x"))
                connection.waitForEnd()
            }
            defer { server.stop() }
            let url = server.url
            try await withTransport { transport in
                let stream = try await transport.stream(HTTPRequest(.get, url))
                var iterator = stream.makeAsyncIterator()
                #expect(try await Self.text(iterator.next()) == "x")
                let reader = Task { () -> HTTPError? in
                    do throws(HTTPError) {
                        for try await _ in stream {}
                        return nil
                    } catch { return error }
                }
                try await Task.sleep(for: .milliseconds(50))
                await stream.close()
                #expect(await reader.value?.kind == .closed)
                #expect(try await iterator.next() == nil)
                try await eventually("the connection stays open") { server.openConnections == 0 }
            }
        }

        @Test func `cancelling the reader ends the exchange at once`() async throws {
            let isOpen = Atomic(false)
            let server = TestServer { connection in
                _ = connection.request()
                connection.write(Self.head)
                usleep(20_000)
                isOpen.store(true, ordering: .releasing)
                connection.waitForEnd()
            }
            defer { server.stop() }
            let url = server.url
            try await withTransport { transport in
                let failure = try await Caller(transport).cancelledRead(HTTPRequest(.get, url)) {
                    isOpen.load(ordering: .acquiring)
                }
                #expect(failure.error.kind == .cancelled)
                #expect(failure.taken < .milliseconds(200))
                try await eventually("the connection stays open") { server.openConnections == 0 }
            }
        }

        @Test func `dropping a stream ends the exchange`() async throws {
            let server = TestServer { connection in
                _ = connection.request()
                connection.write(Self.head)
                connection.waitForEnd()
            }
            defer { server.stop() }
            try await withTransport { transport in
                _ = try await transport.stream(HTTPRequest(.get, server.url))
                try await eventually("the connection stays open") { server.openConnections == 0 }
            }
        }

        @Test func `a stream that breaks gives what came and then the error`() async throws {
            let server = TestServer { connection in
                _ = connection.request()
                connection.write(Self.head + Self.chunk("x"))
                usleep(20_000)
            }
            defer { server.stop() }
            try await withTransport { transport in
                let stream = try await transport.stream(HTTPRequest(.get, server.url))
                var iterator = stream.makeAsyncIterator()
                try await eventually("the server does not end") { server.openConnections == 0 }
                #expect(try await Self.text(iterator.next()) == "x")
                await #expect { _ = try await iterator.next() } throws: { ($0 as? HTTPError)?.kind == .connectionLost }
                #expect(try await iterator.next() == nil)
            }
        }

        @Test func `the deadline covers the head and the idle time-out what follows`() async throws {
            let server = TestServer { connection in
                let request = connection.request()
                if request?.path == "/mute" { return connection.waitForEnd() }
                connection.write(Self.head)
                for _ in 1...5 {
                    usleep(60_000)
                    connection.write(Self.chunk(":ping\n\n"))
                }
                connection.waitForEnd()
            }
            defer { server.stop() }
            try await withTransport { transport in
                let muted = await #expect(throws: HTTPError.self) {
                    _ = try await transport.stream(
                        HTTPRequest(.get, server.url + "/mute", deadline: .milliseconds(100)))
                }
                #expect(muted?.kind == .deadline)
                let start = MonotonicTime.now
                let stream = try await transport.stream(
                    HTTPRequest(.get, server.url, deadline: .milliseconds(150), idleTimeout: .milliseconds(400)))
                var pings = 0
                do throws(HTTPError) {
                    for try await _ in stream { pings += 1 }
                    Issue.record("a silent stream ended well")
                } catch { #expect(error.kind == .idle) }
                #expect(pings == 5)
                #expect(MonotonicTime.now - start >= .milliseconds(650))
            }
        }

        @Test func `streams and requests share one thread`() async throws {
            let server = TestServer { connection in
                while let request = connection.request() {
                    if request.path == "/" {
                        connection.answer()
                    } else {
                        connection.write(Self.head + Self.chunk("x"))
                        return connection.waitForEnd()
                    }
                }
            }
            defer { server.stop() }
            try await withTransport { transport in
                var streams: [HTTPStream] = []
                for _ in 0..<100 {
                    streams.append(try await transport.stream(HTTPRequest(.get, server.url + "/events")))
                }
                for stream in streams {
                    var iterator = stream.makeAsyncIterator()
                    #expect(try await Self.text(iterator.next()) == "x")
                    #expect(try await transport.send(HTTPRequest(.post, server.url + "/")).status == 200)
                }
            }
            try await eventually("a stream outlives its transport") { server.openConnections == 0 }
        }
    }
}
