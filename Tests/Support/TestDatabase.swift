import Glibc
import Polling
import Postgres

/// A fresh database on the shared test server, dropped when the test is over.
public struct TestDatabase: Sendable {
    public let name: String
    public let address: PostgresAddress
    /// The same as text, for processes that a test starts.
    public let url: String

    /// A database name that no other test has.
    private static func uniqueName() -> String {
        let random = UInt64.random(in: .min ... .max)
        return "test_\(getpid())_\(String(random, radix: 36))"
    }

    /// Runs `body` with a database of its own.
    ///
    /// - Parameters:
    ///   - setUp: a script run in it first.
    ///   - template: what it is a copy of; empty without.
    public static func with<Value>(
        _ setUp: String = "", copying template: TestDatabase? = nil, isolation: isolated (any Actor)? = #isolation,
        _ body: (TestDatabase) async throws -> Value
    ) async throws -> Value {
        try await with(on: try serverURL(), setUp, copying: template, isolation: isolation, body)
    }

    /// Makes a database on the shared server that others can be copied from. It stays as long as the server.
    public static func template(_ setUp: (PostgresConnection) async throws -> Void) async throws -> TestDatabase {
        let serverURL = try serverURL()
        let database = try TestDatabase(name: uniqueName(), serverURL: serverURL)
        try await database.run(onServer: serverURL, "CREATE DATABASE \(database.name)")
        try await run(on: database.address, setUp)
        return database
    }

    /// The same on a server of the test's own.
    public static func with<Value>(
        on serverURL: String, _ setUp: String = "", copying template: TestDatabase? = nil,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (TestDatabase) async throws -> Value
    ) async throws -> Value {
        let database = try TestDatabase(name: uniqueName(), serverURL: serverURL)
        let origin = template.map { " TEMPLATE \($0.name)" } ?? ""
        try await database.run(onServer: serverURL, "CREATE DATABASE \(database.name)\(origin)")
        do {
            if !setUp.isEmpty { try await database.run(on: database.address, setUp) }
            let value = try await body(database)
            try await database.run(onServer: serverURL, "DROP DATABASE \(database.name) WITH (FORCE)")
            return value
        } catch {
            // The failure of the test is the news, not that of the cleaning up: its server may be gone.
            try? await database.run(onServer: serverURL, "DROP DATABASE \(database.name) WITH (FORCE)")
            throw error
        }
    }

    /// The server's address from the environment.
    public static func serverURL() throws -> String {
        guard let value = getenv("CASEROUTER_TEST_DATABASE_URL") else {
            throw MissingServer(variable: "CASEROUTER_TEST_DATABASE_URL")
        }
        return String(cString: value)
    }

    private init(name: String, serverURL: String) throws {
        self.name = name
        // Only the path of the URL is another one.
        let parts = serverURL.split(separator: "?", maxSplits: 1)
        let end = parts[0].lastIndex(of: "/")!
        url = parts[0][...end] + name + (parts.count > 1 ? "?\(parts[1])" : "")
        address = try PostgresAddress(url)
    }

    /// Opens a connection on a loop of the test's.
    public func connect(on executor: PollExecutor) async throws -> PostgresConnection {
        try await PostgresConnection.open(address, PostgresSettings(applicationName: "test"), on: executor)
    }

    private func run(onServer url: String, _ script: String) async throws {
        try await run(on: try PostgresAddress(url), script)
    }

    private func run(on address: PostgresAddress, _ script: String) async throws {
        try await Self.run(on: address) { try await $0.execute(script: script, name: "set up") }
    }

    private static func run(
        on address: PostgresAddress, _ body: (PostgresConnection) async throws -> Void
    ) async throws {
        let executor = PollExecutor(name: "test-setup")
        defer { executor.stop() }
        let connection = try await PostgresConnection.open(
            address, .migration(applicationName: "test-setup"), on: executor)
        do {
            try await body(connection)
        } catch {
            await connection.close()
            throw error
        }
        await connection.close()
    }
}

/// A test that misses its server fails; it is not skipped.
public struct MissingServer: Error, CustomStringConvertible {
    public let variable: String
    public var description: String { "set \(variable) (scripts/test starts the servers and does)" }
}
