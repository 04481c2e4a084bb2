import Foundation
import NIOSSL
import Testing

@testable import Simulators

@Suite struct ThrowawayCATests {
    @Test func `a server certificate names the hosts it was made for and differs from its authority's`() throws {
        let authority = try ThrowawayCA()
        let identity = try authority.serverIdentity(for: ["localhost", "127.0.0.1"])
        let certificate = try #require(
            try NIOSSLCertificate.fromPEMBytes(Array(identity.certificatePEM.utf8)).first)
        let names = certificate._subjectAlternativeNames().map { Array($0.contents) }
        #expect(names.contains(Array("localhost".utf8)))
        #expect(names.contains([127, 0, 0, 1]))
        #expect(identity.certificatePEM != authority.certificatePEM)
    }

    @Test func `two authorities never share a key`() throws {
        #expect(try ThrowawayCA().certificatePEM != ThrowawayCA().certificatePEM)
    }
}
