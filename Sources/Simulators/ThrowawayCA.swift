import Crypto
import Foundation
import HummingbirdTLS
import NIOSSL
import SwiftASN1
import X509

/// A certificate authority that lives as long as one test or demo, so that simulators can be served by HTTPS.
///
/// Nothing of it is meant to be kept: the keys are made afresh, and the only file a client needs is the authority's
/// certificate (`certificatePEM`), given to it as its CA bundle. A simulator that serves HTTPS with it:
///
/// ```swift
/// let authority = try ThrowawayCA()
/// let tls = try authority.serverConfiguration(for: ["localhost", "127.0.0.1"])
/// let application = Application(responder: responder, server: try .tls(.http1(), tlsConfiguration: tls))
/// ```
public struct ThrowawayCA: Sendable {
    /// How long the certificates hold: longer than any demo, short enough to be worthless when found.
    public static let lifetime: TimeInterval = 30 * 24 * 3600

    /// A server's certificate and the key that belongs to it.
    public struct ServerIdentity: Sendable {
        public let certificatePEM: String
        public let privateKeyPEM: String
    }

    /// The authority's certificate: what a client has to trust.
    public let certificatePEM: String

    private let key: P256.Signing.PrivateKey
    private let name: DistinguishedName

    /// Makes an authority with a new key.
    public init(commonName: String = "Simulator throw-away CA") throws {
        key = P256.Signing.PrivateKey()
        // The serial in the name keeps two authorities apart in a bundle that holds both.
        name = try DistinguishedName {
            CommonName(commonName)
            OrganizationName(UUID().uuidString)
        }
        let now = Date()
        let signer = Certificate.PrivateKey(key)
        let certificate = try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: signer.publicKey,
            notValidBefore: now.addingTimeInterval(-3600),
            notValidAfter: now.addingTimeInterval(Self.lifetime),
            issuer: name,
            subject: name,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                SubjectKeyIdentifier(hash: signer.publicKey)
            },
            issuerPrivateKey: signer)
        certificatePEM = try certificate.serializeAsPEM().pemString
    }

    /// Signs a new server certificate.
    ///
    /// - Parameter hosts: names and IPv4 addresses the server is reached by; the first is also the common name.
    public func serverIdentity(for hosts: [String]) throws -> ServerIdentity {
        let serverKey = P256.Signing.PrivateKey()
        let now = Date()
        let certificate = try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: Certificate.PublicKey(serverKey.publicKey),
            notValidBefore: now.addingTimeInterval(-3600),
            notValidAfter: now.addingTimeInterval(Self.lifetime),
            issuer: name,
            subject: try DistinguishedName { CommonName(hosts.first ?? "localhost") },
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.serverAuth])
                SubjectAlternativeNames(hosts.map(Self.generalName))
                AuthorityKeyIdentifier(
                    keyIdentifier: SubjectKeyIdentifier(hash: Certificate.PublicKey(key.publicKey)).keyIdentifier)
            },
            issuerPrivateKey: Certificate.PrivateKey(key))
        return ServerIdentity(
            certificatePEM: try certificate.serializeAsPEM().pemString, privateKeyPEM: serverKey.pemRepresentation)
    }

    /// What Hummingbird's `.tls` server builder needs to serve as one of `hosts` (TLS 1.2 or later).
    public func serverConfiguration(for hosts: [String]) throws -> TLSConfiguration {
        let identity = try serverIdentity(for: hosts)
        let chain = try NIOSSLCertificate.fromPEMBytes(Array(identity.certificatePEM.utf8))
        let privateKey = try NIOSSLPrivateKey(bytes: Array(identity.privateKeyPEM.utf8), format: .pem)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(privateKey))
        configuration.minimumTLSVersion = .tlsv12
        return configuration
    }

    /// Writes the authority's certificate where clients can name it as their CA bundle.
    public func writeCertificate(to path: String) throws {
        try Data(certificatePEM.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    }

    private static func generalName(_ host: String) -> GeneralName {
        let octets = host.split(separator: ".").compactMap { UInt8($0) }
        guard octets.count == 4, host.split(separator: ".").count == 4 else { return .dnsName(host) }
        return .ipAddress(ASN1OctetString(contentBytes: octets[...]))
    }
}
