import CPostgres
import Glibc

/// An open libpq connection on its way from the thread that opened it to its loop.
// Sendable is unchecked because the opening thread gives it away and does not touch it again.
struct OpenHandle: @unchecked Sendable {
    let pointer: OpaquePointer

    /// Blocks until the session is open, at most the connect time-out for each host.
    static func connect(_ address: PostgresAddress, _ settings: PostgresSettings) throws(PostgresError) -> OpenHandle {
        let handle = withParameters(settings.parameters(for: address)) { PQconnectdbParams($0, $1, 1) }
        guard let handle else { throw PostgresError(.overloaded, "connect", "out of memory") }
        if PQstatus(handle) == CONNECTION_OK { return OpenHandle(pointer: handle) }
        defer { PQfinish(handle) }
        let text = String(cString: PQerrorMessage(handle))
            .split(whereSeparator: \.isNewline).joined(separator: "; ")
        // libpq keeps no SQLSTATE of a refused log-in, so the server's words have to do.
        if fullHouses.contains(where: { text.contains($0) }) {
            throw PostgresError(.connectionLost, "connect", sqlState: PostgresError.outOfSessions, "\(text): \(room)")
        }
        let refused = PQconnectionNeedsPassword(handle) == 1 || refusals.contains { text.contains($0) }
        throw PostgresError(refused ? .permission : .connectionLost, "connect", text)
    }

    /// What a server says (in English) when it is there and does not let this user in.
    private static let refusals = [
        "authentication failed", "no pg_hba.conf entry", "not permitted to log in", "permission denied",
        "does not exist",
    ]

    /// What it says when it would let this user in and has no session left, or keeps the last ones for others.
    private static let fullHouses = [
        "too many clients already", "remaining connection slots are reserved", "too many connections for",
    ]
    private static let room =
        "no session is left for this login; raise max_connections (or the limit of the role or database), or end "
        + "sessions that nobody needs"

    private static func withParameters<Result>(
        _ parameters: [(String, String)],
        _ body: (UnsafePointer<UnsafePointer<CChar>?>, UnsafePointer<UnsafePointer<CChar>?>) -> Result
    ) -> Result {
        // Copies that C can keep for the time of the call, each list ended by a null.
        let keywords = parameters.map { strdup($0.0) }
        let values = parameters.map { strdup($0.1) }
        defer {
            for pointer in keywords + values { free(pointer) }
        }
        let keywordList = keywords.map { UnsafePointer($0) } + [nil]
        let valueList = values.map { UnsafePointer($0) } + [nil]
        return keywordList.withUnsafeBufferPointer { keywords in
            valueList.withUnsafeBufferPointer { values in body(keywords.baseAddress!, values.baseAddress!) }
        }
    }
}
