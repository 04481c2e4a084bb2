import CaseRouting
import Foundation
import JSON
import Simulators
import TestSupport
import Testing

@testable import CIC

extension SiteTests {
    /// Whom a session believes to be its server.
    @Suite(.timeLimit(.minutes(3)))
    struct TrustTests {
        @Test func `a server is trusted by its authority alone`() async throws {
            let authority = try ThrowawayCA()
            let file = NSTemporaryDirectory() + "cic-tests-\(UUID().uuidString).pem"
            try authority.writeCertificate(to: file)
            defer { unlink(file) }
            try await TestSite.run(authority: authority) { site in
                for (caFile, isTrusted) in [(file, true), (nil, false)] {
                    let settings = try CICServerSettings(
                        name: "cic1", hosts: ["127.0.0.1:\(site.ports[0])"], creation: .generic,
                        holdingWorkgroup: "Holding", installation: "test-installation", orgs: TestSite.orgs,
                        user: "caserouter", password: "secret", caFile: caFile)
                    try await site.withServer(settings, isOpen: isTrusted) { server in
                        if isTrusted {
                            let id = try await server.create(newAttempt(), attributes())
                            #expect(!id.description.isEmpty)
                        } else {
                            try await eventually("not trusted") {
                                await server.unavailability?.summary.contains("no secure connection") == true
                            }
                        }
                    }
                }
            }
        }

        @Test func `a certificate that is exchanged needs no restart, and neither does an authority that is added`()
            async throws
        {
            let (known, other) = (try ThrowawayCA(), try ThrowawayCA())
            let file = NSTemporaryDirectory() + "cic-tests-\(UUID().uuidString).pem"
            try known.writeCertificate(to: file)
            defer { unlink(file) }
            @Sendable func created(_ site: TestSite) throws -> Int {
                try site.ledger("interaction").count { $0["event"]?.string == "created" }
            }
            try await TestSite.run(authority: known) { before in
                try await TestSite.run(authority: known) { after in
                    try await TestSite.run(authority: other) { strange in
                        let proxy = try CuttingProxy(to: before.ports[0])
                        defer { proxy.close() }
                        let settings = try CICServerSettings(
                            name: "cic1", hosts: ["127.0.0.1:\(proxy.port)"], creation: .generic,
                            holdingWorkgroup: "Holding", installation: "test-installation", orgs: TestSite.orgs,
                            user: "caserouter", password: "secret", caFile: file)
                        try await before.withServer(settings) { server in
                            _ = try await server.create(newAttempt(), attributes())
                            proxy.retarget(to: after.ports[0])
                            // What is open stays open, with the certificate that it began with.
                            _ = try await server.create(newAttempt(), attributes())
                            #expect(try created(before) == 2 && created(after) == 0)
                            proxy.cutAll()
                            try await eventually("a session under the new certificate") {
                                try after.requests("POST", suffix: "/connection") >= 1
                            }
                            #expect(await server.isOpen(within: .seconds(120)))
                            _ = try await server.create(newAttempt(), attributes())
                            #expect(try created(before) == 2 && created(after) == 1)

                            proxy.retarget(to: strange.ports[0])
                            proxy.cutAll()
                            try await eventually("another authority's is refused") {
                                await server.unavailability?.summary.contains("no secure connection") == true
                            }
                            await #expect(throws: RoutingFailure.self) {
                                try await server.create(newAttempt(), attributes())
                            }
                            #expect(try strange.ledger("request").isEmpty)

                            // The next connection reads the file again.
                            try Data("\(known.certificatePEM)\n\(other.certificatePEM)\n".utf8)
                                .write(to: URL(fileURLWithPath: file), options: .atomic)
                            try await eventually("it is trusted now") {
                                try strange.requests("POST", suffix: "/connection") >= 1
                            }
                            #expect(await server.isOpen(within: .seconds(120)))
                            _ = try await server.create(newAttempt(), attributes())
                            #expect(try created(after) == 1 && created(strange) == 1)
                        }
                    }
                }
            }
        }
    }
}
