import ArgumentParser
import CaseRouting
import Operations
import Postgres
import Store

/// The filters that mean the same in every command.
struct FilterOptions: ParsableArguments {
    @Option(help: "Only cases of this org.") var org: String?
    @Option(help: "Only cases wanted on this CIC server.") var cic: String?
    @Option(help: "Only cases wanted on this workgroup.") var workgroup: String?
    @Option(help: "Only failures with this cause, as skill-unknown.") var cause: String?
    @Option(help: "Only what failed at this time or later: 2026-11-21, 09:00, 2h, yesterday.") var from: String?
    @Option(help: "Only what failed before this time.") var to: String?
    @Option(help: "At most this many, the oldest first.") var limit: Int?
    @OptionGroup var zone: ZoneOption

    /// Whether nothing but the zone was given.
    var isEmpty: Bool { [org, cic, workgroup, cause, from, to].allSatisfy { $0 == nil } && limit == nil }

    func filter(limit usual: Int = FailureFilter.maximum) throws -> FailureFilter {
        let times = try zone.zone()
        var filter = FailureFilter()
        filter.org = org
        filter.cic = cic
        filter.workgroup = workgroup
        filter.cause = cause.map { FailureCause(rawValue: $0) }
        filter.from = try from.map { try times.read($0, option: "--from") }
        filter.to = try to.map { try times.read($0, option: "--to") }
        filter.limit = limit ?? usual
        return filter
    }
}

/// Opens the database for what people do about failed cases.
func withFailures<Value: Sendable>(
    _ body: @escaping @Sendable (Failures) async throws -> Value
) async throws -> Value {
    // Planning for a hundred thousand failed cases takes longer than a worker's statement may.
    var settings = PostgresSettings(applicationName: "caserouter")
    settings.statementTimeout = .seconds(300)
    settings.answerTimeout = .seconds(330)
    return try await withDatabase(try Surroundings(), settings) { database in
        try await body(Failures(store: PostgresFailureStore(database)))
    }
}
