import Foundation
import FoundationNetworking
import Synchronization

/// Somebody who works in Salesforce: signed in to one org, and changing records through its REST API.
struct SalesforceUser: Sendable {
    static let version = "v58.0"
    private static let session: URLSession = {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.httpMaximumConnectionsPerHost = 32
        configuration.timeoutIntervalForRequest = 30
        return URLSession(configuration: configuration)
    }()

    /// What one signs in with, and the token that came of it: a token may be revoked, and then another is asked for.
    private final class Account: Sendable {
        let base: String
        let form: String
        private let token = Mutex("")

        init(base: String, form: String) {
            self.base = base
            self.form = form
        }

        var current: String { token.withLock { $0 } }

        func signIn() async throws {
            struct Grant: Decodable { let access_token: String }
            var failures = 0
            var reply: (answer: Data, status: Int)?
            while reply == nil {
                do {
                    reply = try await SalesforceUser.send(
                        "POST", base + "/services/oauth2/token", Data(form.utf8),
                        type: "application/x-www-form-urlencoded")
                } catch {
                    // Answers may be lost on purpose.
                    failures += 1
                    guard failures < 10, !Task.isCancelled else { throw error }
                    try await Task.sleep(for: .milliseconds(200))
                }
            }
            guard let (answer, status) = reply else { return }
            try SalesforceUser.accept(answer, status, "sign in")
            let fresh = try JSONDecoder().decode(Grant.self, from: answer).access_token
            token.withLock { $0 = fresh }
        }
    }

    private let account: Account

    /// Scheme, host and port.
    var base: String { account.base }
    var token: String { account.current }

    /// Signs in as the integration user, or as a person by name.
    static func signIn(_ org: DemoSite.Org, of site: DemoSite, as username: String? = nil) async throws
        -> SalesforceUser
    {
        var form = ["client_id": DemoSite.clientID, "client_secret": site.clientSecret]
        if let username {
            form["grant_type"] = "password"
            form["username"] = username
            form["password"] = site.password + DemoSite.securityToken
        } else {
            form["grant_type"] = "client_credentials"
        }
        let account = Account(
            base: "http://127.0.0.1:\(org.port)",
            form: form.map { "\($0.key)=\(escaped($0.value))" }.joined(separator: "&"))
        try await account.signIn()
        return SalesforceUser(account: account)
    }

    /// Creates a record and returns its id.
    func create(_ object: String, _ fields: [String: String], flags: [String: Bool] = [:]) async throws -> String {
        let answer = try await call("POST", "sobjects/\(object)", fields, flags)
        struct Created: Decodable { let id: String }
        return try JSONDecoder().decode(Created.self, from: answer).id
    }

    func update(_ object: String, _ id: String, _ fields: [String: String]) async throws {
        _ = try await call("PATCH", "sobjects/\(object)/\(id)", fields)
    }

    func delete(_ object: String, _ id: String) async throws {
        _ = try await call("DELETE", "sobjects/\(object)/\(id)")
    }

    /// One text field of every record that a query finds, by another.
    func texts(_ field: String, by key: String, where condition: String, of object: String) async throws -> [String:
        String]
    {
        struct Found: Decodable { let records: [[String: Text]] }
        /// A text, or anything else, which is of no interest here.
        struct Text: Decodable {
            let text: String?

            init(from decoder: any Decoder) throws {
                // Every record also has an object, its attributes.
                text = try? decoder.singleValueContainer().decode(String.self)
            }
        }
        let query = "SELECT \(field), \(key) FROM \(object) WHERE \(condition)"
        let answer = try await call("GET", "query?q=\(Self.escaped(query))")
        var texts: [String: String] = [:]
        for record in try JSONDecoder().decode(Found.self, from: answer).records {
            if let name = record[key]?.text, let value = record[field]?.text { texts[name] = value }
        }
        return texts
    }

    /// Merges a case into another. Salesforce offers this to people and to its SOAP API; the simulator to its control API.
    func merge(_ loser: String, into master: String) async throws {
        let body = try JSONSerialization.data(withJSONObject: ["master": master, "losers": [loser]])
        let (answer, status) = try await Self.send(
            "POST", account.base + "/control/merge", body, type: "application/json")
        try Self.accept(answer, status, "merge")
    }

    /// Takes a case out of the recycle bin, which REST does not offer either.
    func undelete(_ id: String) async throws {
        let body = try JSONSerialization.data(withJSONObject: ["id": id])
        let (answer, status) = try await Self.send(
            "POST", account.base + "/control/undelete", body, type: "application/json")
        try Self.accept(answer, status, "undelete")
    }

    private func call(
        _ method: String, _ path: String, _ fields: [String: String]? = nil, _ flags: [String: Bool] = [:]
    ) async throws -> Data {
        var body: Data?
        if let fields {
            var values: [String: Any] = fields
            for (name, flag) in flags { values[name] = flag }
            body = try JSONSerialization.data(withJSONObject: values)
        }
        let address = "\(account.base)/services/data/\(Self.version)/\(path)"
        var (answer, status) = try await Self.send(
            method, address, body, type: "application/json", token: account.current)
        if status == 401 {
            try await account.signIn()
            (answer, status) = try await Self.send(
                method, address, body, type: "application/json", token: account.current)
        }
        try Self.accept(answer, status, "\(method) \(path)")
        return answer
    }

    private static func send(
        _ method: String, _ address: String, _ body: Data?, type: String, token: String? = nil
    ) async throws -> (Data, Int) {
        guard let url = URL(string: address) else { throw RunFailure("\(address) is no address") }
        var request = URLRequest(url: url)
        request.httpMethod = method
        request.httpBody = body
        if body != nil { request.setValue(type, forHTTPHeaderField: "Content-Type") }
        // People use a browser, and no request of the org's daily ones.
        request.setValue("client=browser", forHTTPHeaderField: "Sforce-Call-Options")
        if let token { request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization") }
        let (data, response) = try await session.data(for: request)
        return (data, (response as? HTTPURLResponse)?.statusCode ?? 0)
    }

    private static func accept(_ answer: Data, _ status: Int, _ what: String) throws {
        guard (200..<300).contains(status) else {
            throw RunFailure("\(what) answered \(status): \(String(decoding: answer.prefix(300), as: UTF8.self))")
        }
    }

    private static func escaped(_ text: String) -> String {
        let plain = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
        return text.addingPercentEncoding(withAllowedCharacters: plain) ?? text
    }
}

/// What people do about a case besides changing it.
extension SalesforceUser {
    func comment(on id: String) async throws -> String {
        try await create("CaseComment", ["ParentId": id, "CommentBody": "Any news?"], flags: ["IsPublished": true])
    }

    /// Status 0 is *New*, 3 is *Sent*.
    func email(about id: String, incoming: Bool) async throws {
        _ = try await create(
            "EmailMessage", ["ParentId": id, "Subject": "About my case", "Status": incoming ? "0" : "3"],
            flags: ["Incoming": incoming])
    }
}
