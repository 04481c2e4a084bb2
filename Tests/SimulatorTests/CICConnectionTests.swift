import Foundation
import Simulators
import TestSupport
import Testing

@Suite(.serialized) struct CICConnectionTests {
    @Test func `ids and token come in the headers and in the body`() async throws {
        try await CICTestSite.run { site in
            let answer = try await site.connect()
            #expect(answer.status == 201)
            #expect(answer.headers["content-type"] == "application/vnd.inin.icws+JSON; charset=utf-8")
            #expect(answer.json["sessionId"] as? String == answer.headers["inin-icws-session-id"])
            #expect(answer.json["csrfToken"] as? String == answer.headers["inin-icws-csrf-token"])
            #expect(answer.json["alternateHostList"] as? [String] == ["127.0.0.2"])
            #expect(answer.json["icServer"] as? String == "CIC1")
        }
    }

    @Test func `the backup host sends to the other one on the same port`() async throws {
        try await CICTestSite.run { site in
            #expect(site.ports[0] == site.ports[1])
            let answer = try await site.connect(to: site.backup)
            #expect(answer.status == 503)
            #expect(answer.json["alternateHostList"] as? [String] == ["127.0.0.1"])
        }
    }

    @Test(arguments: [("password", "wrong"), ("userID", "nobody"), ("__type", "urn:inin.com:nothing")])
    func `what does not log in is answered 400`(key: String, value: String) async throws {
        try await CICTestSite.run { site in
            var body = CICTestSite.credentials
            body[key] = value
            let answer = try await site.connect(to: nil, body)
            #expect(answer.status == 400)
            #expect(answer.json["errorId"] != nil && answer.json["message"] != nil)
            body[key] = nil
            #expect(try await site.connect(to: nil, body).json["propertyName"] as? String == key)
        }
    }

    @Test func `a login without a language is answered 400`() async throws {
        try await CICTestSite.run { site in
            // By hand, because the library adds the header.
            let body = try JSONSerialization.data(withJSONObject: CICTestSite.credentials)
            let answer = try await RawHTTP.exchange(
                port: site.ports[0], "POST", "/icws/connection", headers: ["Connection": "close"], body: body)
            #expect(answer.hasPrefix("HTTP/1.1 400"))
            #expect(answer.contains("Accept-Language"))
        }
    }

    @Test func `token and cookie are both needed, the token not for reading messages`() async throws {
        try await CICTestSite.run { site in
            let session = try await site.session()
            let cookie = ["Cookie": session.headers["Cookie"] ?? ""]
            let token = ["ININ-ICWS-CSRF-Token": session.headers["ININ-ICWS-CSRF-Token"] ?? ""]
            let url = session.root + "/connection"
            #expect(try await site.send("GET", url, headers: session.headers).status == 200)
            let refused = try await site.send("GET", url, headers: cookie)
            #expect(refused.status == 401)
            #expect(refused.headers["www-authenticate"]?.hasPrefix("ICWS realm=") == true)
            #expect(try await site.send("GET", url, headers: token).status == 401)
            let messages = session.root + "/messaging/messages"
            #expect(try await site.send("GET", messages, headers: cookie).status == 200)
            #expect(try await site.send("GET", messages, headers: token).status == 401)
            let other = try await site.session()
            let mixed = ["Cookie": other.headers["Cookie"] ?? ""].merging(token) { $1 }
            #expect(try await site.send("GET", url, headers: mixed).status == 401)
        }
    }

    @Test func `several sessions of one user live side by side until each logs out`() async throws {
        try await CICTestSite.run { site in
            let (first, second) = (try await site.session(), try await site.session())
            #expect(first.id != second.id)
            #expect(try await first.call("DELETE", "/connection").status == 200)
            #expect(try await first.call("GET", "/messaging/messages").status == 401)
            let state = try await first.call("GET", "/connection")
            #expect(state.json["connectionState"] as? Int == 2)
            #expect(try await second.call("GET", "/connection").json["connectionState"] as? Int == 1)
            #expect(try site.ledger("session").map { $0["event"] as? String } == ["opened", "opened", "logged out"])
        }
    }

