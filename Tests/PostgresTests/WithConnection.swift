import Polling
import Postgres
import TestSupport

/// Runs a test with a loop, a fresh database and one connection.
func withConnection(
    _ setUp: String = "",
    _ body: (PostgresConnection, TestDatabase) async throws -> Void
) async throws {
    let loop = PollExecutor(name: "test")
    defer { loop.stop() }
    try await TestDatabase.with(setUp) { database in
        let connection = try await database.connect(on: loop)
        do {
            try await body(connection, database)
        } catch {
            await connection.close()
            throw error
        }
        await connection.close()
    }
}

/// Runs a test with a Batcher on a connection of its own.
func withBatcher(
    _ setUp: String = "", lock: BatchLock? = nil, limits: Batcher.Limits = .init(),
    _ body: (Batcher, PostgresConnection, TestDatabase) async throws -> Void
) async throws {
    try await withConnection(setUp) { connection, database in
        let batcher = Batcher(on: connection.executor, lock: lock, limits: limits)
        await batcher.attach(connection)
        do {
            try await body(batcher, connection, database)
        } catch {
            await batcher.close()
            throw error
        }
        await batcher.close()
    }
}

/// Runs a test with a connection through a proxy that can break it.
func withProxy(
    _ setUp: String = "", settings change: (inout PostgresSettings) -> Void = { _ in },
    _ body: (PostgresConnection, CuttingProxy) async throws -> Void,
    afterwards check: (PostgresConnection) async throws -> Void = { _ in }
) async throws {
    let loop = PollExecutor(name: "test")
    defer { loop.stop() }
    try await TestDatabase.with(setUp) { database in
        let proxy = try CuttingProxy(to: Int(database.address.ports[0])!)
        defer { proxy.close() }
        let port = ":\(database.address.ports[0])/"
        let address = try PostgresAddress(database.url.replacing(port, with: ":\(proxy.port)/"))
        var settings = PostgresSettings(applicationName: "test")
        change(&settings)
        let connection = try await PostgresConnection.open(address, settings, on: loop)
        do {
            try await body(connection, proxy)
        } catch {
            await connection.close()
            throw error
        }
        await connection.close()
        let direct = try await database.connect(on: loop)
        do {
            try await check(direct)
        } catch {
            await direct.close()
            throw error
        }
        await direct.close()
    }
}
