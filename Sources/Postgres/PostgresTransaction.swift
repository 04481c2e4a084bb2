/// Several statements with one commit, for paths where a round trip each does not matter.
///
/// Valid inside the closure it is given to, for one statement at a time.
public struct PostgresTransaction: Sendable {
    let connection: PostgresConnection

    /// Sends one statement. Nothing of it lasts before the transaction has ended.
    ///
    /// - Throws: also `.connectionLost` where a statement alone would be `.unknown`: without COMMIT nothing lasts.
    public func query(
        _ sql: String, _ parameters: [PostgresValue] = [], name: String? = nil
    ) async throws(PostgresError) -> PostgresRows {
        do throws(PostgresError) {
            return try await connection.send(sql, parameters, name: name, endsTurn: false)
        } catch {
            throw error.kind == .unknown ? error.with(kind: .connectionLost) : error
        }
    }
}

extension PostgresConnection {
    /// Runs `body` between BEGIN and COMMIT, alone on this connection; rolls back when it throws.
    ///
    /// When the commit's answer is lost the error is `.unknown`; every other error means that nothing lasts.
    public func transaction<Value>(
        isolation: isolated (any Actor)? = #isolation, name: String = "transaction",
        _ body: (PostgresTransaction) async throws(PostgresError) -> Value
    ) async throws(PostgresError) -> Value {
        try await enterExclusively(name)
        let transaction = PostgresTransaction(connection: self)
        let value: Value
        do throws(PostgresError) {
            _ = try await transaction.query("BEGIN", name: name)
            value = try await body(transaction)
        } catch {
            await rollBack(name)
            throw error
        }
        try await commit(name)
        return value
    }

    private func enterExclusively(_ name: String) async throws(PostgresError) {
        try await gate.enter(exclusively: true, operation: name)
    }

    private func commit(_ name: String) async throws(PostgresError) {
        // A caller cancelled now has to know how it ends: either way nothing else would be true.
        let rows = try await send("COMMIT", [], name: name, endsTurn: true, cancellable: false)
        // COMMIT of a transaction whose statement failed, and whose error the body swallowed, is a rollback.
        if rows.commandTag == "ROLLBACK" {
            throw PostgresError(.other, name, "a statement had failed, so the transaction was rolled back")
        }
    }

    /// The rollback has its place in the pipeline even when the caller is cancelled, so it is not waited for.
    private func rollBack(_ name: String) {
        start("ROLLBACK", name: name)
    }
}
