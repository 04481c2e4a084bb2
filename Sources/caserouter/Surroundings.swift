import AMQP
import ArgumentParser
import Foundation
import Logging
import Postgres
import Store

/// What describes one process's surroundings: its environment, read once.
///
/// An unknown `CASEROUTER_*` name stops the process: a misspelt setting must not be silently without effect. Values are
/// never printed, because some are secrets.
struct Surroundings {
    static let names: Set<String> = [
        "CASEROUTER_DATABASE_URL", "CASEROUTER_BROKER_URL", "CASEROUTER_BROKER_PASSWORD_FILE", "CASEROUTER_KEY_FILE",
        "CASEROUTER_CA_FILE", "CASEROUTER_CASES_IN_FLIGHT", "CASEROUTER_LISTEN", "CASEROUTER_LOG_LEVEL",
        "CASEROUTER_LOG_FORMAT", "CASEROUTER_WORKER_NAME", "CASEROUTER_INSECURE",
    ]

    private let values: [String: String]
    /// Of systemd.
    private let credentialsDirectory: String?

    init(_ environment: [String: String] = ProcessInfo.processInfo.environment) throws {
        credentialsDirectory = environment["CREDENTIALS_DIRECTORY"]
        values = environment.filter { $0.key.hasPrefix("CASEROUTER_") }
        if let stray = values.keys.sorted().first(where: { !Self.names.contains($0) }) {
            throw Misconfigured("\(stray) is not a setting; known are \(Self.names.sorted().joined(separator: ", "))")
        }
    }

    var database: PostgresAddress {
        get throws(Misconfigured) {
            let url = try required("CASEROUTER_DATABASE_URL")
            do throws(PostgresError) {
                return try PostgresAddress(url)
            } catch {
                throw Misconfigured("CASEROUTER_DATABASE_URL cannot be used: \(error.text)")
            }
        }
    }

    var broker: AMQPAddress {
        get throws(Misconfigured) {
            let url = try required("CASEROUTER_BROKER_URL")
            var address: AMQPAddress
            do throws(AMQPError) {
                address = try AMQPAddress(url: url)
            } catch {
                throw Misconfigured("CASEROUTER_BROKER_URL cannot be used: \(error.text)")
            }
            if let file = values["CASEROUTER_BROKER_PASSWORD_FILE"] {
                // Why it cannot be read is for who looks at the file.
                guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
                    throw Misconfigured("CASEROUTER_BROKER_PASSWORD_FILE names a file that cannot be read")
                }
                address.password = String(text.prefix { !$0.isNewline })
            }
            address.caFile = try caFile
            let isLocal = address.hosts.allSatisfy { ["127.0.0.1", "localhost", "::1"].contains($0.name) }
            let allowsPlain = try allowsInsecure
            guard address.usesTLS || isLocal || allowsPlain else {
                throw Misconfigured(
                    "CASEROUTER_BROKER_URL names another machine without TLS; use amqps://, or set CASEROUTER_INSECURE=1"
                )
            }
            return address
        }
    }

    var keyFile: String { get throws(Misconfigured) { try required("CASEROUTER_KEY_FILE") } }

    /// For commands that can do something without it.
    var namedKeyFile: String? { values["CASEROUTER_KEY_FILE"] }

    var keys: MasterKeys {
        get throws(Misconfigured) {
            let file = try keyFile
            do throws(MasterKeys.Problem) {
                return try MasterKeys(file: file, credentials: credentialsDirectory)
            } catch {
                throw Misconfigured("CASEROUTER_KEY_FILE: \(error.description)")
            }
        }
    }

    var caFile: String? {
        get throws(Misconfigured) {
            guard let file = values["CASEROUTER_CA_FILE"] else { return nil }
            // Why it cannot be read is for who looks at the file.
            guard let text = try? String(contentsOfFile: file, encoding: .utf8), text.contains("BEGIN CERTIFICATE")
            else { throw Misconfigured("CASEROUTER_CA_FILE names a file that cannot be read, or holds no certificate") }
            return file
        }
    }

    /// Plaintext beyond loopback.
    var allowsInsecure: Bool {
        get throws(Misconfigured) {
            switch values["CASEROUTER_INSECURE"] {
            case nil, "", "0": return false
            case "1": return true
            default: throw Misconfigured("CASEROUTER_INSECURE has to be 0 or 1")
            }
        }
    }

    var casesInFlight: Int {
        get throws {
            guard let text = values["CASEROUTER_CASES_IN_FLIGHT"] else { return 500 }
            guard let number = Int(text), (1...10_000).contains(number) else {
                throw Misconfigured("CASEROUTER_CASES_IN_FLIGHT has to be a whole number from 1 to 10000")
            }
            return number
        }
    }

    /// Where to serve HTTP, as host and port.
    func listen(default fallback: String?) throws -> (host: String, port: Int)? {
        guard let text = values["CASEROUTER_LISTEN"] ?? fallback else { return nil }
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65_535).contains(port), colon > text.startIndex
        else { throw Misconfigured("CASEROUTER_LISTEN has to be HOST:PORT") }
        return (String(text[..<colon]), port)
    }

    var logLevel: Logger.Level {
        get throws {
            guard let text = values["CASEROUTER_LOG_LEVEL"] else { return .info }
            guard let level = Logger.Level(rawValue: text) else {
                throw Misconfigured(
                    "CASEROUTER_LOG_LEVEL has to be one of \(Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))"
                )
            }
            return level
        }
    }

    var logsJSON: Bool {
        get throws {
            switch values["CASEROUTER_LOG_FORMAT"] {
            case nil, "text": return false
            case "json": return true
            default: throw Misconfigured("CASEROUTER_LOG_FORMAT has to be text or json")
            }
        }
    }

    /// The name under which people know this process; by default host and process id.
    var workerName: String {
        if let name = values["CASEROUTER_WORKER_NAME"], !name.isEmpty { return name }
        return "\(Self.host)-\(ProcessInfo.processInfo.processIdentifier)"
    }

    static var host: String { ProcessInfo.processInfo.hostName }

    private func required(_ name: String) throws(Misconfigured) -> String {
        guard let value = values[name], !value.isEmpty else { throw Misconfigured("\(name) is not set") }
        return value
    }
}

/// What is set cannot be used: exit code 78.
struct Misconfigured: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