    @Test func `a session that nobody uses expires, one that is read does not`() async throws {
        try await CICTestSite.run(CICTestSite.configuration { $0.idleSeconds = 12 }) { site in
            let (idle, read) = (try await site.session(), try await site.session())
            try await eventually("the idle session is gone") {
                _ = try await read.poll()
                return try site.ledger("session").contains { $0["event"] as? String == "expired" }
            }
            #expect(try await idle.call("GET", "/messaging/messages").status == 401)
            #expect(try await read.call("POST", "/messaging/heartbeat").status == 200)
        }
    }

    @Test func `discovery needs no session and follows the configured features`() async throws {
        try await CICTestSite.run(CICTestSite.configuration { $0.features["connection"] = 10 }) { site in
            let version = try await site.send("GET", site.server + "/icws/connection/version").json
            #expect(version.values.allSatisfy { $0 is String } && version["majorVersion"] != nil)
            let feature = try await site.send("GET", site.server + "/icws/connection/features/messaging").json
            #expect(feature["version"] as? Int == 2)
            #expect(try await site.send("GET", site.server + "/icws/connection/features/none").status == 400)
            let session = try await site.session()
            #expect(try await session.call("GET", "/connection/switchover-status").status == 404)
            try await site.control("configuration", ["features": ["connection": 11, "messaging": 2]])
            let status = try await session.call("GET", "/connection/switchover-status").json
            #expect(status["primaryHost"] as? String == "127.0.0.1")
            #expect(status["backupHost"] as? String == "127.0.0.2")
        }
    }

    @Test func `a token turns into a session once`() async throws {
        try await CICTestSite.run { site in
            let session = try await site.session()
            let seed = UUID().uuidString
            let token = try await session.call("POST", "/connection/unique-auth-token", ["authTokenSeed": seed]).json
            let body: [String: Any] = [
                "__type": "urn:inin.com:connection:authTokenConnectionRequestSettings", "applicationName": "test",
                "authTokenSeed": seed, "authToken": token["authToken"] ?? "", "authTokenSourceSession": session.id,
            ]
            #expect(try await site.connect(to: nil, body).status == 201)
            #expect(try await site.connect(to: nil, body).status == 400)
        }
    }

    @Test func `HTTPS is served with a throw-away authority for both addresses`() async throws {
        let authority = try ThrowawayCA()
        let file = NSTemporaryDirectory() + "ca-\(UUID().uuidString).pem"
        try authority.writeCertificate(to: file)
        try await CICTestSite.run(authority: authority) { site in
            for url in [site.server, site.backup] {
                let output = try await CICPython.run(
                    "-c", "import requests,sys; print(requests.get(sys.argv[1], verify=sys.argv[2]).status_code)",
                    url + "/icws/connection/version", file)
                #expect(output.contains("200"))
            }
        }
    }

    @Test func `the site ends at once although a stream is open`() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            let ended = ContinuousClock.now + .seconds(5)
            let (requests, request) = AsyncStream.makeStream(of: (Int, String, [String: String]).self)
            group.addTask {
                for await (port, path, headers) in requests {
                    let stream = try await RawHTTP.exchange(port: port, "GET", path, headers: headers)
                    #expect(stream.contains("text/event-stream") && stream.contains(":ping"))
                }
            }
            try await CICTestSite.run { site in
                let session = try await site.session()
                let headers = session.headers.merging(["Accept": "text/event-stream"]) { $1 }
                request.yield((site.ports[0], "/icws/\(session.id)/messaging/messages", headers))
                try await eventually("the stream is open") {
                    let state = try await site.control("state", method: "GET").json
                    return (state["sessions"] as? [[String: Any]])?.first?["stream"] as? Bool == true
                }
            }
            request.finish()
            try await group.waitForAll()
            #expect(ContinuousClock.now < ended)
        }
    }
}
