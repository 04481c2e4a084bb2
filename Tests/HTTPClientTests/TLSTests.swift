import Foundation
import HTTPClient
import TestSupport
import Testing

extension HTTPClientSuite {
    /// Against OpenSSL's own server, with certificates made for the test.
    @Suite struct TLSTests {
        private func get(_ server: TLSServer, _ trust: HTTPTransport.Trust, host: String = "localhost") async throws
            -> Int
        {
            try await withTransport(.init(trust: trust)) { transport in
                try await transport.send(HTTPRequest(.get, "https://\(host):\(server.port)/")).status
            }
        }

        private func error(
            _ server: TLSServer, _ trust: HTTPTransport.Trust, host: String = "localhost"
        ) async throws -> HTTPError {
            try await withTransport(.init(trust: trust)) { transport in
                try await failure(transport, HTTPRequest(.post, "https://\(host):\(server.port)/"))
            }
        }

        @Test func `a certificate of a trusted authority is accepted`() async throws {
            let certificates = try Certificates()
            let server = try await TLSServer(certificates, "good")
            #expect(try await get(server, .file(certificates.authority)) == 200)
            #expect(try await get(server, .systemAndFile(certificates.authority)) == 200)
        }

        @Test func `another authority's certificate is refused and nothing was sent`() async throws {
            let certificates = try Certificates()
            let server = try await TLSServer(certificates, "good")
            let other = try Certificates()
            for trust in [HTTPTransport.Trust.system, .file(other.authority), .systemAndFile(other.authority)] {
                let error = try await error(server, trust)
                #expect(error.kind == .tls)
                #expect(error.code == 60)
                #expect(!error.mayHaveBeenSent)
            }
        }

        @Test func `an authority's file that is missing trusts nobody`() async throws {
            let server = try await TLSServer(try Certificates(), "good")
            let error = try await error(server, .file("/nonexistent/ca.pem"))
            #expect(error.kind == .tls && !error.mayHaveBeenSent)
        }

        @Test func `a certificate for another name is refused`() async throws {
            let certificates = try Certificates()
            let server = try await TLSServer(certificates, "good")
            // It is for localhost alone.
            let error = try await error(server, .file(certificates.authority), host: "127.0.0.1")
            #expect(error.kind == .tls && !error.mayHaveBeenSent)
        }

        @Test func `an expired certificate is refused`() async throws {
            let certificates = try Certificates()
            let server = try await TLSServer(certificates, "expired")
            let error = try await error(server, .file(certificates.authority))
            #expect(error.kind == .tls && !error.mayHaveBeenSent)
            #expect(error.detail.contains("expired"))
        }

        @Test func `TLS 1.1 is refused and 1.2 is spoken`() async throws {
            let certificates = try Certificates()
            let old = try await TLSServer(certificates, "good", "-tls1_1", "-cipher", "ALL@SECLEVEL=0")
            let error = try await error(old, .file(certificates.authority))
            #expect(error.kind == .tls && !error.mayHaveBeenSent)
            let new = try await TLSServer(certificates, "good", "-tls1_2")
            #expect(try await get(new, .file(certificates.authority)) == 200)
        }

        @Test func `a server without TLS is no secure connection`() async throws {
            let server = TestServer { connection in
                connection.write("HTTP/1.1 400 Bad\r\n\r\n")
                connection.waitForEnd()
            }
            defer { server.stop() }
            try await withTransport { transport in
                let error = try await failure(transport, HTTPRequest(.post, "https://127.0.0.1:\(server.port)/"))
                #expect(error.kind == .tls && !error.mayHaveBeenSent)
            }
        }

        @Test func `a handshake that hangs ends at the connect time-out and nothing was sent`() async throws {
            let server = TestServer { connection in connection.waitForEnd() }
            defer { server.stop() }
            try await withTransport { transport in
                let error = try await failure(
                    transport,
                    HTTPRequest(.post, "https://127.0.0.1:\(server.port)/", connectTimeout: .milliseconds(200)))
                #expect(error.kind == .cannotConnect && !error.mayHaveBeenSent)
            }
        }
    }
}

/// An authority and what it signed, in a directory of its own.
final class Certificates: Sendable {
    let directory: String
    var authority: String { directory + "/ca.pem" }

    init() throws {
        directory = NSTemporaryDirectory() + "http-tls-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        func path(_ name: String) -> String { directory + "/" + name }
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        try run(
            "openssl",
            ["req", "-x509"] + key + [
                "-keyout", path("ca.key"), "-out", path("ca.pem"), "-days", "2", "-subj", "/CN=Test authority",
            ])
        try "subjectAltName=DNS:localhost\n".write(toFile: path("names"), atomically: true, encoding: .utf8)
        for (name, days) in [("good", "2"), ("expired", "-1")] {
            try run(
                "openssl",
                ["req"] + key + ["-keyout", path(name + ".key"), "-out", path(name + ".csr"), "-subj", "/CN=localhost"])
            try run(
                "openssl",
                [
                    "x509", "-req", "-in", path(name + ".csr"), "-CA", path("ca.pem"), "-CAkey", path("ca.key"),
                    "-CAcreateserial", "-days", days, "-extfile", path("names"), "-out", path(name + ".pem"),
                ])
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }  // Only temporary files would stay.
}

/// `openssl s_server`, which answers every GET with a page.
final class TLSServer {
    let port: Int
    private let certificates: Certificates
    private let process = Process()

    init(_ certificates: Certificates, _ name: String, _ options: String...) async throws {
        self.certificates = certificates
        port = TestServer.unusedPort()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        let files = ["-cert", "\(certificates.directory)/\(name).pem", "-key", "\(certificates.directory)/\(name).key"]
        process.arguments = ["openssl", "s_server", "-accept", "127.0.0.1:\(port)", "-www"] + files + options
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        try await eventually("openssl s_server does not start") { TestServer.isListening(port) }
    }

    deinit {
        // Not `terminate`: a child of a dispatch thread inherits its blocked signals, SIGTERM among them.
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }
}
