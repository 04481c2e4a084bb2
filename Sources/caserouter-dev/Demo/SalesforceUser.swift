import Foundation
import FoundationNetworking

/// Somebody who works in Salesforce: signed in to one org, and changing records through its REST API.
struct SalesforceUser: Sendable {
    static let version = "v58.0"
    private static let session: URLSession = {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.httpMaximumConnectionsPerHost = 32
        configuration.timeoutIntervalForRequest = 30
        return URLSession(configuration: configuration)
    }()

    /// Scheme, host and port.
    let base: String
    let token: String

    private init(base: String, token: String) {
        self.base = base
        self.token = token
    }

    /// Signs in as the integration user, or as a person by name.
    static func signIn(_ org: DemoSite.Org, of site: DemoSite, as username: String? = nil) async throws
        -> SalesforceUser
    {
        let base = "http://127.0.0.1:\(org.port)"
        var form = ["client_id": DemoSite.clientID, "client_secret": site.clientSecret]
        if let username {
            form["grant_type"] = "password"
            form["username"] = username
            form["password"] = site.password + DemoSite.securityToken
        } else {
            form["grant_type"] = "client_credentials"
        }
        let body = form.map { "\($0.key)=\(escaped($0.value))" }.joined(separator: "&")
        let answer = try await call(
            "POST", base + "/services/oauth2/token", Data(body.utf8), type: "application/x-www-form-urlencoded")
        struct Grant: Decodable { let access_token: String }
        return SalesforceUser(base: base, token: try JSONDecoder().decode(Grant.self, from: answer).access_token)
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
        _ = try await Self.call("POST", base + "/control/merge", body, type: "application/json")
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
        return try await Self.call(
            method, "\(base)/services/data/\(Self.version)/\(path)", body, type: "application/json", token: token)
    }

    private static func call(
        _ method: String, _ address: String, _ body: Data?, type: String, token: String? = nil
    ) async throws -> Data {
        guard let url = URL(string: address) else { throw RunFailure("\(address) is no address") }
        var request = URLRequest(url: url)
        request.httpMethod = method
        request.httpBody = body
        if body != nil { request.setValue(type, forHTTPHeaderField: "Content-Type") }
        if let token { request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization") }
        let (data, response) = try await session.data(for: request)
        guard let response = response as? HTTPURLResponse, (200..<300).contains(response.statusCode) else {
            let status = (response as? HTTPURLResponse)?.statusCode ?? 0
            throw RunFailure(
                "\(method) \(url.path) answered \(status): \(String(decoding: data.prefix(300), as: UTF8.self))")
        }
        return data
    }

    private static func escaped(_ text: String) -> String {
        let plain = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
        return text.addingPercentEncoding(withAllowedCharacters: plain) ?? text
    }
}
