import Crypto
import Foundation
import Testing
import X509
import _CryptoExtras

@testable import Simulators

@Suite struct SalesforceOAuthTests {
    @Test func `the token answer names the instance, the user and a signature that can be checked`() async throws {
        try await SalesforceTestOrg.run { org in
            let answer = try await org.form(
                "/services/oauth2/token", "grant_type=client_credentials",
                headers: ["Authorization": "Basic " + Data("case-router:secret".utf8).base64EncodedString()])
            #expect(answer.status == 200)
            let body = answer.json
            #expect(body["instance_url"] == .string("http://127.0.0.1:\(org.port)"))
            #expect(body["token_type"] == .string("Bearer"))
            let token = try #require(body["access_token"]?.string)
            #expect(token.hasPrefix("00Dxx0000001gPL!"))
            let id = try #require(body["id"]?.string)
            let issued = try #require(body["issued_at"]?.string)
            let expected = HMAC<SHA256>.authenticationCode(
                for: Data((id + issued).utf8), using: SymmetricKey(data: Data("secret".utf8)))
            #expect(body["signature"] == .string(Data(expected).base64EncodedString()))
            let path = try #require(URL(string: id)).path
            let identity = try await org.send("GET", path, headers: ["Authorization": "Bearer \(token)"])
            #expect(identity.json["organization_id"] == .string("00Dxx0000001gPLEAY"))
            #expect(identity.json["username"] == .string("integration@example.com"))
            #expect(try await org.rest("GET", "").json["identity"] == identity.json["id"])
        }
    }

    @Test func `what is wrong with a sign-in is told as Salesforce does`() async throws {
        try await SalesforceTestOrg.run { org in
            let app = "client_id=case-router&client_secret=secret"
            for (form, error, description) in [
                (
                    "grant_type=client_credentials&client_id=other&client_secret=secret", "invalid_client_id",
                    "client identifier invalid"
                ),
                (
                    "grant_type=client_credentials&client_id=case-router&client_secret=no", "invalid_client",
                    "invalid client credentials"
                ),
                (
                    "grant_type=password&\(app)&username=integration%40example.com&password=password", "invalid_grant",
                    "authentication failure"
                ),
                (
                    "grant_type=refresh_token&\(app)&refresh_token=none", "invalid_grant",
                    "expired access/refresh token"
                ),
                (
                    "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion=x.y.z", "invalid_grant",
                    "user hasn't approved this consumer"
                ),
                ("grant_type=magic&\(app)", "unsupported_grant_type", "grant type not supported"),
            ] {
                let answer = try await org.form("/services/oauth2/token", form)
                #expect(answer.status == 400)
                #expect(answer.json["error"] == .string(error), "\(form)")
                #expect(answer.json["error_description"] == .string(description), "\(form)")
            }
        }
    }

    @Test(arguments: [("u", "partner"), ("c", "enterprise")])
    func `a SOAP login is answered in the names of the interface that was called`(
        letter: String, interface: String
    ) async throws {
        try await SalesforceTestOrg.run { org in
            let body = """
                <e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><login \
                xmlns="urn:\(interface).soap.sforce.com"><username>integration@example.com</username>\
                <password>passwordTOKEN</password></login></e:Body></e:Envelope>
                """
            let answer = try await RawHTTP.exchange(
                port: org.port, "POST", "/services/Soap/\(letter)/62.0",
                headers: ["Content-Type": "text/xml", "SOAPAction": "login", "Connection": "close"],
                body: Data(body.utf8))
            #expect(answer.hasPrefix("HTTP/1.1 200") && answer.contains("<sessionId>"))
            #expect(answer.contains("xmlns=\"urn:\(interface).soap.sforce.com\""))
            #expect(answer.contains("/services/Soap/\(letter)/62.0/"))
        }
    }

