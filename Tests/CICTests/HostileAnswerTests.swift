import CaseRouting
import HTTPClient
import Synchronization
import TestSupport
import Testing

@testable import CIC

extension SiteTests {
    /// Servers that answer what no CIC would.
    @Suite(.timeLimit(.minutes(2)))
    struct HostileAnswerTests {
        private static let login = Array(
            #"{"sessionId":"1 ../x","csrfToken":"t","unknown":{"a":[1]},"features":[]}"#.utf8)

        /// Logs in, has no messages, and answers `body` to everything else.
        private func withAnswer(
            status: Int = 200, _ body: [UInt8], _ test: @escaping @Sendable (CICServer) async throws -> Void
        ) async throws {
            let server = try ScriptedServer { method, path in
                if path.hasPrefix("/icws/connection") { return (201, "", Self.login) }
                if path.hasSuffix("/messages") { return (200, "", Array("[]".utf8)) }
                return (status, "", body)
            }
            defer { server.stop() }
            let site = TestSite(ports: [server.port], ledgerPath: "", transport: HTTPTransport(on: TestSite.loop))
            try await site.withServer { try await test($0) }
            await site.transport.close()
        }

        @Test(arguments: [
            "", "{", "[]", "null", "{}", #"{"interactionId":5}"#, #"{"interactionId":""}"#, "\u{0}\u{0}",
            #"{"interactionId":"1","interactionId":"2"}"#, #"{"attributes":[]}"#, String(repeating: "[", count: 100),
        ])
        func `an answer that cannot be read leaves a creation unknown and a reading to be repeated`(
            _ text: String
        ) async throws {
            try await withAnswer(Array(text.utf8)) { server in
                let created = await failure { () throws(RoutingFailure) in
                    try await server.create(newAttempt(), attributes())
                }
                #expect(created?.kind == .unknown && created?.cause == .cicUnexpectedAnswer)
                let read = await failure { () throws(RoutingFailure) in
                    try await server.read(InteractionID("1"), newAttempt())
                }
                #expect(read?.kind == .transient && read?.cause == .cicUnexpectedAnswer)
            }
        }

        @Test func `an answer larger than allowed is not kept`() async throws {
            try await withAnswer([UInt8](repeating: UInt8(ascii: " "), count: 3 << 20)) { server in
                let created = await failure { () throws(RoutingFailure) in
                    try await server.create(newAttempt(), attributes())
                }
                #expect(created?.kind == .unknown && created?.cause == .cicUnexpectedAnswer)
            }
        }

        @Test func `what is kept of a refusal is short and without the password`() async throws {
            let text = "secret\u{7}" + String(repeating: "x", count: 20_000)
            try await withAnswer(status: 403, Array(text.utf8)) { server in
                let created = await failure { () throws(RoutingFailure) in
                    try await server.create(newAttempt(), attributes())
                }
                #expect(created?.kind == .configuration && created?.cause == .cicForbidden)
                let body = created?.response?.body ?? ""
                #expect(body.utf8.count == 8 * 1024 && body.hasPrefix("… xxx") && !body.contains("secret"))
            }
        }

        @Test func `ids of any text stay within their part of the path`() async throws {
            let paths = Mutex<[String]>([])
            let server = try ScriptedServer { method, path in
                paths.withLock { $0.append("\(method) \(path)") }
                if path.hasPrefix("/icws/connection") { return (201, "", Self.login) }
                return path.hasSuffix("/messages") ? (200, "", Array("[]".utf8)) : (404, "", [])
            }
            defer { server.stop() }
            let site = TestSite(ports: [server.port], ledgerPath: "", transport: HTTPTransport(on: TestSite.loop))
            try await site.withServer { server in
                for id in ["../../x", "a/b?c#d", "ü\r\nX: y", "%2e", ".."] {
                    let reading = try await server.read(InteractionID(id), newAttempt())
                    #expect(reading == .gone)
                }
            }
            await site.transport.close()
            let reads = paths.withLock { $0 }.filter { $0.contains("interactions/") }
            #expect(reads.count == 5)
            #expect(
                reads.allSatisfy {
                    $0.hasPrefix("GET /icws/1%20..%2Fx/interactions/") && $0.filter { $0 == "/" }.count == 4
                })
        }

        @Test(arguments: ["{", "[{\"__type\":5}]x", "\u{FF}"])
        func `messages that cannot be read end the session, and another one is opened`(_ text: String) async throws {
            let logins = Atomic(0)
            let server = try ScriptedServer { method, path in
                if path.hasPrefix("/icws/connection") {
                    logins.add(1, ordering: .relaxed)
                    return (201, "", Self.login)
                }
                return (200, "", path.hasSuffix("/messages") ? Array(text.utf8) : [])
            }
            defer { server.stop() }
            let site = TestSite(ports: [server.port], ledgerPath: "", transport: HTTPTransport(on: TestSite.loop))
            try await site.withServer { _ in
                try await eventually("logged in again") { logins.load(ordering: .relaxed) >= 2 }
            }
            await site.transport.close()
        }

        @Test(arguments: [
            "", "x", "{}", #"{"sessionId":"1"}"#, #"{"sessionId":"1","csrfToken":"a\r\nb"}"#, #"{"sessionId":[]}"#,
        ])
        func `a login that names no session is none`(_ body: String) async throws {
            let server = try ScriptedServer { _, _ in (201, "", Array(body.utf8)) }
            defer { server.stop() }
            let site = TestSite(ports: [server.port], ledgerPath: "", transport: HTTPTransport(on: TestSite.loop))
            try await site.withServer(isOpen: false) { server in
                try await eventually("refused") { await server.unavailability?.cause == .cicUnexpectedAnswer }
            }
            await site.transport.close()
        }
    }
}
