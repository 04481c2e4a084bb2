import Foundation
import HTTPClient
import Polling
import Synchronization
import TestSupport
import Testing

extension HTTPClientSuite {
    @Suite struct ConnectionTests {
        @Test func `a thousand transfers are under way at once on one thread`() async throws {
            let arrived = Mutex(0)
            var gate: [Int32] = [0, 0]
            #expect(pipe(&gate) == 0)
            let server = TestServer { [gate] connection in
                guard let request = connection.request() else { return }
                // Nobody is answered before all have arrived: the last one closes the end that the others wait for.
                if arrived.withLock({
                    $0 += 1; return $0 == 1000
                }) {
                    close(gate[1])
                }
                var byte: UInt8 = 0
                _ = read(gate[0], &byte, 1)
                connection.answer(body: String(decoding: request.body, as: UTF8.self))
            }
            defer {
                server.stop()
                close(gate[0])
            }
            let url = server.url
            let answers = try await withTransport(.init(connectionsPerHost: 1000), loop: "thousand") { transport in
                try await withThrowingTaskGroup(of: (body: String, threads: Int).self) { group in
                    for number in 0..<1000 {
                        group.addTask {
                            let response = try await transport.send(
                                HTTPRequest(.post, url, body: Array("\(number)".utf8)))
                            // A thread that libcurl starts has the name of the thread that started it.
                            let threads = number % 100 == 0 ? try countThreads(named: "thousand") : 1
                            return (String(decoding: response.body, as: UTF8.self), threads)
                        }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
            }
            #expect(Set(answers.map(\.body)) == Set((0..<1000).map(String.init)))
            #expect(answers.allSatisfy { $0.threads == 1 })
            #expect(server.connections == 1000)
        }

        @Test func `calls one after the other use one connection`() async throws {
            let server = TestServer.answering { _, connection in connection.answer(body: "x") }
            defer { server.stop() }
            try await withTransport { transport in
                for _ in 1...50 { _ = try await transport.send(HTTPRequest(.post, server.url, body: [1])) }
            }
            #expect(server.requests.count == 50)
            #expect(server.connections == 1)
        }

        @Test func `never more connections than the limit, and every request gets its turn`() async throws {
            let now = Atomic(0)
            let most = Atomic(0)
            let server = TestServer.answering { _, connection in
                most.max(now.add(1, ordering: .relaxed).newValue, ordering: .relaxed)
                usleep(1000)
                now.subtract(1, ordering: .relaxed)
                connection.answer()
            }
            defer { server.stop() }
            let url = server.url
            try await withTransport(.init(connectionsPerHost: 5)) { transport in
                try await withThrowingTaskGroup { group in
                    for _ in 0..<200 { group.addTask { _ = try await transport.send(HTTPRequest(.post, url)) } }
                    try await group.waitForAll()
                }
            }
            #expect(server.requests.count == 200)
            #expect(server.connections <= 5)
            #expect(most.load(ordering: .relaxed) == 5)
        }

        @Test func `a host that is full does not delay another`() async throws {
            let hanging = TestServer { connection in
                _ = connection.request()
                connection.waitForEnd()
            }
            let other = TestServer.answering { _, connection in connection.answer() }
            defer {
                hanging.stop()
                other.stop()
            }
            let (url, hangingURL) = (other.url, hanging.url)
            try await withTransport(.init(connectionsPerHost: 1)) { transport in
                try await withThrowingTaskGroup { group in
                    for _ in 0..<3 { group.addTask { _ = try? await transport.send(HTTPRequest(.get, hangingURL)) } }
                    try await eventually("the hanging request does not arrive") { hanging.requests.count == 1 }
                    for _ in 0..<20 {
                        _ = try await transport.send(HTTPRequest(.get, url, deadline: .seconds(2)))
                    }
                    group.cancelAll()
                    try await group.waitForAll()
                }
            }
            #expect(other.requests.count == 20)
        }

        @Test func `a connection that the server closed while idle is replaced without an error`() async throws {
            let server = TestServer { connection in
                if connection.request() != nil { connection.answer() }
            }
            defer { server.stop() }
            try await withTransport { transport in
                for count in 1...5 {
                    _ = try await transport.send(HTTPRequest(.post, server.url, body: [1]))
                    try await eventually("the server keeps its side open") { server.openConnections == 0 }
                    // Its end has left the server; nothing tells when it has reached this side.
                    try await Task.sleep(for: .milliseconds(50))
                    #expect(server.requests.count == count)
                }
            }
            #expect(server.connections == 5)
        }

        @Test func `a restarted server is found again`() async throws {
            let first = TestServer.answering { _, connection in connection.answer() }
            try await withTransport { transport in
                let request = HTTPRequest(.post, first.url)
                _ = try await transport.send(request)
                first.stop()
                try await eventually("the server does not end") { first.openConnections == 0 }
                #expect(try await failure(transport, request).kind == .refused)
                let second = TestServer(port: first.port) { connection in
                    while connection.request() != nil { connection.answer(202) }
                }
                defer { second.stop() }
                #expect(try await transport.send(request).status == 202)
            }
        }

        @Test func `a cancelled caller is resumed at once and its connection is dropped`() async throws {
            let server = TestServer { connection in
                let request = connection.request()
                if request?.path == "/answer" { connection.answer() }
                connection.waitForEnd()
            }
            defer { server.stop() }
            let url = server.url
            try await withTransport { transport in
                let failure = try await Caller(transport).cancelledSend(HTTPRequest(.post, url)) {
                    server.requests.count == 1
                }
                #expect(failure.error.kind == .cancelled)
                #expect(failure.error.mayHaveBeenSent)
                #expect(failure.taken < .milliseconds(200))
                try await eventually("the connection stays open") { server.openConnections == 0 }
                #expect(try await transport.send(HTTPRequest(.post, url + "/answer")).status == 200)
            }
            #expect(server.connections == 2)
        }

        @Test func `a request that waits for a place can be cancelled and is never sent`() async throws {
            let server = TestServer.answering { _, connection in
                usleep(200_000)
                connection.answer()
            }
            defer { server.stop() }
            let url = server.url
            try await withTransport(.init(connectionsPerHost: 1)) { transport in
                async let first = transport.send(HTTPRequest(.post, url))
                try await eventually("the first request does not arrive") { server.requests.count == 1 }
                let tasks = (0..<50).map { _ in Task { try await failure(transport, HTTPRequest(.post, url)) } }
                for task in tasks { task.cancel() }
                for task in tasks {
                    let error = try await task.value
                    #expect(error.kind == .cancelled && !error.mayHaveBeenSent)
                }
                #expect(try await first.status == 200)
                #expect(try await transport.send(HTTPRequest(.post, url)).status == 200)
            }
            #expect(server.requests.count == 2)
        }

        @Test func `many requests cancelled at any moment leave nothing behind`() async throws {
            let server = TestServer.answering { _, connection in connection.answer(body: "x") }
            defer { server.stop() }
            let url = server.url
            try await withTransport(.init(connectionsPerHost: 20)) { transport in
                try await withThrowingTaskGroup { group in
                    for number in 0..<500 {
                        group.addTask {
                            let task = Task { try await transport.send(HTTPRequest(.post, url)).status }
                            if number % 2 == 0 {
                                usleep(UInt32(number % 7) * 100)
                                task.cancel()
                            }
                            do {
                                let status = try await task.value
                                #expect(status == 200)
                            } catch let error as HTTPError {
                                #expect(error.kind == .cancelled && number % 2 == 0)
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                for _ in 1...20 { #expect(try await transport.send(HTTPRequest(.post, url)).status == 200) }
            }
        }
    }
}

/// Threads of this process with this name.
func countThreads(named name: String) throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count { id in
        // A thread may have ended since the directory was read.
        (try? String(contentsOfFile: "/proc/self/task/\(id)/comm", encoding: .utf8)) == name + "\n"
    }
}
