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
