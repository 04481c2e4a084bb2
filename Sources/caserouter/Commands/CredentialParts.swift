import Foundation
import Operations
import Postgres

/// Which parts a credential has, and how they are entered.
struct CredentialParts: Sendable {
    private let kind: String
    private let name: String

    init(target: String) throws {
        let parts = target.split(separator: ":", maxSplits: 1)
        guard parts.count == 2, parts[0] == "org" || parts[0] == "cic" else {
            throw Misconfigured("the target has to be org:NAME or cic:NAME")
        }
        kind = String(parts[0])
        name = String(parts[1])
    }

    private static let names: [String: [String]] = [
        "org": ["client_id", "client_secret", "username", "password", "security_token", "private_key"],
        "cic": ["user", "password"],
    ]
    private static let shown: Set<String> = ["client_id", "username", "user"]

    /// The target has to be set up: a secret that nobody uses is a secret too many.
    func checkTarget(_ database: PostgresDatabase) async throws {
        let table = kind == "org" ? "orgs" : "cic_servers"
        let rows = try await database.query(
            "SELECT name FROM caserouter.\(table) WHERE removed_at IS NULL ORDER BY name")
        let known = try rows.map { row throws(PostgresError) in try row.text(0) }
        guard known.contains(name) else {
            throw Refusal.unknown("target", "\(kind):\(name)", among: known.map { "\(kind):\($0)" })
        }
    }

    /// One JSON object of strings from standard input.
    func read() throws -> [UInt8] {
        let data = FileHandle.standardInput.readDataToEndOfFile()
        guard data.count <= 64 * 1024, let parts = try? JSONDecoder().decode([String: String].self, from: data) else {
            // The decoder's error may quote the secret.
            throw Misconfigured("standard input has to be one JSON object whose values are strings")
        }
        return try encode(parts)
    }

    /// Part by part on the terminal; secrets without an echo. An empty answer leaves a part out.
    func ask() throws -> [UInt8] {
        var parts: [String: String] = [:]
        for name in Self.names[kind] ?? [] {
            if Self.shown.contains(name) {
                FileHandle.standardError.write(Data("\(name): ".utf8))
                if let line = readLine(), !line.isEmpty { parts[name] = line }
            } else if let text = getpass("\(name) (not shown): "), text.pointee != 0 {
                parts[name] = String(cString: text)
            }
        }
        return try encode(parts)
    }

    private func encode(_ parts: [String: String]) throws -> [UInt8] {
        let names = Self.names[kind] ?? []
        if let stray = parts.keys.sorted().first(where: { !names.contains($0) }) {
            throw Misconfigured("\(stray) is no part of \(kind):\(name); known are \(names.joined(separator: ", "))")
        }
        let isComplete = kind == "org" ? parts["client_id"] != nil : parts["user"] != nil && parts["password"] != nil
        guard isComplete else {
            throw Misconfigured("\(kind == "org" ? "client_id" : "user and password") must not be missing")
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return Array(try encoder.encode(parts))
    }
}
