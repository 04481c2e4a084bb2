import Foundation
import SwiftASN1
import X509
import _CryptoExtras

/// The claims of a JWT that a client signs instead of sending a secret.
struct SalesforceAssertion {
    let issuer: String
    let subject: String
    let audience: String

    /// Longest time ahead that Salesforce accepts for `exp`, in seconds, with some allowance for clocks.
    static let longestLife = 300.0 + 60

    /// Checks signature and expiry.
    static func verify(
        _ assertion: String, _ certificatePEM: String, now: Int64
    ) throws(SalesforceOAuthError) -> SalesforceAssertion {
        let refused = SalesforceOAuthError(error: "invalid_grant", description: "invalid assertion")
        let parts = assertion.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let header = json(parts[0]), header["alg"]?.string == "RS256",
            let claims = json(parts[1]), let signature = decode(parts[2])
        else { throw refused }
        let signed = Data("\(parts[0]).\(parts[1])".utf8)
        let isValid: Bool
        do {
            let key = try publicKey(certificatePEM)
            isValid = key.isValidSignature(
                _RSA.Signing.RSASignature(rawRepresentation: signature), for: signed, padding: .insecurePKCS1v1_5)
        } catch {
            throw .init(error: "server_error", description: "the org's certificate cannot be read: \(error)")
        }
        guard isValid else { throw refused }
        guard let expiry = claims["exp"]?.number ?? claims["exp"]?.string.flatMap(Double.init) else { throw refused }
        let seconds = Double(now) / 1000
        guard expiry > seconds, expiry <= seconds + longestLife else {
            throw .init(error: "invalid_grant", description: "expired authorization code")
        }
        guard let issuer = claims["iss"]?.string, let subject = claims["sub"]?.string,
            let audience = claims["aud"]?.string
        else { throw refused }
        return SalesforceAssertion(issuer: issuer, subject: subject, audience: audience)
    }

    /// The key of a certificate, or a bare public key.
    private static func publicKey(_ pem: String) throws -> _RSA.Signing.PublicKey {
        guard pem.contains("BEGIN CERTIFICATE") else { return try _RSA.Signing.PublicKey(pemRepresentation: pem) }
        let certificate = try Certificate(pemEncoded: pem)
        return try _RSA.Signing.PublicKey(pemRepresentation: certificate.publicKey.serializeAsPEM().pemString)
    }

    private static func json(_ part: Substring) -> SalesforceJSON? {
        guard let bytes = decode(part) else { return nil }
        // A part that is no JSON is a refused assertion, whatever is wrong with it.
        return try? SalesforceJSON(parsing: Array(bytes))
    }

    /// base64url without padding.
    private static func decode(_ part: Substring) -> Data? {
        var text = String(part).replacing("-", with: "+").replacing("_", with: "/")
        text += String(repeating: "=", count: (4 - text.count % 4) % 4)
        return Data(base64Encoded: text)
    }
}
