import CaseRouting
import Postgres

extension RoutingFailure {
    /// Our own database did not do what was asked: never an attempt, nothing may be concluded from it.
    init(_ error: PostgresError) {
        self.init(
            .own, at: .store, cause: .database,
            "The database of the case router did not carry out '\(error.operation)': \(error.text)"
                + (error.sqlState.map { " [\($0)]." } ?? "."))
    }
}

/// A group role of the database: the rights of one job.
enum JobRole: String {
    case admin = "caserouter_admin"
    case report = "caserouter_report"
    /// What people and workers both read.
    case any = "caserouter_admin (a worker: caserouter_ingest or caserouter_route)"
}

extension RoutingFailure {
    /// The same for what people do: a right that is missing is for a person to grant, and the sentence names the role.
    init(_ error: PostgresError, needing role: JobRole) {
        guard error.kind == .permission else {
            self.init(error)
            return
        }
        // Who may not even log in lacks something else.
        let need = error.sqlState == "42501" ? ": this needs a log-in that was granted the role \(role.rawValue)" : ""
        self.init(.configuration, at: .store, cause: .database, error.text + need)
    }
}

extension PostgresRow {
    /// A value that the schema or we ourselves should have kept from being there.
    func unreadable(_ what: String) -> PostgresError { PostgresError(.decoding, "row", what) }

    func timestamp(_ column: Int) throws(PostgresError) -> CaseRouting.Timestamp {
        CaseRouting.Timestamp(microseconds: try microseconds(column))
    }

    func optionalTimestamp(_ column: Int) throws(PostgresError) -> CaseRouting.Timestamp? {
        try optionalMicroseconds(column).map { CaseRouting.Timestamp(microseconds: $0) }
    }

    func recordID(_ column: Int) throws(PostgresError) -> RecordID {
        let text = try text(column)
        do throws(InvalidRecordID) {
            return try RecordID(text)
        } catch {
            throw unreadable("column \(column) is \(error)")
        }
    }

    func attemptID(_ column: Int) throws(PostgresError) -> AttemptID { AttemptID(try uuid(column)) }
}

extension AttemptID {
    init(_ bits: UInt128) {
        self.init(high: UInt64(truncatingIfNeeded: bits >> 64), low: UInt64(truncatingIfNeeded: bits))
    }

    var bits: UInt128 { UInt128(high) << 64 | UInt128(low) }
}

extension BatchKey {
    init(_ key: CaseKey) { self.init(key.org, key.caseID.description) }
}