    @Test func `a refresh token gives new access tokens until it is revoked`() async throws {
        try await SalesforceTestOrg.run { org in
            let app = "client_id=case-router&client_secret=secret"
            let first = try await org.form(
                "/services/oauth2/token",
                "grant_type=password&\(app)&username=ann%40example.com&password=passwordTOKEN")
            let refresh = try #require(first.json["refresh_token"]?.string)
            let form = "grant_type=refresh_token&\(app)&refresh_token=\(refresh)"
            let second = try await org.form("/services/oauth2/token", form)
            #expect(second.status == 200)
            #expect(second.json["access_token"] != first.json["access_token"])
            #expect(second.json["id"] == first.json["id"])
            #expect(try await org.form("/services/oauth2/revoke", "token=\(refresh)").status == 200)
            #expect(try await org.form("/services/oauth2/token", form).status == 400)
        }
    }

    @Test func `a revoked or timed out token is refused by REST`() async throws {
        try await SalesforceTestOrg.run({ $0.sessionTimeout = 60 }) { org in
            #expect(try await org.rest("GET", "/limits").status == 200)
            try await org.control("clock", #"{"offset":300}"#)
            let late = try await org.rest("GET", "/limits")
            #expect(late.status == 401)
            #expect(late.errorCode == "INVALID_SESSION_ID")
        }
    }

    @Test func `a JWT signed with the registered key signs in, and no other does`() async throws {
        let key = try _RSA.Signing.PrivateKey(keySize: .bits2048)
        let other = try _RSA.Signing.PrivateKey(keySize: .bits2048)
        let certificate = try Self.certificate(key)
        try await SalesforceTestOrg.run({ $0.orgs[0].jwtCertificatePEM = certificate }) { org in
            func answer(
                _ key: _RSA.Signing.PrivateKey, audience: String = "https://login.salesforce.com",
                subject: String = "ann@example.com", issuer: String = "case-router", life: Double = 120
            ) async throws -> SalesforceTestOrg.Answer {
                let expiry = Int(Date().timeIntervalSince1970 + life)
                let claims = #"{"iss":"\#(issuer)","sub":"\#(subject)","aud":"\#(audience)","exp":\#(expiry)}"#
                let signed = base64URL(Data(#"{"alg":"RS256"}"#.utf8)) + "." + base64URL(Data(claims.utf8))
                let signature = try key.signature(for: Data(signed.utf8), padding: .insecurePKCS1v1_5)
                return try await org.form(
                    "/services/oauth2/token",
                    "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=\(signed)."
                        + base64URL(signature.rawRepresentation))
            }
            let good = try await answer(key)
            #expect(good.status == 200, "\(good.json)")
            #expect(try await answer(key, audience: "http://127.0.0.1:\(org.port)").status == 200)
            #expect(try await answer(other).json["error_description"] == .string("invalid assertion"))
            #expect(
                try await answer(key, audience: "https://example.com").json["error_description"]
                    == .string("Audience validation failed"))
            #expect(
                try await answer(key, life: -1).json["error_description"] == .string("expired authorization code"))
            #expect(try await answer(key, life: 3600).status == 400)
            #expect(try await answer(key, issuer: "nobody").json["error"] == .string("invalid_client_id"))
            #expect(
                try await answer(key, subject: "nobody@example.com").json["error_description"]
                    == .string("user hasn't approved this consumer"))
        }
    }

    /// A self-signed certificate, as an administrator uploads it.
    static func certificate(_ key: _RSA.Signing.PrivateKey) throws -> String {
        let name = try DistinguishedName { CommonName("integration") }
        let signer = Certificate.PrivateKey(key)
        return try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: signer.publicKey,
            notValidBefore: Date().addingTimeInterval(-60), notValidAfter: Date().addingTimeInterval(3600),
            issuer: name, subject: name, signatureAlgorithm: .sha256WithRSAEncryption,
            extensions: Certificate.Extensions(), issuerPrivateKey: signer
        ).serializeAsPEM().pemString
    }

    private func base64URL(_ data: Data) -> String {
        data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
